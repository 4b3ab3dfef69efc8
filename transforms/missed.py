"""Published documents that resemble each other, as they were not compared when they came.

They are compared again as a run compares its documents, with each other and with all else that is
published, but from what is in the store: keys from the fingerprints, and a text only of those that
share a key with another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from transforms.candidates import FACTS, Candidates, RowCode
from transforms.clusters import Buckets
from transforms.election import Canonical, hold_election
from transforms.keys import Keys
from transforms.meeting import Published
from transforms.spool import read_columns

MOST = 10_000


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Canonicals of one Parquet part of documents at ``path``, in its ``rows`` (ascending).

    At most ``MOST`` of them: a part with more is cut.
    """

    path: str
    rows: NDArray[np.int64]
    ids: Sequence[str]
    keys: Keys


def missed_duplicates(
    arrivals: Sequence[Arrivals],
    windows: Mapping[str, int],
    published: Published,
    threshold: float,
) -> dict[str, Canonical]:
    """Hold the election of canonicals among arrivals anew.

    What was published in an earlier window is canonical; within one window the order is that of a
    run (:func:`transforms.clusters.ranks`), without the priority of sources, which is not stored.

    Args:
        arrivals: the documents, each published and a canonical; no id twice.
        windows: the place in time of each run that published any of them, by its id.
        published: all other documents that are published; these are never removed.
        threshold: Jaccard similarity from which on a document is a duplicate.

    Returns:
        The canonical of each arrival that turns out to be a duplicate, by its id.

    Raises:
        OSError: a file cannot be read.
        pyarrow.ArrowInvalid: a file is damaged.
    """
    candidates = _Arrived(arrivals, windows, published)
    return {
        arrivals[_number(part)].ids[row]: canonical
        for part, verdicts in hold_election(candidates, threshold)
        for row, canonical in verdicts.canonical_of.items()
    }


def _number(part: str) -> int:
    return int(part.split("-")[0])


class _Arrived(Candidates):
    """Arrivals in place of the documents in a spool; each Parquet part is a part of the run."""

    def __init__(
        self, arrivals: Sequence[Arrivals], windows: Mapping[str, int], published: Published
    ) -> None:
        # There is no run, and so no spool: whatever reads from it is replaced below.
        self._parts = [f"{number:05d}-000" for number in range(len(arrivals))]
        self._published = published
        self._arrivals = arrivals
        self._windows = windows

    def same_id(self) -> Buckets:
        """None: of an id one document is published."""
        return Buckets(np.empty(0, np.int64), np.zeros(1, np.int64))

    @cached_property
    def _keys(self) -> list[Keys]:
        return [arrived.keys for arrived in self._arrivals]

    def _files(self, codes: NDArray[np.int64]) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """(path, rows) of each Parquet part that sorted codes of arrivals lie in."""
        found = [RowCode.part_and_row(code) for code in codes.tolist()]
        parts = np.array([_number(part) for part, _ in found], np.int64)
        places = np.array([row for _, row in found], np.int64)
        for number in np.unique(parts).tolist():
            arrived = self._arrivals[number]
            yield arrived.path, arrived.rows[places[parts == number]]

    def _weighed(self, path: str, rows: NDArray[np.int64]) -> pa.Table:
        """What the election weighs; the window takes the place of the priority."""
        columns = ["id", "content_hash", "published_at", "text", "run_id"]
        table = read_columns(path, columns, rows)
        characters = pc.utf8_length(table.column("text")).cast(pa.int64())
        windows = [self._windows[run_id] for run_id in table.column("run_id").to_pylist()]
        table = table.set_column(3, "characters", characters)
        return table.set_column(4, "priority", pa.array(windows, pa.int64())).cast(FACTS)
