"""The ledger: one row per document seen per run, with what became of it and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq

from transforms import files
from transforms.document import (
    LEDGER_SCHEMA,
    Batch,
    Document,
    OutcomeName,
    Rejected,
    RejectedOfPart,
)
from transforms.run import Run


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """What became of one document; ``run_id`` and ``recorded_at`` are added when written."""

    id: str
    source: str
    source_version: str
    outcome: OutcomeName
    reason: str = ""
    duplicate_of: str | None = None
    similarity: float | None = None
    content_hash: str = ""


Rows = tuple[str, tuple[LedgerRow, ...]]
"""A part's name and ledger rows of that part."""


def kept_row(document: Document) -> LedgerRow:
    """The row of a published document; its quality flags are the reason one may look at it."""
    return LedgerRow(
        document.id,
        document.source,
        document.source_version,
        "kept",
        reason=", ".join(document.quality),
        duplicate_of=document.duplicate_of,
        similarity=document.similarity,
        content_hash=document.content_hash,
    )


def duplicate_row(document: Document, same_text: bool) -> LedgerRow:
    """The row of a document that was left out for the canonical it resembles."""
    return LedgerRow(
        document.id,
        document.source,
        document.source_version,
        "duplicate",
        reason="same text" if same_text else "near duplicate",
        duplicate_of=document.duplicate_of,
        similarity=document.similarity,
        content_hash=document.content_hash,
    )


def rejected_row(rejected: Rejected) -> LedgerRow:
    """The row of a document or source that did not go on."""
    return LedgerRow(
        rejected.id,
        rejected.source,
        rejected.source_version,
        rejected.outcome,
        reason=f"{rejected.stage}: {rejected.reason}",
        content_hash=rejected.content_hash,
    )


def ledger_table(rows: Iterable[LedgerRow], run_id: str, recorded_at: datetime) -> pa.Table:
    """Rows as a table of ``LEDGER_SCHEMA``, in the order of source, id and outcome."""
    ordered = sorted(rows, key=lambda row: (row.source, row.id, row.outcome, row.reason))
    columns = {
        name: [getattr(row, name) for row in ordered] for name in LedgerRow.__dataclass_fields__
    }
    columns["run_id"] = [run_id] * len(ordered)
    columns["recorded_at"] = [recorded_at] * len(ordered)
    return pa.table(columns, schema=LEDGER_SCHEMA)


def write_ledger(run: Run, part: str, stage: str, rows: tuple[LedgerRow, ...]) -> str:
    """Write the rows that a stage leaves of a part; returns the path of the file."""
    sink = BytesIO()
    pq.write_table(ledger_table(rows, run.run_id, run.started_at), sink, compression="zstd")
    path = run.part("ledger", part, f"-{stage}.parquet")
    files.write(path, sink.getvalue())
    return path


class KeptRows(beam.PTransform[beam.PCollection[Batch], beam.PCollection[Rows]]):
    """Ledger rows of the documents that were published."""

    def expand(self, batches: beam.PCollection[Batch]) -> beam.PCollection[Rows]:
        """Batch -> (part, rows)."""
        return batches | beam.Map(lambda batch: (batch.part, tuple(map(kept_row, batch.documents))))


class RejectedRows(beam.PTransform[beam.PCollection[RejectedOfPart], beam.PCollection[Rows]]):
    """Ledger rows of rejected and failed documents."""

    def expand(self, rejected: beam.PCollection[RejectedOfPart]) -> beam.PCollection[Rows]:
        """(part, rejected documents) -> (part, rows)."""
        return rejected | beam.MapTuple(lambda part, all_: (part, tuple(map(rejected_row, all_))))


@dataclass
class WriteLedger(beam.PTransform[beam.PCollection[Rows], beam.PCollection[str]]):
    """Writes the rows that a stage leaves of each part to a file of their own.

    One file per part and stage needs no shuffle, and a bundle that is tried again writes the
    same rows to the same name.
    """

    run: Run
    stage: str

    def expand(self, rows: beam.PCollection[Rows]) -> beam.PCollection[str]:
        """(part, rows) -> path of the file written, if there are rows."""
        return rows | beam.FlatMapTuple(self._write)

    def _write(self, part: str, rows: tuple[LedgerRow, ...]) -> Iterator[str]:
        if rows:
            yield write_ledger(self.run, part, self.stage, rows)
