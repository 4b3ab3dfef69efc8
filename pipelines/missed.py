"""Corrects what the runs of a stream could not know: duplicates that they have published.

A stream compares a document with what is published and with what arrived not long ago, so it may
publish two that a batch would not have: too far apart in time, or on their way together. They are
found from the store alone: a duplicate needs a ledger row and a deletion from the index, so no
source is read and none has to be there any more. What was the duplicate of a document that is one
itself now has lost its canonical, as if that were gone, and is elected anew by the next run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.batches import Work
from pipelines.published import published
from pipelines.settings import Settings
from pipelines.single_run import Follow, Summary, run_once
from pipelines.state import DocumentRow, State, open_state
from pipelines.store import Store, StoreError
from transforms import files
from transforms.document import SCHEMA
from transforms.run import Run, beside

if TYPE_CHECKING:
    from transforms.election import Canonical
    from transforms.missed import Arrivals

Missed = list[tuple[DocumentRow, "Canonical"]]
"""Published documents that are duplicates, in the order of their sources."""


def pending_runs(store: Store) -> list[str]:
    """The runs of streams that were not reconciled yet, oldest first.

    The manifest of a run that reconciled others says, as ``reconciled``, which was the newest of
    them; that of a compacted run names, as ``unreconciled``, those in it.
    """
    done = max((one.get("reconciled", "") for one in store.manifests.values()), default="")
    return [
        run_id
        for holder, manifest in store.manifests.items()
        for run_id in manifest.get("unreconciled", [holder] if "stream" in manifest else [])
        if run_id > done
    ]


def find_missed(settings: Settings, store: Store, state: State, run_ids: Sequence[str]) -> Missed:
    """Look for published duplicates among what some runs have published.

    What could not be read since (its newest outcome is ``failed``) is left: it is compared when it
    can be read again.

    Args:
        settings: say how alike two documents have to be.
        store: the store, locked.
        state: its state, caught up.
        run_ids: the runs, oldest first.

    Raises:
        StoreError: a file is damaged.
    """
    from transforms.missed import missed_duplicates

    try:
        arrivals = list(_arrivals(store, state, run_ids))
        if not arrivals:
            return []
        withdrawn = frozenset(id_ for one in arrivals for id_ in one.ids)
        others = published(store, state, withdrawn)
        windows = {run_id: number for number, run_id in enumerate(run_ids)}
        threshold = settings.similarity_threshold
        found = missed_duplicates(arrivals, windows, others, threshold)
    except (OSError, pa.ArrowInvalid) as error:
        raise StoreError(f"{error}; docsluice verify says what repairs it") from None
    return [(row, found[row.id]) for row in state.documents(found) if row.outcome == "kept"]


def correct_missed(
    settings: Settings, store: Store, state_path: Path, follow: Follow
) -> Summary | None:
    """Make duplicates of the published documents that are some; one run, whose manifest is a mark.

    It costs nothing where no stream has published anything since the last time. The caller holds
    the store's lock and has brought the index up to date.

    Returns:
        What the run did; None if there was nothing to correct.

    Raises:
        As ``run_once``.
    """
    run_ids = [] if settings.duplicates == "off" else pending_runs(store)
    if not run_ids:
        return None
    with open_state(store, state_path) as state:
        missed = find_missed(settings, store, state, run_ids)
    corrected = _Corrected(settings.duplicates == "keep", store, missed, run_ids[-1])
    summary = run_once(settings, store, state_path, Work(), follow, corrected)
    return summary if missed else None


class _Corrected:
    """What takes the place of files that are read: see ``pipelines.single_run.Arrivals``."""

    def __init__(self, is_marked: bool, store: Store, missed: Missed, newest: str) -> None:
        self.uris: frozenset[str] = frozenset()
        self.manifest = {"reconciled": newest}
        self._is_marked = is_marked
        self._store = store
        self._missed = missed

    def write(self, run: Run) -> None:
        """Write the ledger rows of the duplicates, and the records of those that stay, marked."""
        from transforms.ledger import LedgerRow, write_ledger

        if not self._missed:
            return
        reasons = {
            row.id: "same text" if canonical.same_text else "near duplicate"
            for row, canonical in self._missed
        }
        if self._is_marked:
            for table in _published_again(self._store, run, self._missed):
                flags = table.column("quality").to_pylist()
                reasons |= zip(table.column("id").to_pylist(), map(", ".join, flags), strict=True)
        rows = tuple(
            LedgerRow(
                row.id,
                row.source,
                row.version,
                "kept" if self._is_marked else "duplicate",
                reasons[row.id],
                canonical.id,
                canonical.similarity,
                row.content_hash,
            )
            for row, canonical in self._missed
        )
        write_ledger(run, "00000-000", "reconciled", rows)


def _arrivals(store: Store, state: State, run_ids: Sequence[str]) -> Iterator[Arrivals]:
    """The canonicals that runs have published and that still are, by their Parquet parts."""
    from transforms.missed import MOST, Arrivals
    from transforms.published import read_fingerprints
    from transforms.spool import read_columns

    wanted = pa.array(run_ids, pa.string())
    for holder in dict.fromkeys(map(store.holder, run_ids)):
        for _, path in store.parts("fingerprints", [holder] if holder else []):
            table, keys = read_fingerprints(path)
            ids, rows = table.column("id").to_pylist(), table.column("row").to_numpy()
            of = beside(path, "documents")
            written_by = read_columns(of, ["run_id"], rows).column("run_id")
            stands = pa.array(state.standing(ids, [holder or ""] * len(ids)), pa.bool_())
            chosen = pc.and_(pc.is_in(written_by, wanted), stands).to_numpy().nonzero()[0]
            for start in range(0, len(chosen), MOST):
                some = chosen[start : start + MOST].astype(np.int64)
                yield Arrivals(
                    of, rows[some].astype(np.int64), [ids[n] for n in some], keys.take(some)
                )


def _published_again(store: Store, run: Run, missed: Missed) -> Iterator[pa.Table]:
    """Write the records of duplicates that stay published, marked as what they are."""
    from transforms.parquet import encode

    of_run: dict[str, dict[str, Canonical]] = defaultdict(dict)
    for row, canonical in missed:
        of_run[row.published_in or ""][row.id] = canonical
    parts = ((path, of_run[run_id]) for run_id, path in store.parts("documents", sorted(of_run)))
    for number, (path, wanted) in enumerate(parts):
        table = _records(path, wanted)
        if table.num_rows:
            own = {"ingested_at": run.started_at, "run_id": run.run_id, "duplicate_count": 0}
            for name, value in own.items():
                table = _with_column(table, name, [value] * table.num_rows)
            files.write(run.part("documents", f"{number:05d}-000", ".parquet"), encode(table))
            yield table


def _records(path: str, wanted: Mapping[str, Canonical]) -> pa.Table:
    """The records of the wanted documents in a part, each with its canonical."""
    from transforms.spool import read_columns

    ids = read_columns(path, ["id"]).column("id")
    rows = pc.is_in(ids, pa.array(list(wanted), pa.string())).to_numpy().nonzero()[0]
    if not len(rows):
        return SCHEMA.empty_table()
    table = read_columns(path, SCHEMA.names, rows)
    canonicals = [wanted[id_] for id_ in table.column("id").to_pylist()]
    for name in ("cluster_id", "duplicate_of"):
        table = _with_column(table, name, [canonical.id for canonical in canonicals])
    return _with_column(table, "similarity", [canonical.similarity for canonical in canonicals])


def _with_column(table: pa.Table, name: str, values: Sequence[object]) -> pa.Table:
    place = SCHEMA.get_field_index(name)
    return table.set_column(place, SCHEMA.field(name), pa.array(values, SCHEMA.field(name).type))
