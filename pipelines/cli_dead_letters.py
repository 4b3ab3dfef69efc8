"""The ``docsluice dead-letters`` commands."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.console import ExitCode, command
from pipelines.flags import ConfigOption, JsonOption, StoreOption, VerboseOption, settings_of

if TYPE_CHECKING:
    from pipelines.dead_letters import Letter
    from pipelines.store import Store

dead_letters = typer.Typer(
    help="List what could not be processed, look at it, and try it again.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_StageOption = Annotated[
    str | None, typer.Option(metavar="STAGE", help="Only of this one: list, read, clean, index.")
]
_SinceOption = Annotated[
    str | None,
    typer.Option(metavar="WHEN", help="Only since a date, or for a span: 2026-01-31, 2d, 3h."),
]


@dead_letters.command("list")
def list_letters(
    stage: _StageOption = None,
    since: _SinceOption = None,
    all_: Annotated[bool, typer.Option("--all", help="Settled ones too, and by what.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Letters to show.")] = 50,
    store: StoreOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show the open dead letters, the newest first."""
    with command(commits=False):
        from pipelines.dead_letters import newest_letters, selected
        from pipelines.show_dead_letters import show_list

        found = _store(settings_of(config, store=store).store)
        letters = selected(newest_letters(found), (), stage, _instant(since))
        letters = letters if all_ else [letter for letter in letters if letter.is_open]
        show_list(found.path, letters, limit, json, all_=all_)


@dead_letters.command()
def show(
    document: Annotated[str, typer.Argument(metavar="ID|SOURCE", help="Which document.")],
    store: StoreOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Tell everything about a dead letter, with its payload.

    An id or its beginning, a path, a URL, or the end of one; a file tells of all letters on it.
    """
    with command(commits=False):
        from pipelines.dead_letters import all_letters, find_letters, newest_letters
        from pipelines.show_dead_letters import show_letters

        found = _store(settings_of(config, store=store).store)
        letters = find_letters(newest_letters(found), document)
        show_letters(found, letters, all_letters(found), json)


@dead_letters.command()
def replay(
    documents: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID|SOURCE...", help="Which documents; else all open ones."),
    ] = None,
    stage: _StageOption = None,
    since: _SinceOption = None,
    strict: Annotated[
        bool | None, typer.Option("--strict", help="Exit with 1 if any is still open.")
    ] = None,
    store: StoreOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Try the open dead letters again, through the same stages.

    Without --config files are read as the run read them that wrote the letter. Exit codes: 0 all
    well; 1 some are still open (with --strict); 2 wrong usage or configuration; 3 failed.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with command(verbose):
        from pipelines.dead_letters import find_letters, selected
        from pipelines.progress import follower
        from pipelines.replay import replay as replay_letters
        from pipelines.show_dead_letters import show_replay

        settings = settings_of(config, store=store, strict=strict)
        instant = _instant(since)

        def choose(letters: Iterable[Letter]) -> list[Letter]:
            letters = list(letters)
            for wanted in documents or ():
                find_letters(letters, wanted, "open dead")
            return selected(letters, documents or (), stage, instant)

        done = replay_letters(settings, choose, follower(json), as_then=config is None)
        show_replay(settings, done, json)
        if settings.strict and done.still_open:
            raise typer.Exit(ExitCode.SOME_FAILED)


def _store(path: str) -> Store:
    from pipelines.store import Store, StoreError

    store = Store(path)
    if not store.manifests:
        raise StoreError(f"there is no run in {path}; docsluice run makes one")
    return store


def _instant(since: str | None) -> datetime | None:
    from pipelines.dead_letters import since_time

    return since_time(since, datetime.now(UTC)) if since is not None else None
