"""``docsluice verify``: whether everything in a store agrees, and what mends it where not.

What a run has written is compared with its manifest and with itself; what is derived from it
(state, band tables, index) is compared with what comes out of the ledger now.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import typer
from rich.console import Console

from pipelines.cache import NAME as CACHE
from pipelines.console import count
from pipelines.execute import patience
from pipelines.lock import writer_lock
from pipelines.publish import open_index, rebuild
from pipelines.published import catch_up as cover
from pipelines.settings import Settings
from pipelines.state import empty_state, open_state, state_file
from pipelines.store import Store, StoreError
from pipelines.stream_seen import describe_stream, no_run, stream_holder, stream_in_words
from pipelines.verify_bands import check_bands
from pipelines.verify_files import check_files, check_manifests
from pipelines.verify_index import check_index
from pipelines.verify_problem import Problem, Repair
from pipelines.verify_runs import Seen, check_canonicals, check_run
from pipelines.verify_state import check_cache, check_state
from transforms import files

log = logging.getLogger(__name__)

Tell = Callable[[str], None]
"""Told what is being looked at."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, and what was left after it was mended; None where nothing was mended.

    ``stream`` is the one that is at work (see ``pipelines.stream_seen.describe_stream``).
    """

    store: Store
    found: tuple[Problem, ...]
    left: tuple[Problem, ...] | None = None
    stream: dict[str, Any] | None = None

    @property
    def unmended(self) -> tuple[Problem, ...]:
        """What is wrong now."""
        return self.found if self.left is None else self.left

    @property
    def all(self) -> tuple[Problem, ...]:
        """What was found first, then what came to light afterwards."""
        return tuple(dict.fromkeys((*self.found, *self.unmended)))


def show_verify(settings: Settings, repair: bool, as_json: bool) -> bool:
    """Check a store, mend what can be mended if asked to, print it; whether all agrees now.

    Raises:
        StoreError: there is no run in the store, or it cannot be mended.
        StoreBusyError: a run is writing to the store.
        SearchIndexError: the index cannot be used.
    """
    with _telling() as tell:
        report = verify(settings, repair, tell)
    if as_json:
        problems = [_as_json(one, one in report.unmended) for one in report.all]
        told = {"store": report.store.path, "problems": problems, "stream": report.stream}
        typer.echo(orjson.dumps(told).decode())
        return not report.unmended
    for one in report.all:
        typer.echo(one.line if one in report.unmended else f"{one.where}: {one.what}; mended")
    if any(one.is_fatal for one in report.unmended):
        typer.echo("First mend that: state, band tables and index were not looked at.")
    if report.all:
        mended = (
            f", {len(report.all) - len(report.unmended):,} mended"
            if report.left is not None
            else ""
        )
        typer.echo(f"{count(len(report.all), 'disagreement')} in {report.store.path}{mended}.")
    else:
        runs = count(len(report.store.manifests), "run")
        typer.echo(f"All agrees: {runs} in {report.store.path}.")
    if report.stream:
        typer.echo(f"A stream is at work: {stream_in_words(report.stream)}.")
    return not report.unmended


def verify(settings: Settings, repair: bool = False, tell: Tell = lambda _what: None) -> Report:
    """Check a store, while nobody else writes to it, and mend what can be mended if asked to.

    Nothing is mended where files of runs are lost or damaged: what is made of them would lack
    their documents.

    Raises:
        StoreError: there is no run in the store, or it cannot be mended.
        StoreBusyError: a run is writing to the store.
        SearchIndexError: the index cannot be used.
    """
    store = Store(settings.store)
    if not files.names(files.join(store.path, "runs"), ".json"):
        raise no_run(store)
    with writer_lock(store.path, patience(settings)):
        found = tuple(check_store(settings, tell))
        stream = describe_stream(store) if stream_holder(store) else None
        repairs = {one.repair for one in found}
        if not repair or not any(repairs) or any(one.is_fatal for one in found):
            return Report(store, found, stream=stream)
        for one in Repair:
            if one in repairs:
                tell(one)
                _mend(settings, one)
        return Report(store, found, tuple(check_store(settings, tell)), stream)


def check_store(settings: Settings, tell: Tell = lambda _what: None) -> list[Problem]:
    """All disagreements in a store that nobody writes to meanwhile.

    What is derived is not looked at where files of runs are lost or damaged: it can be compared
    with nothing.

    Raises:
        SearchIndexError: the index cannot be used.
    """
    store = Store(settings.store)
    problems = list(check_manifests(store))
    if problems:
        return problems
    tell("files")
    problems += check_files(store)
    if any(one.is_fatal for one in problems):
        return problems
    seen = Seen()
    with empty_state() as state:
        for number, run_id in enumerate(store.manifests, 1):
            tell(f"run {number:,} of {len(store.manifests):,}, {count(seen.documents, 'document')}")
            try:
                state.apply(store, run_id)
            except StoreError as error:
                log.debug("%s", error)  # said of the part below
            problems += check_run(store, run_id, state, seen)
            pa.default_memory_pool().release_unused()
        problems += check_canonicals(store, state, seen)
        problems += check_cache(store)
        if any(one.is_fatal for one in problems):
            return problems
        tell("state")
        problems += check_state(store, state)
        tell("band tables")
        problems += check_bands(store, state)
        tell("index")
        problems += check_index(settings, store, state)
    return problems


def _mend(settings: Settings, repair: Repair) -> None:
    """Make one thing anew."""
    store = Store(settings.store)
    match repair:
        case Repair.DISCARD:
            store.discard_uncommitted()
        case Repair.STATE:
            _delete_database(store.state_path)
            with state_file(store) as path, open_state(store, path):
                pass
        case Repair.BANDS:
            files.delete_tree(files.join(store.path, "bands"))
            with state_file(store) as path, open_state(store, path) as state:
                cover(store, state)
        case Repair.CACHE:
            _delete_database(Path(store.path, CACHE))
        case Repair.INDEX:
            with open_index(settings) as index:
                if index is not None:
                    rebuild(store, index)


def _delete_database(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _as_json(problem: Problem, is_there: bool) -> dict[str, object]:
    return {
        "where": problem.where,
        "what": problem.what,
        "mend": str(problem.repair or problem.mend),
        "repairable": problem.repair is not None,
        "mended": not is_there,
    }


@contextmanager
def _telling() -> Iterator[Tell]:
    """Shows on a terminal what is being looked at."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _what: None
        return
    with console.status("") as status:
        yield lambda what: status.update(what)
