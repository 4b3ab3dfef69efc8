"""Candidates of the election: where each lies, and what is read of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from transforms.clusters import Buckets, buckets, ranks
from transforms.fingerprint import shingles
from transforms.keys import alike, concatenate, first_bits, keys_path, read_keys
from transforms.published import PublishedPart
from transforms.run import Run
from transforms.spool import read_columns, spool_path

_UNIT_BITS, _BATCH_BITS, _ROW_BITS = 21, 20, 20
_PUBLISHED = 1 << (_UNIT_BITS + _BATCH_BITS + _ROW_BITS)
_NO_DATE = np.iinfo(np.int64).max


class RowCode:
    """Documents as 64-bit integers: which part they are in, and which row of it.

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
    def of_published(part: PublishedPart) -> NDArray[np.int64]:
        """Codes of the canonical rows of a published part; they sort after all new rows."""
        return part.rows + (_PUBLISHED | part.number << _ROW_BITS)

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
    """The documents of a run's spool and of published parts, read by their sorted codes."""

    def __init__(
        self, run: Run, parts: Sequence[str], published: Sequence[PublishedPart] = ()
    ) -> None:
        self._run = run
        self._parts = parts
        self._published = {part.number: part for part in published}

    def same_id(self) -> Buckets:
        """Groups of new documents whose ids begin alike."""
        codes, keys = [], []
        for part in self._parts:
            ids = read_columns(spool_path(self._run, part), ["id"]).column("id").to_pylist()
            codes.append(RowCode.of_part(part, len(ids)))
            keys.append(first_bits(ids))
        return buckets(np.concatenate(keys), np.concatenate(codes))

    def alike(self) -> Iterator[Buckets]:
        """Groups of documents that share a content or a band, band by band."""
        new = [read_keys(keys_path(self._run, part)) for part in self._parts]
        codes = [
            RowCode.of_part(part, len(keys.contents))
            for part, keys in zip(self._parts, new, strict=True)
        ]
        codes += [RowCode.of_published(part) for part in self._published.values()]
        keys = concatenate([*new, *(part.keys for part in self._published.values())])
        yield from alike(np.concatenate(codes), keys)

    def ids(self, codes: NDArray[np.int64]) -> list[str]:
        """Ids of documents."""
        return [
            id_
            for path, rows in self._files(codes)
            for id_ in read_columns(path, ["id"], rows).column("id").to_pylist()
        ]

    def shingles(self, codes: NDArray[np.int64]) -> list[NDArray[np.uint64]]:
        """Shingle sets of documents, computed anew from their texts; codes in any order."""
        by_code = np.argsort(codes)
        texts = (
            text.as_py()
            for path, rows in self._files(codes[by_code])
            for text in read_columns(path, ["text"], rows).column("text")
        )
        sets = dict(zip(by_code.tolist(), map(shingles, texts), strict=True))
        return [sets[place] for place in range(len(codes))]

    def facts(self, codes: NDArray[np.int64]) -> Facts:
        """What the election weighs of documents."""
        table = pa.concat_tables([_facts(path, rows) for path, rows in self._files(codes)])
        published = codes >= _PUBLISHED
        ids = table.column("id").to_pylist()
        dates = pc.fill_null(table.column("published_at").cast(pa.int64()), _NO_DATE)
        characters = table.column("characters").to_numpy()
        order = ranks(
            published,
            table.column("priority").to_numpy(),
            dates.to_numpy(),
            characters,
            np.array(ids),
        )
        hashes = np.array(table.column("content_hash").to_pylist())
        return Facts(ids, hashes, published, characters, order)

    def _files(self, codes: NDArray[np.int64]) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """(path, rows) of each file that codes lie in."""
        files, starts = np.unique(codes >> _ROW_BITS, return_index=True)
        rows = codes & ((1 << _ROW_BITS) - 1)
        ends = np.append(starts[1:], len(rows))
        for file, start, end in zip(files.tolist(), starts, ends, strict=False):
            piece = rows[start:end]
            number = file - (_PUBLISHED >> _ROW_BITS)
            if number >= 0:
                yield self._published[number].path, piece
            else:
                part, _ = RowCode.part_and_row(file << _ROW_BITS)
                yield spool_path(self._run, part), piece


def _facts(path: str, rows: NDArray[np.int64]) -> pa.Table:
    published = path.endswith(".parquet")
    names = ["id", "content_hash", "published_at", "text"]
    table = read_columns(path, names if published else [*names, "priority"], rows)
    characters = pc.utf8_length(table.column("text")).cast(pa.int64())
    priority = [0] * len(rows) if published else table.column("priority").cast(pa.int64())
    return pa.table(
        {
            "id": table.column("id"),
            "content_hash": table.column("content_hash"),
            "published_at": table.column("published_at"),
            "characters": characters,
            "priority": priority,
        }
    )
