"""The band tables of a store: kept beside what it has published, looked up by its runs.

Tables lie in ``bands/`` and cover disjoint sets of committed runs. They are derived data: what is
missing or no longer true is written anew from ``fingerprints/``. As in a log-structured merge-tree
(O'Neil et al. 1996), a new table is merged with those that are at most twice as large, so there
are few tables, and each document is written again a number of times that grows with the logarithm
of the store.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pyarrow as pa

from pipelines.state import Standing, State
from pipelines.store import Store, StoreError
from transforms import files
from transforms.run import beside

if TYPE_CHECKING:
    from transforms.meeting import Published

log = logging.getLogger(__name__)

_SUFFIX = ".bands"
_PARTS_AT_ONCE = 64
_MERGED_UP_TO = 2
_MOST_IN_A_TABLE = 1 << 32
"""A table numbers its documents with 32 bits."""


@dataclass(frozen=True, slots=True)
class NotAmong:
    """Says of documents that they stand if they are not ``gone``: (id, id of the run)."""

    gone: frozenset[tuple[str, str]]

    def __call__(self, ids: Sequence[str], run_ids: Sequence[str]) -> list[bool]:
        """Of each document and run, whether it is not gone."""
        return [both not in self.gone for both in zip(ids, run_ids, strict=True)]


def published(store: Store, state: State, withdrawn: frozenset[str]) -> Published:
    """What a run compares its documents with.

    Workers ask the state which documents stand. They may not reach the state of a store on another
    filesystem, so there it is asked now, of all documents.

    Args:
        store: the store, locked.
        state: its state, caught up.
        withdrawn: ids of documents that the run reads again or deletes; they are nobody's
            canonical.

    Raises:
        StoreError: a file cannot be read, or a table not written.
    """
    from transforms.meeting import Published  # brings the compiled election with it

    tables = _caught_up(store, Standing(str(state.path), frozenset()))
    standing = Standing(str(state.path), withdrawn)
    directory = files.join(store.path, "documents")
    if files.is_remote(store.path):
        return Published(directory, tables, _asked(tables, standing))
    return Published(directory, tables, standing)


def catch_up(store: Store, state: State) -> None:
    """Cover the runs committed since, so that the next run finds its tables ready.

    Where that fails a warning says so, and the next run tries again.
    """
    try:
        _caught_up(store, Standing(str(state.path), frozenset()))
    except StoreError as error:
        log.warning("%s; the next run will try again", error)


def is_behind(store: Store) -> bool:
    """Whether the newest run is in no table, as far as the names of the tables tell."""
    newest = next(reversed(store.manifests), "").split("-")[0]
    names = files.names(files.join(store.path, "bands"), f"{newest}.bands")
    return bool(newest) and not names


def _asked(tables: Sequence[str], standing: Standing) -> NotAmong:
    from transforms.band_tables import BandTable, hexadecimal

    gone: set[tuple[str, str]] = set()
    for path in tables:
        with BandTable(path) as table:
            documents = table.documents()
            fallen = documents[~table.stands(documents, standing)]
            gone.update(zip(hexadecimal(fallen["id"]), table.run_ids(fallen), strict=True))
    return NotAmong(frozenset(gone))


def _caught_up(store: Store, standing: Standing) -> tuple[str, ...]:
    """Paths of tables that cover all committed runs, written where they are missing."""
    directory = files.join(store.path, "bands")
    try:
        _delete_unfinished(directory)
        states = run_states(store)
        sizes = _sizes(directory, set(states.values()))
        covered = {run for runs, _ in sizes.values() for run in runs}
        for runs in _lots(store, [run for run in states if run not in covered]):
            _add(store, directory, sizes, runs, list(states.values())[-1], standing)
    except (OSError, pa.ArrowInvalid) as error:
        raise StoreError(f"cannot bring {directory} up to date: {error}") from None
    return tuple(sorted(sizes))


def run_states(store: Store) -> dict[str, str]:
    """For each committed run a digest of its manifest and of all before it.

    A table is true to the runs up to the last one that its writer knew of: a document that did not
    stand then was left out. If one of these runs was taken away since, or rewritten, no digest is
    that of the table.
    """
    state = b""
    states = {}
    for run_id, manifest in store.manifests.items():
        state = blake2b(state + orjson.dumps([run_id, manifest]), digest_size=16).digest()
        states[run_id] = state.hex()
    return states


def _sizes(directory: str, states: set[str]) -> dict[str, tuple[list[str], int]]:
    """Runs and number of documents of each table that is true; the others are deleted."""
    from transforms.band_tables import BandTable, DamagedTableError

    found: dict[str, tuple[list[str], int]] = {}
    for path in (files.join(directory, name) for name in files.names(directory, _SUFFIX)):
        try:
            with BandTable(path) as table:
                if table.footer.state in states:
                    found[path] = table.footer.runs, len(table)
        except DamagedTableError:
            log.warning("%s is damaged and will be written anew", path)
        if path not in found:
            files.delete(path)
    for path, (runs, _) in list(found.items()):  # merged into another, and not deleted in time
        if any(set(runs) < set(others) for others, _ in found.values()):
            files.delete(path)
            del found[path]
    return found


def _lots(store: Store, runs: Sequence[str]) -> Iterator[list[str]]:
    """Runs in lots that are written as one table, to write few and hold little."""
    lot: list[str] = []
    parts = 0
    for run in runs:
        lot.append(run)
        parts += sum(1 for _ in store.parts("fingerprints", [run]))
        if parts >= _PARTS_AT_ONCE:
            yield lot
            lot, parts = [], 0
    if lot:
        yield lot


def _add(
    store: Store,
    directory: str,
    sizes: dict[str, tuple[list[str], int]],
    runs: list[str],
    state: str,
    standing: Standing,
) -> None:
    """Write a table for some runs, and merge it with those that are not much larger."""
    from transforms.band_tables import BandTable, merge_tables
    from transforms.published import write_band_table

    parts = [(path, beside(path, "documents")) for _, path in store.parts("fingerprints", runs)]
    path = _path(directory, runs)
    sizes[path] = runs, write_band_table(path, runs, parts, state)
    merged, total = [path], sizes[path][1]
    for other in sorted(sizes, key=lambda other: sizes[other][1]):
        fits = total + sizes[other][1] <= _MOST_IN_A_TABLE
        if other != path and fits and sizes[other][1] <= _MERGED_UP_TO * total:
            merged.append(other)
            total += sizes[other][1]
    if len(merged) == 1:
        return
    all_runs = sorted(run for each in merged for run in sizes[each][0])
    target = _path(directory, all_runs)
    with ExitStack() as stack:
        tables = [stack.enter_context(BandTable(each)) for each in merged]
        total = merge_tables(target, tables, state, standing)
    for each in merged:
        del sizes[each]
        if each != target:
            files.delete(each)
    sizes[target] = all_runs, total


def _path(directory: str, runs: Sequence[str]) -> str:
    """Path of the table of some runs, after the first and the last.

    Tables cover disjoint sets of runs, so no two that count have one name.
    """
    first, last = (run.split("-")[0] for run in (runs[0], runs[-1]))
    return files.join(directory, f"{first}-{last}{_SUFFIX}")


def _delete_unfinished(directory: str) -> None:
    """Delete what a process left that died while it wrote a table."""
    if not files.is_remote(directory):
        for left in Path(directory).glob(f".*{_SUFFIX}.*.tmp"):
            left.unlink(missing_ok=True)
