"""Whether the band tables are those of the fingerprints."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipelines.published import run_states
from pipelines.state import State
from pipelines.store import Store
from pipelines.verify_problem import Problem, Repair
from transforms import files
from transforms.band_tables import BandTable, DamagedTableError, digests, keys_and_numbers
from transforms.keys import COLUMNS

_ID = np.dtype([("high", "<u8"), ("low", "<u8")])


def check_bands(store: Store, state: State) -> Iterator[Problem]:
    """Compare the documents that the tables have with the fingerprints of what is published.

    Args:
        store: the store.
        state: the state of the store as the ledger has it.
    """
    directory = files.join(store.path, "bands")
    valid = set(run_states(store).values())
    covered: list[str] = []
    held = [np.empty(0, _ID)]
    for name in files.names(directory, ".bands"):
        path = files.join(directory, name)
        try:
            with BandTable(path) as table:
                problem = _wrong(table, valid)
                documents = table.documents()
                held.append(_ids(documents["id"][table.stands(documents, state.standing)]))
                covered += table.footer.runs
        except (DamagedTableError, ValueError, OSError, IndexError) as error:
            problem = str(error).removeprefix(f"{path} ")
        if problem:
            yield Problem(path, problem, repair=Repair.BANDS)
            return
    missing = set(store.manifests) - set(covered)
    if missing:
        what = f"{len(missing):,} run(s) are in no table, such as {min(missing)}"
        yield Problem(directory, what, repair=Repair.BANDS)
    elif len(set(covered)) < len(covered):
        yield Problem(directory, "runs are in two tables", repair=Repair.BANDS)
    elif not np.array_equal(np.sort(np.concatenate(held)), np.sort(_expected(store, state))):
        what = "the documents in them are not those of the fingerprints"
        yield Problem(directory, what, repair=Repair.BANDS)


def _wrong(table: BandTable, valid: set[str]) -> str:
    """What is wrong with a table in itself."""
    if table.footer.state not in valid:
        return "it is of runs that no longer count"
    for number in range(COLUMNS):
        entries = table.column(number)
        if np.any(entries[1:] < entries[:-1]):
            return "its entries are not in order"
        if len(entries) and keys_and_numbers(entries)[1].max() >= len(table):
            return "its entries name documents that it has not"
    return ""


def _expected(store: Store, state: State) -> NDArray[np.void]:
    """Ids of the published documents that have a fingerprint."""
    found = [np.empty(0, _ID)]
    for run_id in store.manifests:
        for table in store.tables("fingerprints", ["id"], [run_id]):
            ids = table.column("id").to_pylist()
            stands = state.standing(ids, [run_id] * len(ids))
            found.append(_ids(digests([id_ for id_, one in zip(ids, stands, strict=True) if one])))
    return np.concatenate(found)


def _ids(pairs: NDArray[np.uint64]) -> NDArray[np.void]:
    """Digests as values that can be sorted."""
    return np.ascontiguousarray(pairs, "<u8").reshape(-1, 2).view(_ID).reshape(-1)
