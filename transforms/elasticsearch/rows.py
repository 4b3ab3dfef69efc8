"""Arrow tables as rows, at less than half the cost of ``to_pylist``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

_AT_ONCE = 1000
"""As Python objects rows take several times the room that they have in Arrow."""


def to_rows(table: pa.Table | pa.RecordBatch) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table, each as ``to_pylist`` gives it, some at a time."""
    names = table.schema.names
    for start in range(0, table.num_rows, _AT_ONCE):
        part = table.slice(start, _AT_ONCE)
        for values in zip(*map(_values, part.columns), strict=True):
            yield dict(zip(names, values, strict=True))


def _values(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    if not pa.types.is_timestamp(column.type):
        return list(column.to_pylist())
    # A time is dear to make, and the documents of a run have one in common.
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    encoded = column.dictionary_encode()
    times = encoded.dictionary.to_pylist()
    return [None if place is None else times[place] for place in encoded.indices.to_pylist()]
