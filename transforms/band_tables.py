"""Sorted tables of the keys of published documents, looked up in place.

A table is one file that covers some runs. For the content and for each MinHash band it holds the
sorted *entries*: 64 bits, of which the upper half is the key and the lower half the number of a
document in the table. Documents are numbered in the order of election, so those of a bucket are
neighbours, the first in order first. A lookup is a binary search in a memory map of one column; of
a million documents, 230 MB on disk, it touches what it finds and the way there.

Layout, all little-endian: the columns of entries, the documents, a footer of JSON, the length of
the footer (8 bytes), a mark (8 bytes). A file that was cut short has no mark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
import orjson
from numpy.typing import NDArray

from transforms import files
from transforms.keys import COLUMNS

DOCUMENT = np.dtype(
    [
        ("id", "<u8", (2,)),
        ("content", "<u8", (2,)),
        ("date", "<i8"),
        ("characters", "<i8"),
        ("part", "<u4"),
        ("row", "<u4"),
    ]
)
"""What the election weighs of a document, and where its text lies.

``id`` and ``content`` (hash) are hexadecimal digests as two numbers (:func:`digests`), ``date`` is
``published_at`` in microseconds since 1970 or the greatest int64, ``part`` the place in the table's
``parts``, ``row`` the row in that part.
"""

ENTRY = np.dtype("<u8")
_MARK = b"bands  1"
_TAIL = 16
_ASKED_AT_ONCE = 1 << 14
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)

Standing = Callable[[Sequence[str], Sequence[str]], Sequence[bool]]
"""Whether documents still stand, given their ids and the ids of the runs that published them."""


class DamagedTableError(ValueError):
    """A file that is no table, or not all of one."""


@dataclass(frozen=True, slots=True)
class Footer:
    """What a table says of itself.

    ``runs`` are the ids of the runs it covers; ``parts`` the paths of their Parquet parts below
    ``documents/``; ``state`` is whatever the writer wants to know it again by.
    """

    runs: list[str]
    parts: list[str]
    state: str
    documents: int
    entries: list[int]


class BandTable:
    """A table in a file; on a filesystem of Beam it is read whole, else mapped.

    A context manager, which closes the file; what was read before stays, even when the file is
    deleted.
    """

    def __init__(self, path: str) -> None:
        """Open the table at ``path``.

        Raises:
            OSError: the file cannot be read.
            DamagedTableError: it is no table.
        """
        self.path = path
        self._source: IO[bytes]
        if files.is_remote(path):
            self._source = BytesIO(files.read(path))
        else:
            self._source = Path(path).open("rb")  # noqa: SIM115  closed by __exit__
        try:
            self.footer = _footer(self._source)
        except DamagedTableError as error:
            self._source.close()
            raise DamagedTableError(f"{path} {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._source.close()

    def __len__(self) -> int:
        return self.footer.documents

    def column(self, number: int) -> NDArray[np.uint64]:
        """The sorted entries of a column (see :func:`transforms.keys.column`)."""
        before = sum(self.footer.entries[:number])
        return self._array(ENTRY, before * ENTRY.itemsize, self.footer.entries[number])

    def documents(self) -> NDArray[Any]:
        """The documents (``DOCUMENT``), in the order of election."""
        return self._array(DOCUMENT, sum(self.footer.entries) * ENTRY.itemsize, len(self))

    def run_ids(self, documents: NDArray[Any]) -> list[str]:
        """Ids of the runs that published some documents of this table."""
        runs = [part.split("/", 1)[0].removeprefix("run=") for part in self.footer.parts]
        return [runs[part] for part in documents["part"].tolist()]

    def stands(self, documents: NDArray[Any], standing: Standing) -> NDArray[np.bool_]:
        """Which of some documents of this table still stand."""
        stands = np.empty(len(documents), np.bool_)
        for start in range(0, len(documents), _ASKED_AT_ONCE):
            some = documents[start : start + _ASKED_AT_ONCE]
            answer = standing(hexadecimal(some["id"]), self.run_ids(some))
            stands[start : start + len(some)] = answer
        return stands

    def _array(self, dtype: np.dtype[Any], offset: int, length: int) -> NDArray[Any]:
        if not length:
            return np.empty(0, dtype)
        if isinstance(self._source, BytesIO):
            return np.frombuffer(self._source.getvalue(), dtype, length, offset)
        return np.memmap(self._source, dtype, "r", offset, (length,))


def write_table(
    path: str,
    runs: Sequence[str],
    parts: Sequence[str],
    state: str,
    documents: NDArray[Any],
    columns: Iterable[NDArray[np.uint64]],
) -> None:
    """Write a table so that it is seen complete or not at all.

    Args:
        path: the file.
        runs: ids of the runs that the table covers.
        parts: the Parquet parts that ``documents`` refer to.
        state: see :class:`Footer`.
        documents: the documents (``DOCUMENT``), in any order.
        columns: entries of each column, in any order, with the places in ``documents`` as numbers.

    Raises:
        OSError: the file cannot be written.
    """
    order = _in_order(documents)
    numbers = np.empty(len(order), np.uint64)
    numbers[order] = np.arange(len(order), dtype=np.uint64)
    lengths = []
    with files.writing(path, durable=True) as out:
        for entries in columns:
            renumbered = (entries & ~_LOW) | numbers[entries & _LOW]
            renumbered.sort()
            out.write(renumbered.astype(ENTRY, copy=False).tobytes())
            lengths.append(len(renumbered))
        out.write(documents[order].tobytes())
        footer = orjson.dumps(Footer(list(runs), list(parts), state, len(documents), lengths))
        out.write(footer + len(footer).to_bytes(8, "little") + _MARK)


def merge_tables(path: str, tables: Sequence[BandTable], state: str, standing: Standing) -> int:
    """Write the documents of several tables that still stand as one table.

    Returns:
        The number of documents in it.

    Raises:
        OSError: the file cannot be written.
    """
    kept = [np.empty(0, DOCUMENT)]
    numbers = []
    parts: list[str] = []
    total = 0
    for table in tables:
        documents = np.array(table.documents())
        stands = table.stands(documents, standing)
        documents["part"] += len(parts)
        parts += table.footer.parts
        kept.append(documents[stands])
        number = np.full(len(documents), -1, np.int64)
        number[stands] = np.arange(total, total + len(kept[-1]))
        numbers.append(number)
        total += len(kept[-1])

    def columns() -> Iterator[NDArray[np.uint64]]:
        for column in range(COLUMNS):
            pieces = [np.empty(0, np.uint64)]
            for table, number in zip(tables, numbers, strict=True):
                entries = table.column(column)
                renumbered = number[entries & _LOW]
                stays = renumbered >= 0
                pieces.append((entries[stays] & ~_LOW) | renumbered[stays].astype(np.uint64))
            yield np.concatenate(pieces)

    runs = sorted(run for table in tables for run in table.footer.runs)
    write_table(path, runs, parts, state, np.concatenate(kept), columns())
    return total


def entries_of(keys: NDArray[np.uint32], numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Entries of keys and the numbers of the documents that have them."""
    return keys.astype(np.uint64) << _HALF | numbers.astype(np.uint64)


