from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO

import apache_beam as beam
import pyarrow.parquet as pq
import pytest

from transforms import files
from transforms.document import SCHEMA, Batch, Document, Entity
from transforms.parquet import WriteDocuments, document_table, encode
from transforms.run import Run


@pytest.fixture
def document(make_document: Callable[..., Document]) -> Document:
    return make_document(
        "a",
        "Ada Lovelace in London",
        title="Ada",
        entities=(Entity("Ada Lovelace", "PER", 0, 12), Entity("London", "LOC", 16, 22)),
        title_entities=(Entity("Ada", "PER", 0, 3),),
        published_at=datetime(1843, 7, 10, tzinfo=UTC),
        metadata={"url": "https://example.org/", "author": "x"},
        quality=("too_short",),
    )


def test_a_table_has_the_schema_and_the_values(run: Run, document: Document) -> None:
    table = document_table([document], run.run_id, run.started_at)
    assert table.schema == SCHEMA
    row = table.to_pylist()[0]
    assert row["entities"][1] == {"text": "London", "label": "LOC", "start": 16, "end": 22}
    assert row["title_entities"] == [{"text": "Ada", "label": "PER", "start": 0, "end": 3}]
    assert row["published_at"] == document.published_at
    assert row["metadata"] == [("author", "x"), ("url", "https://example.org/")]
    assert row["run_id"] == run.run_id
    assert row["ingested_at"] == run.started_at


def test_no_documents_make_an_empty_table(run: Run) -> None:
    assert document_table([], run.run_id, run.started_at).schema == SCHEMA


def test_the_file_is_zstd_with_one_row_group_and_a_page_index(run: Run, document: Document) -> None:
    file = pq.ParquetFile(BytesIO(encode(document_table([document] * 3, "r", run.started_at))))
    assert file.num_row_groups == 1
    column = file.metadata.row_group(0).column(0)
    assert column.compression == "ZSTD"
    assert column.has_offset_index
    assert file.read().schema == SCHEMA


def test_the_same_batch_always_makes_the_same_bytes(run: Run, document: Document) -> None:
    tables = [document_table([document], run.run_id, run.started_at) for _ in range(2)]
    assert encode(tables[0]) == encode(tables[1])


def test_a_batch_without_documents_makes_no_file(run: Run, document: Document) -> None:
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        batches = [Batch("00000-000", (document,)), Batch("00000-001", ())]
        pipeline | beam.Create(batches) | WriteDocuments(run)
    assert files.names(run.directory("documents")) == ["part-00000-000.parquet"]
