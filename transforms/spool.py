"""The spool: cleaned batches set aside on disk while only their names are shuffled.

Whole documents in a shuffle cost several times their size in memory. A batch is therefore
written once as an Arrow IPC file in the run's spool, uncompressed so that single documents can
be read out of a memory map, and read back when it is known which of its documents stay. The
spool is deleted when the run ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from transforms import files
from transforms.document import Document
from transforms.run import Run

SPOOL_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("source_version", pa.string()),
        ("priority", pa.int32()),
        ("media_type", pa.string()),
        ("title", pa.string()),
        ("text", pa.large_string()),
        ("published_at", pa.timestamp("us", tz="UTC")),
        ("content_hash", pa.string()),
        ("word_count", pa.int32()),
        ("quality", pa.list_(pa.string())),
        ("metadata", pa.map_(pa.string(), pa.string())),
    ]
)
"""What is known of a document after cleaning; the other fields have their defaults."""


def spool_path(run: Run, part: str) -> str:
    """Path of the spool file of a batch."""
    return run.part("spool", part, ".arrow")


def write_spool(path: str, documents: Sequence[Document]) -> None:
    """Write documents, in their order, to one spool file."""
    columns: dict[str, list[object]] = {
        name: [getattr(document, name) for document in documents] for name in SPOOL_SCHEMA.names
    }
    columns["metadata"] = [list(document.metadata.items()) for document in documents]
    table = pa.table(columns, schema=SPOOL_SCHEMA)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, SPOOL_SCHEMA) as writer:
        writer.write_table(table)
    files.write(path, sink.getvalue())


def read_spool(path: str) -> list[Document]:
    """The documents of a spool file, in their order."""
    table = read_columns(path, SPOOL_SCHEMA.names)
    columns = {name: table.column(name).to_pylist() for name in SPOOL_SCHEMA.names}
    columns["quality"] = [tuple(flags) for flags in columns["quality"]]
    columns["metadata"] = [dict(items) for items in columns["metadata"]]
    return [
        Document(**dict(zip(columns, values, strict=True)))
        for values in zip(*columns.values(), strict=True)
    ]


def read_columns(
    path: str, columns: Sequence[str], rows: NDArray[np.int64] | None = None
) -> pa.Table:
    """Some columns, and some rows, of a spool file or of a published Parquet part.

    Of a local file only what is asked for is read: of Parquet, the row groups that have the rows.

    Raises:
        OSError: the file cannot be read.
        pyarrow.ArrowInvalid: it is damaged; the message names it.
    """
    source = pa.BufferReader(files.read(path)) if files.is_remote(path) else pa.memory_map(path)
    try:
        if path.endswith(".parquet"):
            return _of_parquet(pq.ParquetFile(source), list(columns), rows)
        table = pa.ipc.open_file(source).read_all().select(list(columns))
        return table if rows is None else table.take(pa.array(rows))
    except pa.ArrowInvalid as error:
        raise pa.ArrowInvalid(f"{path} is damaged: {error}") from None


def _of_parquet(
    file: pq.ParquetFile, columns: list[str], rows: NDArray[np.int64] | None
) -> pa.Table:
    if rows is None:
        return file.read(columns=columns)
    sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    ends = np.cumsum(sizes)
    groups, group_of = np.unique(np.searchsorted(ends, rows, "right"), return_inverse=True)
    # what lies before the groups that are not read is not there to be counted
    skipped = ends[groups] - np.cumsum(np.array(sizes)[groups])
    table = file.read_row_groups(groups.tolist(), columns=columns)
    return table.take(pa.array(rows - skipped[group_of]))
