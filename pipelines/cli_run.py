"""``docsluice run``: its many flags, one per setting."""

from __future__ import annotations

import gc
import signal
from typing import Annotated

import typer

from pipelines.console import ExitCode, command
from pipelines.flags import ConfigOption, JsonOption, StoreOption, VerboseOption, settings_of


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
    cache: Annotated[
        bool | None,
        typer.Option(
            "--cache/--no-cache", help="Keep what was found in a text, not to look for it again."
        ),
    ] = None,
    cache_bytes: Annotated[
        int | None,
        typer.Option(metavar="BYTES", help="Size of what is kept for that. [default: 1 GiB]"),
    ] = None,
    index: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="sqlite, elasticsearch, or none for Parquet alone. [default: elasticsearch if "
            "its address is given, else sqlite]",
        ),
    ] = None,
    elasticsearch_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Address of Elasticsearch. [default: http://localhost:9200]"
        ),
    ] = None,
    runner: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="direct, prism, flink, spark, dataflow, or another of Beam's. [default: direct]",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Worker processes. [default: all cores if the input is worth it]",
        ),
    ] = None,
    runner_option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Option of another runner, such as job_endpoint=localhost:8099; may be repeated.",
        ),
    ] = None,
    settle_seconds: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Leave files that changed so short a time ago to the next run. [default: 0]",
        ),
    ] = None,
    reprocess: Annotated[
        bool | None,
        typer.Option("--reprocess", help="Read all files again, also those seen before."),
    ] = None,
    check: Annotated[
        str | None,
        typer.Option(
            metavar="HOW",
            help="Tell changed files by time (and size), or content: read each. [default: time]",
        ),
    ] = None,
    max_delete_fraction: Annotated[
        float | None,
        typer.Option(
            metavar="0..1",
            help="Delete documents whose files are gone up to this part of all that are published "
            "under the sources; beyond it, none. [default: 0.2]",
        ),
    ] = None,
    batch_bytes: Annotated[
        int | None,
        typer.Option(
            metavar="BYTES", help="Input that is read and committed at a time. [default: 256 MiB]"
        ),
    ] = None,
    wait: Annotated[
        bool | None,
        typer.Option("--wait", help="Wait while another run writes to the store."),
    ] = None,
    wait_seconds: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Wait for another run, but no longer than this."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what a run would do; write nothing."),
    ] = False,
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
    gc.disable()  # until there is something to process: what is made till then stays
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with command(verbose, quiet):
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
            "cache": cache,
            "cache_bytes": cache_bytes,
            "index": index,
            "elasticsearch": {"url": elasticsearch_url} if elasticsearch_url else None,
            "runner": runner,
            "workers": workers,
            "settle_seconds": settle_seconds,
            "reprocess": reprocess,
            "check": check,
            "max_delete_fraction": max_delete_fraction,
            "batch_bytes": batch_bytes,
            "wait": wait,
            "wait_seconds": wait_seconds,
            "strict": strict,
        }
        settings = settings_of(config, **flags)
        if dry_run:
            from pipelines.dry_run import show_plan

            show_plan(settings, json)
            return
        from pipelines.execute import execute
        from pipelines.progress import follower
        from pipelines.report import show_summary

        follow = follower(quiet or json)
        summary = execute(settings, follow, follow.begin)
        if not quiet or json:
            show_summary(settings, summary, json)
        gc.freeze()  # else the interpreter's end looks through all that Beam and spaCy brought
        if settings.strict and summary.failed:
            raise typer.Exit(ExitCode.SOME_FAILED)


def _models(pairs: list[str]) -> dict[str, str]:
    from pipelines.settings import ConfigurationError

    models = {}
    for pair in pairs:
        language, equals, name = pair.partition("=")
        if not (language and equals):
            raise ConfigurationError(
                f"--model takes LANG=NAME, such as fr=fr_core_news_lg: {pair!r}"
            )
        models[language] = name
    return models
