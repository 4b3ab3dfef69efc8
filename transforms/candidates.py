"""Candidates of the election: where each lies, and what is read of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from transforms.band_tables import hexadecimal
from transforms.clusters import Buckets, buckets, ranks
from transforms.fingerprint import shingles
from transforms.keys import COLUMNS, Keys, column, concatenate, first_bits, keys_path, read_keys
from transforms.meeting import NOBODY, Elders, Meeting
from transforms.published import microseconds
from transforms.run import Run
from transforms.spool import read_columns, spool_path

_UNIT_BITS, _BATCH_BITS, _ROW_BITS = 29, 18, 14
_PUBLISHED = 1 << (_UNIT_BITS + _BATCH_BITS + _ROW_BITS)


class RowCode:
    """Documents as 64-bit integers: new ones by the part they are in, and the row of it.

    The code follows the plan, so it is the same on every runner and needs no counting.
    """

    @staticmethod
    def of_part(part: str, length: int) -> NDArray[np.int64]:
        """Codes of the ``length`` rows of a part named ``<unit>-<batch>``.

        Raises:
            ValueError: the plan has more units, batches or rows than the code has room for.
        """
        unit, batch = (int(number) for number in part.split("-"))
        if unit >= 1 << _UNIT_BITS or batch >= 1 << _BATCH_BITS or length > 1 << _ROW_BITS:
            raise ValueError(f"part {part} with {length} rows is beyond what a run can hold")
        return np.arange(length, dtype=np.int64) + ((unit << _BATCH_BITS | batch) << _ROW_BITS)

    @staticmethod
    def of_published(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Codes of published documents by their numbers in a meeting; they sort after all new."""
        return numbers | _PUBLISHED

    @staticmethod
    def part_and_row(code: int) -> tuple[str, int]:
        """Name of the part, and row in it, of a new document."""
        file, row = code >> _ROW_BITS, code & ((1 << _ROW_BITS) - 1)
        return f"{file >> _BATCH_BITS:05d}-{file & ((1 << _BATCH_BITS) - 1):03d}", row


@dataclass(frozen=True, slots=True)
class Facts:
    """What the election weighs, an entry per candidate; ``order`` is the rank of each."""

    ids: list[str]
    content_hashes: NDArray[np.str_]
    published: NDArray[np.bool_]
    characters: NDArray[np.int64]
    order: NDArray[np.int64]


class Candidates:
    """The documents of a run's spool and those published, read by their sorted codes."""

    def __init__(self, run: Run, parts: Sequence[str], published: Elders | None = None) -> None:
        self._run = run
        self._parts = parts
        self._published = published

    def same_id(self) -> Buckets:
        """Groups of new documents whose ids begin alike."""
        codes, keys = [], []
        for part in self._parts:
            ids = read_columns(spool_path(self._run, part), ["id"]).column("id").to_pylist()
            codes.append(RowCode.of_part(part, len(ids)))
            keys.append(first_bits(ids))
        return buckets(np.concatenate(keys), np.concatenate(codes))

    def alike(self) -> Iterator[Buckets]:
        """Groups of documents that share a content or a band, column by column.

        Published documents are among them where a new one is.
        """
        new = self._keys
        sizes = [len(keys.contents) for keys in new]
        codes = np.concatenate(list(map(RowCode.of_part, self._parts, sizes)))
        all_ = concatenate(new)
        for number in range(COLUMNS):
            keys, rows = column(all_, number)
            theirs, numbers = self._met.columns[number]
            yield buckets(
                np.concatenate([keys, theirs]),
                np.concatenate([codes[rows], RowCode.of_published(numbers)]),
            )

    def ids(self, codes: NDArray[np.int64]) -> list[str]:
        """Ids of new documents."""
        return [
            id_
            for path, rows in self._files(codes)
            for id_ in read_columns(path, ["id"], rows).column("id").to_pylist()
        ]

    def shingles(self, codes: NDArray[np.int64]) -> list[NDArray[np.uint64]]:
        """Shingle sets of documents, computed anew from their texts; codes in any order."""
        order = np.argsort(codes)
        new = order[: np.count_nonzero(codes < _PUBLISHED)]
        met = self._met.documents[codes[order[len(new) :]] - _PUBLISHED]
        by_file = np.lexsort((met["row"], met["part"]))
        texts = (
            text.as_py()
            for path, rows in (*self._files(codes[new]), *self._published_files(met[by_file]))
            for text in read_columns(path, ["text"], rows).column("text")
        )
        places = np.concatenate([new, order[len(new) :][by_file]])
        sets = dict(zip(places.tolist(), map(shingles, texts), strict=True))
        return [sets[place] for place in range(len(codes))]

    def facts(self, codes: NDArray[np.int64]) -> Facts:
        """What the election weighs of documents."""
        new = codes[codes < _PUBLISHED]
        met = self._met.documents[codes[len(new) :] - _PUBLISHED]
        table = pa.concat_tables(
            [FACTS.empty_table(), *(self._weighed(path, rows) for path, rows in self._files(new))]
        )
        ids = [*table.column("id").to_pylist(), *hexadecimal(met["id"])]
        hashes = [*table.column("content_hash").to_pylist(), *hexadecimal(met["content"])]
        characters = np.concatenate([table.column("characters").to_numpy(), met["characters"]])
        priorities = np.zeros(len(codes), np.int64)
        priorities[: len(new)] = table.column("priority").to_numpy()
        dates = np.concatenate([microseconds(table.column("published_at")), met["date"]])
        published = codes >= _PUBLISHED
        order = ranks(published, priorities, dates, characters, np.array(ids))
        return Facts(ids, np.array(hashes), published, characters, order)

    @cached_property
    def _keys(self) -> list[Keys]:
        return [read_keys(keys_path(self._run, part)) for part in self._parts]

    @cached_property
    def _met(self) -> Meeting:
        return self._published.meeting(concatenate(self._keys)) if self._published else NOBODY

    def _files(self, codes: NDArray[np.int64]) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """(path, rows) of each spool file that sorted codes of new documents lie in."""
        for code, rows in _grouped(codes >> _ROW_BITS, codes & ((1 << _ROW_BITS) - 1)):
            part, _ = RowCode.part_and_row(code << _ROW_BITS)
            yield spool_path(self._run, part), rows

    def _weighed(self, path: str, rows: NDArray[np.int64]) -> pa.Table:
        """What the election weighs (``FACTS``) of some new documents of a file."""
        columns = ["id", "content_hash", "published_at", "text", "priority"]
        table = read_columns(path, columns, rows)
        characters = pc.utf8_length(table.column("text")).cast(pa.int64())
        return table.set_column(3, "characters", characters).cast(FACTS)

    def _published_files(self, met: NDArray[Any]) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """(path, rows) of each Parquet part that documents lie in, which are sorted by part."""
        for part, rows in _grouped(met["part"], met["row"].astype(np.int64)):
            yield self._met.paths[part], rows


def _grouped(
    files: NDArray[Any], rows: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Each of some sorted files, and the rows that lie in it."""
    numbers, starts = np.unique(files, return_index=True)
    yield from zip(numbers.tolist(), np.split(rows, starts[1:]), strict=False)


FACTS = pa.schema(
    [
        ("id", pa.string()),
        ("content_hash", pa.string()),
        ("published_at", pa.timestamp("us", tz="UTC")),
        ("characters", pa.int64()),
        ("priority", pa.int64()),
    ]
)
