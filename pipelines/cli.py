"""The ``docsluice`` command.

Thin: a command turns its flags into settings, calls one function and shows what comes back.
Heavy modules are imported inside the commands, so that ``docsluice --help`` is quick.
"""

from __future__ import annotations

import os
from typing import Annotated

import typer

from pipelines import __version__
from pipelines.cli_dead_letters import dead_letters
from pipelines.cli_models import models
from pipelines.cli_reconcile import reconcile
from pipelines.cli_run import run
from pipelines.cli_schedule import schedule, watch
from pipelines.cli_store import compact, verify
from pipelines.cli_stream import stream
from pipelines.console import ExitCode, command, end_process
from pipelines.flags import ConfigOption, JsonOption, StoreOption, settings_of

app = typer.Typer(
    help="Raw documents in; clean, deduplicated, enriched, searchable documents out.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(short_help="Ingest what is new or changed under the sources.")(run)
app.command()(schedule)
app.command(short_help="Run whenever local files have changed, until Ctrl-C.")(watch)
app.command()(stream)
app.command(short_help="Correct the duplicates that streams have published.")(reconcile)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"docsluice {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


@app.command()
def search(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WORDS...", help='Words, "phrases", prefix*, -excluded, OR. Quote them.'
        ),
    ] = None,
    store: StoreOption = None,
    config: ConfigOption = None,
    language: Annotated[
        str | None, typer.Option(metavar="CODE", help="Only documents in this language.")
    ] = None,
    entity: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only documents that mention it; may be repeated."),
    ] = None,
    label: Annotated[
        str | None, typer.Option(metavar="LABEL", help="The entity is PER, ORG, LOC or MISC.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only sources whose name contains it.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Published on this day or later.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Published on this day or earlier.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Hits to show.")] = 10,
    offset: Annotated[int, typer.Option(min=0, help="Hits to skip.")] = 0,
    json: JsonOption = False,
) -> None:
    """Search the index of a store."""
    with command(commits=False):
        from pipelines.search import search_store

        settings = settings_of(config, store=store)
        search_store(
            settings.store,
            " ".join(words or ()),
            language=language,
            entities=tuple(entity or ()),
            label=label,
            source=source,
            since=since,
            until=until,
            limit=limit,
            offset=offset,
            as_json=json,
            settings=settings,
        )


@app.command(short_help="Show the index as a web page, on this machine only.")
def serve(
    store: StoreOption = None,
    config: ConfigOption = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free port.")] = 8001,
    open_browser: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Show the index as a web page, on this machine only, until Ctrl-C."""
    with command(commits=False):
        from pipelines.serve import serve as serve_store

        serve_store(settings_of(config, store=store).store, port=port, open_browser=open_browser)


@app.command()
def explain(
    document: Annotated[str, typer.Argument(metavar="ID|PATH|URL", help="Which document.")],
    store: StoreOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Tell what became of a document, over all runs, and why.

    An id, a path, a URL, or the end of one; a file tells of all documents in it.
    """
    with command(commits=False):
        from pipelines.explain import explain as explain_document

        explain_document(settings_of(config, store=store), document, json)


@app.command(short_help="Show what is in a store, and what the next run would do.")
def status(
    store: StoreOption = None,
    config: ConfigOption = None,
    next_run: Annotated[
        bool | None,
        typer.Option(
            "--next/--no-next",
            help="List the sources of the last run, to tell what the next would do. "
            "[default: yes, if they are all on this machine]",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show what is in a store: runs, outcomes, languages, size, and what the next run would do."""
    with command(commits=False):
        from pipelines.status import show_status

        show_status(settings_of(config, store=store), json, next_run)


@app.command()
def report(
    store: StoreOption = None,
    config: ConfigOption = None,
    run_id: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="Only of this run; else of all.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Sum up in words what was kept and what was not, and why."""
    with command(commits=False):
        from pipelines.report import show_report

        show_report(settings_of(config, store=store).store, run_id, json)


@app.command()
def reindex(
    store: StoreOption = None,
    config: ConfigOption = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Then delete the old indices that Elasticsearch keeps.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Build the index anew from the store's Parquet files."""
    with command(commits=False):
        from pipelines.reindex import reindex as reindex_store

        reindex_store(settings_of(config, store=store), json, prune)


app.command(short_help="Check that all parts of a store agree; --repair mends.")(verify)
app.command(short_help="Put all runs into few files.")(compact)


@app.command(short_help="Make ready Elasticsearch and the dashboards of Kibana.")
def provision(
    store: StoreOption = None,
    config: ConfigOption = None,
    kibana_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Address of Kibana. [default: none, no dashboards]"),
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Kibana space of the dashboards. [default: default]"),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Make ready Elasticsearch (templates, alias) and the dashboards of Kibana.

    Run it again at any time: it changes nothing that is as it should be.
    """
    with command(commits=False):
        from pipelines.provision import provision as make_ready

        given = {"url": kibana_url, "space": space}
        kibana = {name: value for name, value in given.items() if value is not None}
        make_ready(settings_of(config, store=store, kibana=kibana or None), json)


app.add_typer(
    dead_letters,
    name="dead-letters",
    short_help="List what could not be processed, and try it again.",
)
app.add_typer(
    models, name="models", short_help="List and install the spaCy models that find names."
)


@app.command()
def doctor(
    store: StoreOption = None, config: ConfigOption = None, json: JsonOption = False
) -> None:
    """Check this installation: versions, models, disk, store."""
    with command(commits=False):
        from pipelines.doctor import examine

        if not examine(settings_of(config, store=store), json):
            raise typer.Exit(ExitCode.FAILED)


def main() -> None:
    """Entry point of the ``docsluice`` command."""
    # Before numpy is loaded: each of our processes and threads multiplies matrices by itself.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Before Arrow is loaded: its other allocators keep what is free, in each of our processes.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    try:
        app(prog_name="docsluice")
    except SystemExit as end:
        end_process(end.code)