def keys_and_numbers(
    entries: NDArray[np.uint64],
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The keys of entries, and the numbers of their documents."""
    return (entries >> _HALF).astype(np.uint32), (entries & _LOW).astype(np.int64)


def slices_of(
    entries: NDArray[np.uint64], keys: NDArray[np.uint32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the entries of each of some sorted keys begin and end in a column."""
    first = keys.astype(np.uint64) << _HALF
    return np.searchsorted(entries, first), np.searchsorted(entries, first | _LOW, side="right")


def digests(hexadecimals: Sequence[str]) -> NDArray[np.uint64]:
    """Digests of 32 hexadecimal digits as pairs of numbers that sort as they do."""
    pairs = np.frombuffer(bytes.fromhex("".join(hexadecimals)), ">u8").reshape(-1, 2)
    return pairs.astype("<u8")


def hexadecimal(pairs: NDArray[np.uint64]) -> list[str]:
    """The digests that :func:`digests` made pairs of."""
    digits = pairs.astype(">u8").tobytes().hex()
    return [digits[start : start + 32] for start in range(0, len(digits), 32)]


def _in_order(documents: NDArray[Any]) -> NDArray[np.int64]:
    """Places of published documents in the order of election (``transforms.clusters.ranks``)."""
    ids = documents["id"]
    return np.lexsort((ids[:, 1], ids[:, 0], -documents["characters"], documents["date"]))


def _footer(file: IO[bytes]) -> Footer:
    size = file.seek(0, 2)
    file.seek(max(0, size - _TAIL))
    tail = file.read()
    length = int.from_bytes(tail[:-8], "little")
    if tail[-8:] != _MARK or length + _TAIL > size:
        raise DamagedTableError("is not a whole table")
    file.seek(size - _TAIL - length)
    return Footer(**orjson.loads(file.read(length)))
