"""Documents as Parquet: the published record, one file per batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq

from transforms import files
from transforms.document import SCHEMA, Batch, Document
from transforms.run import Run

_OF_THE_RUN = ("ingested_at", "run_id")
_ENTITIES = ("entities", "title_entities")
_PLAIN = [name for name in SCHEMA.names if name not in (*_OF_THE_RUN, *_ENTITIES, "metadata")]


def document_table(documents: Sequence[Document], run_id: str, ingested_at: datetime) -> pa.Table:
    """Documents as a table of ``SCHEMA``, in their order."""
    columns: dict[str, list[object]] = {
        name: [getattr(document, name) for document in documents] for name in _PLAIN
    }
    for name in _ENTITIES:
        columns[name] = [
            [{"text": e.text, "label": e.label, "start": e.start, "end": e.end} for e in entities]
            for entities in (getattr(document, name) for document in documents)
        ]
    columns["metadata"] = [sorted(document.metadata.items()) for document in documents]
    columns["ingested_at"] = [ingested_at] * len(documents)
    columns["run_id"] = [run_id] * len(documents)
    return pa.table(columns, schema=SCHEMA)


def encode(table: pa.Table) -> bytes:
    """A Parquet file of one row group.

    zstd, statistics on every column and a page index let readers skip what they do not ask for;
    a batch is a few MiB of text, which is a row group of the size that analytics like.
    """
    sink = BytesIO()
    pq.write_table(
        table,
        sink,
        compression="zstd",
        row_group_size=max(1, table.num_rows),
        write_page_index=True,
        use_dictionary=["source", "language", "media_type", "run_id"],
    )
    return sink.getvalue()


@dataclass
class WriteDocuments(beam.PTransform[beam.PCollection[Batch], beam.PCollection[str]]):
    """Writes each batch that holds documents to a file of its own.

    A bundle that is tried again writes the same rows to the same name.
    """

    run: Run

    def expand(self, batches: beam.PCollection[Batch]) -> beam.PCollection[str]:
        """Batch -> path of the file written, if it holds documents."""
        return batches | beam.FlatMap(self._write)

    def _write(self, batch: Batch) -> Iterator[str]:
        if batch.documents:
            path = self.run.part("documents", batch.part, ".parquet")
            table = document_table(batch.documents, self.run.run_id, self.run.started_at)
            files.write(path, encode(table))
            yield path
