"""``docsluice stream``."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.console import command
from pipelines.flags import ConfigOption, StoreOption, VerboseOption, settings_of
from pipelines.schedule_flags import (
    EntitiesOption,
    ExcludeOption,
    IncludeOption,
    IndexOption,
    MaxDeleteOption,
    MetricsAddressOption,
    MetricsPortOption,
    QuietOption,
    StatusFileOption,
    UrlOption,
)

if TYPE_CHECKING:
    from datetime import timedelta


_SETTLE_SECONDS = 1.0
"""Who streams takes files while others write them: unlike a run it waits by default."""


def stream(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE...",
            help="Files, directories, globs or URIs; - takes lines from stdin; "
            "kafka://HOST:PORT/TOPIC or pubsub://PROJECT/SUBSCRIPTION.",
        ),
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Take lines from whoever connects there."),
    ] = None,
    kafka_option: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Option of Kafka's consumer; may be repeated."),
    ] = None,
    window: Annotated[
        str | None, typer.Option(metavar="TIME", help="Commit a run so often. [default: 1m]")
    ] = None,
    poll: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", help="Rest between two looks for new files. [default: 0.2]"
        ),
    ] = None,
    settle: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", help="Take a file when it has not changed so long. [default: 1]"
        ),
    ] = None,
    in_flight: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Files on the way to the index at a time, at most. [default: 500]"
        ),
    ] = None,
    duplicate_ttl: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Compare new documents with those that arrived so long ago, and with all that "
            "is committed. [default: 10m]",
        ),
    ] = None,
    max_delete_fraction: MaxDeleteOption = None,
    store: StoreOption = None,
    config: ConfigOption = None,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    entities: EntitiesOption = None,
    index: IndexOption = None,
    elasticsearch_url: UrlOption = None,
    runner: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="prism, flink, dataflow. [default: prism]"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Worker processes. [default: all cores]")
    ] = None,
    runner_option: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Option of the runner; may be repeated."),
    ] = None,
    grace: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="How long what was read may take after the first signal to stop."
        ),
    ] = "60s",
    status_file: StatusFileOption = None,
    metrics_port: MetricsPortOption = None,
    metrics_address: MetricsAddressOption = "127.0.0.1",
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Ingest documents as they arrive, until Ctrl-C or SIGTERM.

    They are searched seconds later. It works on Prism, one program that Beam fetches the first
    time, or on Flink: see docs/runners.md.

    Settings that have no option here come from --config or the environment, as for run.

    Exit codes: 0 ended as asked, 2 wrong usage, 3 the stream failed or was abandoned.
    """
    with command(verbose, quiet):
        import logging

        from pipelines.brokers import is_broker, read_broker
        from pipelines.stop_signals import StopSignals
        from pipelines.stream import stream as keep_streaming
        from pipelines.stream_driver import StreamOptions
        from pipelines.stream_intake import Intake, read_address
        from pipelines.stream_report import reporter

        level = logging.DEBUG if verbose else logging.ERROR if quiet else logging.INFO
        logging.getLogger("pipelines").setLevel(level)
        settings = settings_of(
            config,
            sources=sources or None,
            store=store,
            include=include or None,
            exclude=exclude or None,
            entities=entities,
            index=index,
            elasticsearch={"url": elasticsearch_url} if elasticsearch_url else None,
            runner=runner,
            workers=workers,
            runner_options=runner_option or None,
            settle_seconds=settle,
            max_delete_fraction=max_delete_fraction,
            stream=_of_stream(window, poll, in_flight, duplicate_ttl),
        )
        if "settle_seconds" not in settings.model_fields_set:
            settings = settings.model_copy(update={"settle_seconds": _SETTLE_SECONDS})
        address = read_address(listen) if listen else None
        takes_lines = "-" in settings.sources
        intake = None
        if takes_lines or address:
            intake = Intake(settings.store, settings.max_document_bytes)
        brokers = tuple(
            read_broker(source, kafka_option or ())
            for source in settings.sources
            if is_broker(source)
        )
        others = [one for one in settings.sources if one != "-" and not is_broker(one)]
        settings = settings.model_copy(update={"sources": others})
        ours = (status_file,) if status_file else ()
        options = StreamOptions(_duration("grace", grace), intake, brokers, ours, verbose)
        with ExitStack() as stack:
            signals = stack.enter_context(StopSignals())
            reporting = reporter(settings.store, status_file, metrics_port, metrics_address)
            if intake is not None and takes_lines:
                import sys

                intake.read(sys.stdin.buffer)
            if intake is not None and address:
                port = stack.enter_context(intake.listening(*address))
                logging.getLogger(__name__).info("taking lines at %s:%d", address[0], port)
            keep_streaming(settings, options, signals, reporting)


def _of_stream(
    window: str | None, poll: float | None, in_flight: int | None, duplicate_ttl: str | None
) -> dict[str, float] | None:
    """The settings of the stream that were given as options."""
    given = {
        "window_seconds": window and _duration("window", window).total_seconds(),
        "poll_seconds": poll,
        "in_flight": in_flight,
        "duplicate_ttl_seconds": (
            duplicate_ttl and _duration("duplicate-ttl", duplicate_ttl).total_seconds()
        ),
    }
    return {name: float(value) for name, value in given.items() if value is not None} or None


def _duration(option: str, text: str) -> timedelta:
    from pipelines.rhythm import RhythmError, read_duration

    try:
        return read_duration(text)
    except RhythmError as error:
        raise RhythmError(f"--{option}: {error}") from None
