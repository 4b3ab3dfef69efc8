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
            "index": index,
            "elasticsearch": {"url": elasticsearch_url} if elasticsearch_url else None,
            "runner": runner,
            "workers": workers,
            "reprocess": reprocess,
            "strict": strict,
        }
        settings = settings_of(config, **flags)
        from pipelines.execute import execute
        from pipelines.progress import follower
        from pipelines.report import show_summary

        summary = execute(settings, follower(quiet or json))
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
