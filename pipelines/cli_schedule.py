"""``docsluice schedule`` and ``docsluice watch``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.console import command
from pipelines.flags import ConfigOption, StoreOption, VerboseOption, settings_of
from pipelines.schedule_flags import (
    EntitiesOption,
    ExcludeOption,
    GraceOption,
    IncludeOption,
    IndexOption,
    MaxDeleteOption,
    MetricsAddressOption,
    MetricsPortOption,
    QuietOption,
    RetryMostOption,
    RetryOption,
    SourcesArgument,
    StatusFileOption,
    UrlOption,
    WorkersOption,
)

if TYPE_CHECKING:
    from datetime import timedelta

    from pipelines.rhythm import Rhythm
    from pipelines.service import ServiceOptions
    from pipelines.settings import Settings


def schedule(
    sources: SourcesArgument = None,
    every: Annotated[
        str | None, typer.Option(metavar="TIME", help="Run so often: 90s, 15m, 2h, 1d.")
    ] = None,
    cron: Annotated[
        str | None,
        typer.Option(metavar="LINE", help='Run by a crontab line: "*/15 * * * *".'),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Time zone of --cron, such as Europe/Paris. [default: local]"
        ),
    ] = None,
    run_at_start: Annotated[
        bool, typer.Option("--run-at-start/--no-run-at-start", help="Do a first run at once.")
    ] = True,
    store: StoreOption = None,
    config: ConfigOption = None,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    entities: EntitiesOption = None,
    index: IndexOption = None,
    elasticsearch_url: UrlOption = None,
    workers: WorkersOption = None,
    max_delete_fraction: MaxDeleteOption = None,
    grace: GraceOption = "60s",
    retry_after: RetryOption = "30s",
    retry_at_most: RetryMostOption = "1h",
    status_file: StatusFileOption = None,
    metrics_port: MetricsPortOption = None,
    metrics_address: MetricsAddressOption = "127.0.0.1",
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Run again and again, on a schedule, until Ctrl-C or SIGTERM.

    Runs never overlap; a missed one is made up for once. Settings that have no option here come
    from --config or the environment, as for run.
    """
    with command(verbose, quiet):
        from datetime import UTC, datetime

        from pipelines.attempt import Request
        from pipelines.rhythm import Cron, Every, RhythmError, time_zone
        from pipelines.schedule import keep_schedule
        from pipelines.service import service

        if bool(every) == bool(cron):
            raise RhythmError('say when: either --every 15m or --cron "*/15 * * * *"')
        if timezone is not None and not cron:
            raise RhythmError("--timezone is for --cron; --every needs none")
        now = datetime.now(UTC)
        rhythm: Rhythm
        if every:
            rhythm = Every(_duration("every", every), now)
        else:
            rhythm = Cron(cron or "", time_zone(timezone))
        rhythm.after(now)  # a day that never comes is told now
        flags = _flags(
            sources,
            store,
            include,
            exclude,
            entities,
            index,
            elasticsearch_url,
            workers,
            max_delete_fraction,
        )
        settings = _checked(config, flags)
        request = Request("schedule", flags, str(config) if config else None, verbose, quiet)
        options = _options(
            grace, retry_after, retry_at_most, status_file, metrics_port, metrics_address
        )
        with service(request, options, settings.store) as made:
            keep_schedule(made, rhythm, run_at_start)


def watch(
    sources: SourcesArgument = None,
    settle: Annotated[
        str, typer.Option(metavar="TIME", help="Take a file when it has not changed so long.")
    ] = "2s",
    max_wait: Annotated[
        str, typer.Option(metavar="TIME", help="Gather changes for so long at most.")
    ] = "10s",
    sweep: Annotated[
        str,
        typer.Option(metavar="TIME", help="Run so often also when no change is heard of."),
    ] = "1h",
    poll: Annotated[
        bool,
        typer.Option("--poll", help="Look at all files in turn: for network drives."),
    ] = False,
    store: StoreOption = None,
    config: ConfigOption = None,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    entities: EntitiesOption = None,
    index: IndexOption = None,
    elasticsearch_url: UrlOption = None,
    workers: WorkersOption = None,
    max_delete_fraction: MaxDeleteOption = None,
    grace: GraceOption = "60s",
    retry_after: RetryOption = "30s",
    retry_at_most: RetryMostOption = "1h",
    status_file: StatusFileOption = None,
    metrics_port: MetricsPortOption = None,
    metrics_address: MetricsAddressOption = "127.0.0.1",
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Run whenever local files have changed, until Ctrl-C or SIGTERM.

    Settings that have no option here come from --config or the environment, as for run.
    """
    with command(verbose, quiet):
        from pipelines.attempt import Request
        from pipelines.places import matters, places
        from pipelines.service import service
        from pipelines.watch import WatchOptions, keep_watch

        flags = _flags(
            sources,
            store,
            include,
            exclude,
            entities,
            index,
            elasticsearch_url,
            workers,
            max_delete_fraction,
        )
        settled = _duration("settle", settle)
        flags["settle_seconds"] = settled.total_seconds()
        settings = _checked(config, flags)
        watched = places(settings.sources)
        batches = WatchOptions(
            settled, _duration("max-wait", max_wait), _duration("sweep", sweep), poll
        )
        request = Request("watch", flags, str(config) if config else None, verbose, quiet)
        options = _options(
            grace, retry_after, retry_at_most, status_file, metrics_port, metrics_address
        )
        ours = [settings.store, *([status_file] if status_file else [])]
        with service(request, options, settings.store) as made:
            keep_watch(
                made,
                [place.root for place in watched],
                matters(watched, settings.include, settings.exclude, ours),
                batches,
            )


def _flags(
    sources: list[str] | None,
    store: str | None,
    include: list[str] | None,
    exclude: list[str] | None,
    entities: bool | None,
    index: str | None,
    elasticsearch_url: str | None,
    workers: int | None,
    max_delete_fraction: float | None,
) -> dict[str, Any]:
    """The settings that were given as options, for each run to begin from."""
    flags = {
        "sources": sources or None,
        "store": store,
        "include": include or None,
        "exclude": exclude or None,
        "entities": entities,
        "index": index,
        "elasticsearch": {"url": elasticsearch_url} if elasticsearch_url else None,
        "workers": workers,
        "max_delete_fraction": max_delete_fraction,
    }
    return {name: value for name, value in flags.items() if value is not None}


def _checked(config: Path | None, flags: dict[str, Any]) -> Settings:
    """The settings as they are now, so that a mistake in them is told before the first run."""
    from pipelines.settings import ConfigurationError

    settings = settings_of(config, **flags)
    if not settings.sources:
        raise ConfigurationError("name at least one source: a file, directory, glob or URI")
    return settings


def _duration(option: str, text: str) -> timedelta:
    from pipelines.rhythm import RhythmError, read_duration

    try:
        return read_duration(text)
    except RhythmError as error:
        raise RhythmError(f"--{option}: {error}") from None


def _options(
    grace: str,
    retry_after: str,
    retry_at_most: str,
    status_file: str | None,
    metrics_port: int | None,
    metrics_address: str,
) -> ServiceOptions:
    from pipelines.rhythm import BackOff
    from pipelines.service import ServiceOptions

    return ServiceOptions(
        _duration("grace", grace),
        BackOff(_duration("retry-after", retry_after), _duration("retry-at-most", retry_at_most)),
        status_file,
        metrics_port,
        metrics_address,
    )
