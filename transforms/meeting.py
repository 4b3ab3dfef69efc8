"""The published documents that new ones meet in the band tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from transforms import files
from transforms.band_tables import (
    DOCUMENT,
    BandTable,
    Standing,
    entries_of,
    keys_and_numbers,
    slices_of,
)
from transforms.keys import COLUMNS, Keys, column
from transforms.leader_kernel import LEADERS_PER_BUCKET


@dataclass(frozen=True, slots=True)
class Meeting:
    """The published documents that new ones meet, numbered by their places in ``documents``.

    ``columns`` are, for each column of keys, keys and the numbers of the documents that have them.
    ``documents`` (``DOCUMENT``) is what is known of each, ``paths`` the Parquet parts that their
    ``part`` refers to.
    """

    columns: Sequence[tuple[NDArray[np.uint32], NDArray[np.int64]]]
    documents: NDArray[Any]
    paths: Sequence[str]


class Elders(Protocol):
    """Documents that were there before the new ones, and give way to none of them."""

    def meeting(self, keys: Keys) -> Meeting:
        """Those that share a content or a band with any of the new ones, which have ``keys``."""


@dataclass(frozen=True, slots=True)
class Published:
    """Canonical documents of earlier runs.

    ``directory`` holds the Parquet parts that the tables at ``tables`` refer to. ``standing`` is
    asked of those documents alone that share a key with a new one; it must be picklable.
    """

    directory: str
    tables: tuple[str, ...]
    standing: Standing

    def meeting(self, keys: Keys) -> Meeting:
        """The documents that share a content or a band with any of those with ``keys``.

        Of each bucket these are the first ``LEADERS_PER_BUCKET`` of a table that still stand.
        Published documents come first in the order of election and are never removed, so the
        election would compare a new one with no others.

        Raises:
            OSError: a table cannot be read.
            DamagedTableError: a file is no table.
        """
        wanted = [np.unique(column(keys, number)[0]) for number in range(COLUMNS)]
        found: list[list[NDArray[np.uint64]]] = [[np.empty(0, np.uint64)] for _ in wanted]
        documents = [np.empty(0, DOCUMENT)]
        paths: list[str] = []
        total = 0
        for path in self.tables:
            with BandTable(path) as table:
                standing = _StandingOf(table, self.standing)
                met = [
                    keys_and_numbers(_first_standing(table.column(number), keys_, standing))
                    for number, keys_ in enumerate(wanted)
                ]
                numbers = np.unique(np.concatenate([those for _, those in met]))
                known = table.documents()[numbers]
            known["part"] += len(paths)
            for entries, (keys_, those) in zip(found, met, strict=True):
                entries.append(entries_of(keys_, total + np.searchsorted(numbers, those)))
            documents.append(known)
            paths += [files.join(self.directory, part) for part in table.footer.parts]
            total += len(known)
        columns = [keys_and_numbers(np.concatenate(entries)) for entries in found]
        return Meeting(columns, np.concatenate(documents), paths)


NOBODY = Meeting([(np.empty(0, np.uint32), np.empty(0, np.int64))] * COLUMNS,
                 np.empty(0, DOCUMENT), ())  # fmt: skip
"""The meeting of those who meet no published document."""


class _StandingOf:
    """Which documents of a table still stand; each is asked for once."""

    def __init__(self, table: BandTable, standing: Standing) -> None:
        self._documents = table.documents()
        self._table = table
        self._standing = standing
        self._asked = np.zeros(len(table), np.bool_)
        self._stands = np.zeros(len(table), np.bool_)

    def __call__(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        asked_for = np.unique(numbers[~self._asked[numbers]])
        if len(asked_for):
            documents = self._documents[asked_for]
            self._stands[asked_for] = self._table.stands(documents, self._standing)
            self._asked[asked_for] = True
        return self._stands[numbers]


def _first_standing(
    entries: NDArray[np.uint64], keys: NDArray[np.uint32], standing: _StandingOf
) -> NDArray[np.uint64]:
    """The entries of each of some sorted keys whose documents stand, so many from the first on."""
    first, end = slices_of(entries, keys)
    room = np.full(len(keys), LEADERS_PER_BUCKET)
    found = [np.empty(0, np.uint64)]
    while len(more := np.flatnonzero((first < end) & (room > 0))):
        first, end, room = first[more], end[more], room[more]
        taken = np.minimum(end - first, room)
        bucket = np.repeat(np.arange(len(taken)), taken)
        within = np.arange(len(bucket)) - np.repeat(np.cumsum(taken) - taken, taken)
        these = entries[first[bucket] + within]
        stands = standing(keys_and_numbers(these)[1])
        found.append(these[stands])
        room = room - np.bincount(bucket[stands], minlength=len(taken))
        first = first + taken
    return np.concatenate(found)
