"""Parquet files: each row is a record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from transforms.document import Document, Rejected
from transforms.read.fields import FieldNames
from transforms.read.records import Origin

_ROWS_AT_ONCE = 256


def read_parquet(stream: BinaryIO, origin: Origin) -> Iterator[Document | Rejected]:
    """A Document or Rejected for each row, keyed by its id or its index from 0.

    ``stream`` must be seekable. Columns that can hold neither text nor metadata (vectors,
    images, nested values no field name leads to) are not read.
    """
    index = 0
    try:
        file = pq.ParquetFile(stream, pre_buffer=False)
        columns = _columns(file.schema_arrow, origin.names)
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=columns):
            for record in batch.to_pylist():
                yield _row(record, index, origin)
                index += 1
    except (pa.ArrowException, ValueError, OverflowError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = f"broken Parquet data after row {index}: {str(error).splitlines()[0]}"
        yield origin.failed(reason, type(error).__name__, f"from {index}" if index else "")


def _row(record: dict[str, object], index: int, origin: Origin) -> Document | Rejected:
    row = origin.document(record, str(index))
    if isinstance(row, Document) and len(row.text) > origin.max_document_bytes:
        return origin.too_long(f"row {index}", len(row.text), str(index))
    return row


def _columns(schema: pa.Schema, names: FieldNames) -> list[str]:
    given = {name for name in names if name is not None}
    starts = {name.split(".")[0] for name in given}
    return [
        field.name
        for field in schema
        if _is_scalar(field.type) or field.name in given or field.name in starts
    ]


def _is_scalar(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = kind.value_type
        return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
    return not (
        pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    )
