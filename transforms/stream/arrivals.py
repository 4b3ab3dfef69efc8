"""The canonical documents of a stream that arrived not long ago, for new ones to meet.

They are kept as *lots*, one of each part, which are plain bytes: the lots are the state of the
stream. An :class:`Arrivals` is made of lots, in memory, and made again of them when it is lost. It
has two generations. Whoever holds it turns it over from time to time, and with that the older
generation is gone: so its size is bounded without a time for each document.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transforms.band_tables import DOCUMENT
from transforms.fingerprint import BANDS
from transforms.keys import COLUMNS, Keys, column
from transforms.leader_kernel import LEADERS_PER_BUCKET
from transforms.meeting import Meeting
from transforms.stream.arrivals_kernel import enter, find

ARRIVAL = np.dtype(
    [
        ("document", DOCUMENT),
        ("version", "<u8"),
        ("canonical", "?"),
        ("filled", "?"),
        ("bands", "<u4", (BANDS,)),
    ]
)
"""A document that arrived: what the election weighs of it, its version (a digest) and its keys.

One that is not ``canonical`` says that a canonical of the same id no longer is one. The ``part`` of
a document counts the lots of a generation.
"""

PathOf = Callable[[str], str | None]

_ID = COLUMNS
"""The column of the first bits of the ids, beside those of :func:`transforms.keys.column`."""
_HIGH = np.uint64(32)
_FIRST_ROWS = 64


@dataclass(frozen=True, slots=True)
class Lot:
    """What one part adds: ``number`` counts the lots of a stream, ``arrivals`` are ``ARRIVAL``."""

    number: int
    part: str
    arrivals: NDArray[Any]

    def encode(self) -> bytes:
        """The lot as bytes: two lengths, the name of the part, the arrivals."""
        part = self.part.encode()
        head = self.number.to_bytes(8, "little") + len(part).to_bytes(2, "little")
        return head + part + self.arrivals.tobytes()

    @staticmethod
    def decode(data: bytes) -> Lot:
        """The lot that ``encode`` made bytes of."""
        end = 10 + int.from_bytes(data[8:10], "little")
        part = data[10:end].decode()
        return Lot(int.from_bytes(data[:8], "little"), part, np.frombuffer(data[end:], ARRIVAL))


class Generation:
    """Lots in a hash table in memory, which grows with them."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._count = 0
        self._make(_FIRST_ROWS)

    def __len__(self) -> int:
        return self._count

    def add(self, lots: Sequence[Lot]) -> None:
        """Add the canonicals of lots whose ids no document here has."""
        for lot in lots:
            chosen = lot.arrivals[lot.arrivals["canonical"]]
            first, end = self._count, self._count + len(chosen)
            self._reserve(end)
            self._documents[first:end] = chosen["document"]
            self._documents["part"][first:end] = len(self.parts)
            self._versions[first:end] = chosen["version"]
            self._alive[first:end] = True
            self._keys[first:end, 0] = chosen["document"]["content"][:, 0] >> _HIGH
            self._keys[first:end, 1:_ID] = chosen["bands"]
            self._keys[first:end, _ID] = chosen["document"]["id"][:, 0] >> _HIGH
            self._filled[first:end] = chosen["filled"]
            self._count = end
            self.parts.append(lot.part)
            enter(self._keys, self._filled, first, end, self._heads, self._nexts)

    def having(self, number: int, wanted: NDArray[np.uint32], most: int) -> NDArray[np.int64]:
        """Rows of documents with one of some distinct keys in a column, ``most`` of each key."""
        return find(wanted, number, most, self._keys, self._alive, self._heads, self._nexts)

    def with_ids(self, ids: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Rows of the documents with some ids (:func:`transforms.band_tables.digests`)."""
        wanted = np.unique((ids[:, 0] >> _HIGH).astype(np.uint32))
        rows = self.having(_ID, wanted, self._count)
        among = set(_as_bytes(ids))
        return rows[[id_ in among for id_ in _as_bytes(self._documents["id"][rows])]]

    def forget(self, ids: NDArray[np.uint64]) -> None:
        """Let the documents with these ids be canonicals no more."""
        self._alive[self.with_ids(ids)] = False

    def identities(self, rows: NDArray[np.int64]) -> set[tuple[bytes, int]]:
        """(id, version) of documents."""
        ids = _as_bytes(self._documents["id"][rows])
        return set(zip(ids, self._versions[rows].tolist(), strict=True))

    def documents(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """What is known of documents (``DOCUMENT``)."""
        return self._documents[rows]

    def keys(self, number: int, rows: NDArray[np.int64]) -> NDArray[np.uint32]:
        """Keys of documents in a column."""
        keys: NDArray[np.uint32] = self._keys[rows, number]
        return keys

    def _reserve(self, rows: int) -> None:
        if rows <= len(self._alive):
            return
        before = self._columns()
        self._make(1 << (rows - 1).bit_length())
        for old, new in zip(before, self._columns(), strict=True):
            new[: self._count] = old[: self._count]
        enter(self._keys, self._filled, 0, self._count, self._heads, self._nexts)

    def _columns(self) -> tuple[NDArray[Any], ...]:
        return self._documents, self._versions, self._alive, self._keys, self._filled

    def _make(self, rows: int) -> None:
        self._documents = np.empty(rows, DOCUMENT)
        self._versions = np.empty(rows, np.uint64)
        self._alive = np.zeros(rows, np.bool_)
        self._keys = np.empty((rows, COLUMNS + 1), np.uint32)
        self._filled = np.empty(rows, np.bool_)
        self._nexts = np.empty((rows, COLUMNS + 1), np.int32)
        self._heads = np.full(rows * 32, -1, np.int32)  # a power of two above rows * columns


class Arrivals:
    """Two generations of lots: what came since it was last turned over, and before that."""

    def __init__(self, old: Sequence[bytes] = (), young: Sequence[bytes] = ()) -> None:
        self._old, self._young = Generation(), Generation()
        # state comes back in any order
        for lot in sorted(map(Lot.decode, old), key=lambda lot: lot.number):
            self._old.add([lot])
        for lot in sorted(map(Lot.decode, young), key=lambda lot: lot.number):
            self.add(lot)

    def __len__(self) -> int:
        return len(self._old) + len(self._young)

    @property
    def young(self) -> int:
        """Documents of the younger generation."""
        return len(self._young)

    def add(self, lot: Lot) -> None:
        """Add the documents of a lot, in place of those with the same ids."""
        ids = lot.arrivals["document"]["id"]
        self._old.forget(ids)
        self._young.forget(ids)
        self._young.add([lot])

    def turn_over(self) -> int:
        """Let the older generation go, and the younger become it; returns how many went."""
        gone = len(self._old)
        self._old, self._young = self._young, Generation()
        return gone

    def known(self, ids: NDArray[np.uint64], versions: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which documents are here as canonicals, in the same version."""
        here = self._identities(ids)
        both = zip(_as_bytes(ids), versions.tolist(), strict=True)
        return np.array([one in here for one in both], np.bool_)

    def among(self, ids: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which documents are here as canonicals, in any version."""
        here = {id_ for id_, _ in self._identities(ids)}
        return np.array([id_ in here for id_ in _as_bytes(ids)], np.bool_)

    def _identities(self, ids: NDArray[np.uint64]) -> set[tuple[bytes, int]]:
        return {
            identity
            for generation in (self._old, self._young)
            for identity in generation.identities(generation.with_ids(ids))
        }

    def meeting(self, keys: Keys, but: NDArray[np.uint64], path_of: PathOf) -> Meeting:
        """The documents that share a content or a band with new ones.

        Of each bucket these are the newest of each generation, 256 at most.

        Args:
            keys: the keys of the new documents.
            but: ids of documents that are not met: the new ones' own.
            path_of: where the documents of a part lie; None if they are not there any more, and
                are not met.
        """
        wanted = [np.unique(column(keys, number)[0]) for number in range(COLUMNS)]
        keys_met = [[np.empty(0, np.uint32)] for _ in wanted]
        numbers = [[np.empty(0, np.int64)] for _ in wanted]
        documents = [np.empty(0, DOCUMENT)]
        paths: list[str] = []
        total = 0
        for generation in (self._old, self._young):
            found = [
                generation.having(number, keys_, LEADERS_PER_BUCKET)
                for number, keys_ in enumerate(wanted)
            ]
            rows = np.setdiff1d(np.concatenate(found), generation.with_ids(but))
            known = generation.documents(rows)
            lots, known["part"] = np.unique(known["part"], return_inverse=True)
            of_lots = [path_of(generation.parts[lot]) for lot in lots.tolist()]
            there = np.array([path is not None for path in of_lots], np.bool_)[known["part"]]
            rows, known = rows[there], known[there]
            known["part"] += len(paths)
            for number, those in enumerate(found):
                met = those[np.isin(those, rows)]
                keys_met[number].append(generation.keys(number, met))
                numbers[number].append(total + np.searchsorted(rows, met))
            documents.append(known)
            paths += [path or "" for path in of_lots]
            total += len(rows)
        columns = [
            (np.concatenate(theirs), np.concatenate(those))
            for theirs, those in zip(keys_met, numbers, strict=True)
        ]
        return Meeting(columns, np.concatenate(documents), paths)


def _as_bytes(ids: NDArray[np.uint64]) -> list[bytes]:
    data = ids.tobytes()
    return [data[start : start + 16] for start in range(0, len(data), 16)]
