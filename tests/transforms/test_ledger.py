from __future__ import annotations

from collections.abc import Callable

import apache_beam as beam
import pyarrow.parquet as pq

from transforms import files
from transforms.document import LEDGER_SCHEMA, Batch, Rejected
from transforms.ledger import (
    KeptRows,
    RejectedRows,
    WriteLedger,
    duplicate_row,
    kept_row,
    ledger_table,
    rejected_row,
)
from transforms.run import Run


def test_a_duplicate_names_its_canonical_and_says_whether_it_is_the_same(
    make_document: Callable,
) -> None:
    near = make_document("a", duplicate_of="c" * 32, similarity=0.9)
    assert duplicate_row(near, same_text=False).reason == "near duplicate"
    assert duplicate_row(near, same_text=False).duplicate_of == "c" * 32
    assert duplicate_row(near, same_text=True).reason == "same text"


def test_a_kept_document_shows_its_flags(make_document: Callable) -> None:
    assert kept_row(make_document("a", quality=("too_short", "all_caps"))).reason == (
        "too_short, all_caps"
    )


def test_rows_are_in_the_same_order_however_they_come(run: Run, make_document: Callable) -> None:
    rows = [kept_row(make_document(name)) for name in ("b", "c", "a")]
    forward = ledger_table(rows, run.run_id, run.started_at)
    backward = ledger_table(reversed(rows), run.run_id, run.started_at)
    assert forward.equals(backward)
    assert forward.schema == LEDGER_SCHEMA


def test_each_stage_writes_its_rows_of_a_part_to_its_own_file(
    run: Run, make_document: Callable
) -> None:
    rejected = Rejected("d" * 32, "file:///d", "1-2", "failed", "broken", "read", "ValueError")
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        batches = [Batch("00000-000", (make_document("a"),)), Batch("00000-001", ())]
        kept = pipeline | beam.Create(batches)
        kept | KeptRows() | "kept" >> WriteLedger(run, "kept")
        failed = pipeline | "failed" >> beam.Create([("00000-000", (rejected,))])
        failed | RejectedRows() | "read" >> WriteLedger(run, "read")
    assert files.names(run.directory("ledger")) == [
        "part-00000-000-kept.parquet",
        "part-00000-000-read.parquet",
    ]
    row = pq.read_table(run.part("ledger", "00000-000", "-read.parquet")).to_pylist()[0]
    assert row["reason"] == "read: broken"
    assert row["run_id"] == run.run_id
    assert row["recorded_at"] == run.started_at
    assert rejected_row(rejected).outcome == "failed"
