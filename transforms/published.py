"""Fingerprints of the canonicals that were published, kept for the runs to come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from transforms import files
from transforms.document import Document
from transforms.fingerprint import BANDS, fingerprints

BANDS_TYPE = pa.list_(pa.uint32())
"""MinHash band keys of one text: ``BANDS`` of them, or none for a text without words."""

FINGERPRINT_SCHEMA = pa.schema(
    [
        pa.field("row", pa.int32(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("bands", BANDS_TYPE, nullable=False),
    ]
)
"""``row`` is the document's place in the Parquet part of the same name."""


@dataclass(frozen=True, slots=True)
class PublishedPart:
    """Canonical documents that an earlier run published in one Parquet part.

    ``rows`` are their places in the file ``path``, ``content_hashes`` and ``bands`` (of
    ``BANDS_TYPE``) have an entry for each. ``number`` tells this part from the other ones.
    """

    number: int
    path: str
    rows: NDArray[np.int64]
    content_hashes: tuple[str, ...]
    bands: pa.Array


def band_array(texts: Sequence[str]) -> pa.Array:
    """The MinHash band keys of texts, of ``BANDS_TYPE``."""
    keys, filled = fingerprints(texts)
    offsets = np.concatenate(([0], np.cumsum(filled * BANDS))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(keys[filled].reshape(-1)))


def band_matrix(bands: pa.Array) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """Band keys as rows of a matrix, of the texts that have any, and which texts have."""
    filled = pc.list_value_length(bands).to_numpy(zero_copy_only=False) > 0
    return bands.flatten().to_numpy(zero_copy_only=False).reshape(-1, BANDS), filled


def write_fingerprints(path: str, documents: Sequence[Document], bands: pa.Array) -> None:
    """Write the fingerprints of the canonicals among the documents of a part, if there are any.

    Args:
        path: the file to write.
        documents: all documents of the part, in their order.
        bands: the band keys of each, of ``BANDS_TYPE``.
    """
    rows = [row for row, document in enumerate(documents) if document.duplicate_of is None]
    if rows:
        table = pa.table(
            {
                "row": rows,
                "id": [documents[row].id for row in rows],
                "content_hash": [documents[row].content_hash for row in rows],
                "bands": bands.take(pa.array(rows)),
            },
            schema=FINGERPRINT_SCHEMA,
        )
        sink = BytesIO()
        pq.write_table(table, sink, compression="zstd")
        files.write(path, sink.getvalue())


def published_part(
    number: int, path: str, fingerprints_: pa.Table, alive: NDArray[np.bool_]
) -> PublishedPart:
    """The canonicals of a part that still stand.

    Args:
        number: what tells this part from others.
        path: the Parquet part with the documents.
        fingerprints_: a table of ``FINGERPRINT_SCHEMA`` for it.
        alive: which rows of the table still stand.
    """
    table = fingerprints_.filter(pa.array(alive)).combine_chunks()
    return PublishedPart(
        number,
        path,
        table.column("row").to_numpy().astype(np.int64),
        tuple(table.column("content_hash").to_pylist()),
        table.column("bands").combine_chunks(),
    )
