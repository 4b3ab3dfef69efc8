"""Fingerprints of the canonicals that were published, kept for the runs to come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from transforms import files
from transforms.document import Document
from transforms.fingerprint import BANDS
from transforms.keys import Keys, first_bits

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


@dataclass(frozen=True, slots=True)
class PublishedPart:
    """Canonical documents that an earlier run published in one Parquet part.

    ``rows`` are their places in the file ``path``, ``keys`` has an entry for each of them.
    ``number`` tells this part from the other published parts.
    """

    number: int
    path: str
    rows: NDArray[np.int64]
    keys: Keys


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


def published_part(
    number: int, path: str, fingerprints: pa.Table, alive: NDArray[np.bool_]
) -> PublishedPart:
    """The canonicals of a part that still stand.

    Args:
        number: what tells this part from others.
        path: the Parquet part with the documents.
        fingerprints: a table of ``FINGERPRINT_SCHEMA`` for it.
        alive: which rows of the table still stand.
    """
    table = fingerprints.filter(pa.array(alive)).combine_chunks()
    column = table.column("bands").combine_chunks()
    filled = np.diff(column.offsets.to_numpy()) > 0
    bands = np.zeros((table.num_rows, BANDS), np.uint32)
    bands[filled] = column.flatten().to_numpy().reshape(-1, BANDS)
    return PublishedPart(
        number,
        path,
        table.column("row").to_numpy().astype(np.int64),
        Keys(first_bits(table.column("content_hash").to_pylist()), bands, filled),
    )
