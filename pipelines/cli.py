"""The ``docsluice`` command.

Thin: a command turns its flags into settings, calls one function and shows what comes back.
Heavy modules are imported inside the commands, so that ``docsluice --help`` is quick.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines import __version__
from pipelines.console import ExitCode, errors_in_words, set_up_logging

app = typer.Typer(
    help="Raw documents in; clean, deduplicated, enriched, searchable documents out.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

StoreOption = Annotated[
    str | None, typer.Option("--store", "-o", metavar="DIR", help="The store. [default: store]")
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help="YAML file of settings.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Log more, to stderr.")]


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


def _settings(config: Path | None, **flags: Any) -> Any:
    from pipelines.settings import load

    return load(flags, config)


@app.command()
def run(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE...", help="Files, directories, globs or URIs (gs://, s3://)."
        ),
    ] = None,
    store: StoreOption = None,
    config: ConfigOption = None,
    include: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Take only files that match; may be repeated."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Leave out files that match; may be repeated."),
    ] = None,
    format: Annotated[  # noqa: A002  the flag is --format
        str | None,
        typer.Option(
            metavar="KIND",
            help="Read every file as text, markdown, html, json, jsonl, csv, tsv or parquet; "
            "told from name and content otherwise.",
        ),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Encoding of the files; detected otherwise."),
    ] = None,
    text_field: Annotated[
        str | None, typer.Option(metavar="NAME", help="Field that holds the text of a record.")
    ] = None,
    title_field: Annotated[
        str | None, typer.Option(metavar="NAME", help="Field that holds the title.")
    ] = None,
    id_field: Annotated[
        str | None, typer.Option(metavar="NAME", help="Field that names the record.")
    ] = None,
    date_field: Annotated[
        str | None, typer.Option(metavar="NAME", help="Field that holds the date.")
    ] = None,
    url_field: Annotated[
        str | None, typer.Option(metavar="NAME", help="Field that holds the address.")
    ] = None,
    max_document_bytes: Annotated[
        int | None,
        typer.Option(metavar="BYTES", help="Refuse larger documents. [default: 64 MiB]"),
    ] = None,
    min_quality: Annotated[
        str | None,
        typer.Option(
            metavar="LEVEL",
            help="Reject documents below any, fair or good, or with one of these quality flags "
            "(with commas). [default: any, which rejects none]",
        ),
    ] = None,
    duplicates: Annotated[
        str | None,
        typer.Option(
            metavar="MODE",
            help="drop duplicates, keep them marked, or off: do not look. [default: drop]",
        ),
    ] = None,
    similarity_threshold: Annotated[
        float | None,
        typer.Option(
            metavar="0..1",
            help="Jaccard similarity of 5-word shingles from which on two texts are duplicates. "
            "[default: 0.8]",
        ),
    ] = None,
    entities: Annotated[
        bool | None,
        typer.Option("--entities/--no-entities", help="Find people, organisations and places."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LANG=NAME",
            help="spaCy model for a language, such as fr=fr_core_news_lg; may be repeated.",
        ),
    ] = None,
    index: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="sqlite, or none for Parquet alone. [default: sqlite]"),
    ] = None,
    runner: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="direct, or the name of any Beam runner. [default: direct]"
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Processes of the direct runner. [default: all cores if the input is worth it]",
        ),
    ] = None,
    runner_option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Beam option for another runner, such as job_endpoint=localhost:8099; "
            "may be repeated.",
        ),
    ] = None,
    reprocess: Annotated[
        bool | None,
        typer.Option("--reprocess", help="Read all files again, also those seen before."),
    ] = None,
    strict: Annotated[
        bool | None,
        typer.Option("--strict", help="Exit with 1 if any document failed."),
    ] = None,
    json: JsonOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")] = False,
    verbose: VerboseOption = False,
) -> None:
    """Ingest what is new or changed under the sources into the store.

    Run it again at any time: files that were seen before and did not change are skipped.
    Exit codes: 0 all well; 1 some documents failed (with --strict); 2 wrong usage or
    configuration; 3 failed, nothing committed.
    """
    set_up_logging(verbose, quiet)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with errors_in_words():
        flags = {
            "sources": sources or None,
            "include": include or None,
            "exclude": exclude or None,
            "models": _models(model) if model else None,
            "runner_options": runner_option or None,
            "store": store,
            "format": format,
            "encoding": encoding,
            "text_field": text_field,
            "title_field": title_field,
            "id_field": id_field,
            "date_field": date_field,
            "url_field": url_field,
            "max_document_bytes": max_document_bytes,
            "min_quality": min_quality,
            "duplicates": duplicates,
            "similarity_threshold": similarity_threshold,
            "entities": entities,
            "index": index,
            "runner": runner,
            "workers": workers,
            "reprocess": reprocess,
            "strict": strict,
        }
        settings = _settings(config, **flags)
        from pipelines.execute import execute
        from pipelines.progress import follower
        from pipelines.report import show_summary

        summary = execute(settings, follower(quiet or json))
        if not quiet or json:
            show_summary(settings, summary, json)
        if settings.strict and summary.failed:
            raise typer.Exit(ExitCode.SOME_FAILED)


def _models(pairs: list[str]) -> dict[str, str]:
    from pipelines.settings import ConfigurationError

    models = {}
    for pair in pairs:
        language, equals, name = pair.partition("=")
        if not (language and equals and name):
            raise ConfigurationError(
                f"--model takes LANG=NAME, such as fr=fr_core_news_lg: {pair!r}"
            )
        models[language] = name
    return models


@app.command()
def search(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WORDS...", help='Words, "phrases", prefix*, -excluded, OR. Quote them.'
        ),
    ] = None,
    store: StoreOption = None,
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
    set_up_logging()
    with errors_in_words():
        from pipelines.search import search_store

        search_store(
            _settings(None, store=store).store,
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
        )


@app.command()
def serve(
    store: StoreOption = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free port.")] = 8001,
    open_browser: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Show the index as a web page, on this machine only, until Ctrl-C."""
    set_up_logging()
    with errors_in_words():
        from pipelines.serve import serve as serve_store

        serve_store(_settings(None, store=store).store, port=port, open_browser=open_browser)


