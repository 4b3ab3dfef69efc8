"""Fingerprints of the canonicals that were published, kept for the runs to come."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from transforms import files
from transforms.band_tables import DOCUMENT, digests, entries_of, write_table
from transforms.document import Document
from transforms.fingerprint import BANDS
from transforms.keys import COLUMNS, Keys, column, concatenate, first_bits
from transforms.spool import read_columns

FINGERPRINT_SCHEMA = pa.schema(
    [
        pa.field("row", pa.int32(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("bands", pa.list_(pa.uint32()), nullable=False),
    ]
)
"""``row`` is the document's place in the Parquet part of the same name; ``bands`` its MinHash
band keys, ``BANDS`` of them, or none for a text without words."""


def write_fingerprints(
    path: str, documents: Sequence[Document], keys: Keys, places: Sequence[int]
) -> None:
    """Write the fingerprints of the canonicals among the documents of a part, if there are any.

    Args:
        path: the file to write.
        documents: all documents of the part, in their order.
        keys: the keys of the batch that they come from.
        places: the place of each document among those of the batch.
    """
    rows = [row for row, document in enumerate(documents) if document.duplicate_of is None]
    if not rows:
        return
    chosen = np.array([places[row] for row in rows])
    filled = keys.filled[chosen]
    offsets = np.concatenate(([0], np.cumsum(filled * BANDS))).astype(np.int32)
    values = keys.bands[chosen[filled]].reshape(-1)
    table = pa.table(
        {
            "row": rows,
            "id": [documents[row].id for row in rows],
            "content_hash": [documents[row].content_hash for row in rows],
            "bands": pa.ListArray.from_arrays(pa.array(offsets), pa.array(values)),
        },
        schema=FINGERPRINT_SCHEMA,
    )
    sink = BytesIO()
    pq.write_table(table, sink, compression="zstd")
    files.write(path, sink.getvalue())


def write_band_table(
    path: str, runs: Sequence[str], parts: Sequence[tuple[str, str]], state: str
) -> int:
    """Write the fingerprints of runs as a band table.

    Args:
        path: the table.
        runs: ids of the runs.
        parts: of each of their parts the path of its fingerprints and that of its documents.
        state: see :class:`transforms.band_tables.Footer`.

    Returns:
        The number of documents in it.

    Raises:
        OSError: a file cannot be read or written.
        pyarrow.ArrowInvalid: a file is damaged.
    """
    read = [_read_part(*paths, number) for number, paths in enumerate(parts)]
    documents = np.concatenate([np.empty(0, DOCUMENT), *(documents for documents, _ in read)])
    keys = concatenate([keys for _, keys in read])
    names = ["/".join(of.split("/")[-2:]) for _, of in parts]
    columns = (entries_of(*column(keys, number)) for number in range(COLUMNS))
    write_table(path, runs, names, state, documents, columns)
    return len(documents)


def read_fingerprints(path: str) -> tuple[pa.Table, Keys]:
    """The fingerprints of a part (``FINGERPRINT_SCHEMA``), and the keys in them.

    Raises:
        OSError: the file cannot be read.
        pyarrow.ArrowInvalid: it is damaged.
    """
    table = read_columns(path, FINGERPRINT_SCHEMA.names).combine_chunks()
    column_ = table.column("bands").combine_chunks()
    filled = np.diff(column_.offsets.to_numpy()) > 0
    bands = np.zeros((table.num_rows, BANDS), np.uint32)
    bands[filled] = column_.flatten().to_numpy().reshape(-1, BANDS)
    return table, Keys(first_bits(table.column("content_hash").to_pylist()), bands, filled)


def _read_part(fingerprints: str, of: str, part: int) -> tuple[NDArray[Any], Keys]:
    """The canonicals of a part, and their keys."""
    table, keys = read_fingerprints(fingerprints)
    rows = table.column("row").to_numpy()
    weighed = read_columns(of, ["published_at", "text"], rows)
    documents = np.empty(len(rows), DOCUMENT)
    documents["id"] = digests(table.column("id").to_pylist())
    documents["content"] = digests(table.column("content_hash").to_pylist())
    documents["date"] = microseconds(weighed.column("published_at"))
    documents["characters"] = pc.utf8_length(weighed.column("text")).to_numpy()
    documents["part"] = part
    documents["row"] = rows
    return documents, keys


def microseconds(dates: pa.ChunkedArray) -> NDArray[np.int64]:
    """Dates as microseconds since 1970, the greatest int64 for none."""
    known = pc.fill_null(dates.cast(pa.int64()), np.iinfo(np.int64).max)
    return np.asarray(known, np.int64)
