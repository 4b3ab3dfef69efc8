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
from transforms.fingerprint import BANDS, fingerprints

FINGERPRINT_SCHEMA = pa.schema(
    [
        pa.field("row", pa.int32(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("bands", pa.list_(pa.uint32(), BANDS), nullable=False),
        pa.field("filled", pa.bool_(), nullable=False),
    ]
)
"""``row`` is the document's place in the Parquet part of the same name, ``bands`` its MinHash
band keys; they mean nothing where ``filled`` is false: the text has no words."""


@dataclass(frozen=True, slots=True)
class PublishedPart:
    """Canonical documents that an earlier run published in one Parquet part.

    ``rows`` are their places in the file ``path``; the other arrays have an entry for each of
    them. ``number`` tells this part from the other published parts.
    """

    number: int
    path: str
    rows: NDArray[np.int64]
    content_hashes: tuple[str, ...]
    bands: NDArray[np.uint32]
    filled: NDArray[np.bool_]


def write_fingerprints(path: str, published: Sequence[Document]) -> None:
    """Write the fingerprints of the canonicals among the documents of a part, if there are any."""
    rows = [row for row, document in enumerate(published) if document.duplicate_of is None]
    if rows:
        bands, filled = fingerprints([published[row].text for row in rows])
        table = pa.table(
            [
                pa.array(rows, pa.int32()),
                pa.array([published[row].id for row in rows]),
                pa.array([published[row].content_hash for row in rows]),
                pa.FixedSizeListArray.from_arrays(pa.array(bands.reshape(-1)), BANDS),
                pa.array(filled),
            ],
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
        table.column("bands").combine_chunks().flatten().to_numpy().reshape(-1, BANDS),
        table.column("filled").to_numpy(),
    )