@app.command()
def explain(
    document: Annotated[str, typer.Argument(metavar="ID|PATH|URL", help="Which document.")],
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Tell what became of a document, over all runs, and why.

    An id, a path, a URL, or the end of one; a file tells of all documents in it.
    """
    set_up_logging()
    with errors_in_words():
        from pipelines.explain import explain as explain_document

        explain_document(_settings(None, store=store).store, document, json)


@app.command()
def status(store: StoreOption = None, json: JsonOption = False) -> None:
    """Show what is in a store: runs, outcomes, languages, size."""
    set_up_logging()
    with errors_in_words():
        from pipelines.status import show_status

        show_status(_settings(None, store=store).store, json)


@app.command()
def report(
    store: StoreOption = None,
    run_id: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="Only of this run; else of all.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Sum up in words what was kept and what was not, and why."""
    set_up_logging()
    with errors_in_words():
        from pipelines.report import show_report

        show_report(_settings(None, store=store).store, run_id, json)


@app.command()
def reindex(store: StoreOption = None, json: JsonOption = False) -> None:
    """Build the index anew from the store's Parquet files."""
    set_up_logging()
    with errors_in_words():
        from pipelines.reindex import reindex as reindex_store

        reindex_store(_settings(None, store=store), json)


@app.command()
def doctor(store: StoreOption = None, json: JsonOption = False) -> None:
    """Check this installation: versions, models, disk, store."""
    set_up_logging()
    with errors_in_words():
        from pipelines.doctor import examine

        if not examine(_settings(None, store=store).store, json):
            raise typer.Exit(ExitCode.FAILED)


def main() -> None:
    """Entry point of the ``docsluice`` command."""
    app(prog_name="docsluice")
