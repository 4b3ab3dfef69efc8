from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.document import Document, document_id
from transforms.run import Run
from transforms.spool import read_columns, read_spool, spool_path, write_spool

texts = st.text(st.characters(exclude_categories=["Cs"]))


def test_documents_come_back_as_they_were(tmp_path: Path, make_document: Callable) -> None:
    documents = [
        make_document(
            "a",
            "Größe 🎉\x00",
            title="t",
            source_version="7-8",
            priority=3,
            media_type="text/html",
            published_at=datetime(2020, 5, 6, 7, 8, 9, 10, tzinfo=UTC),
            content_hash="ab",
            word_count=2,
            quality=("too_short", "truncated"),
            metadata={"b": "2", "a": "1"},
        ),
        make_document("b", ""),
    ]
    path = str(tmp_path / "spool.arrow")
    write_spool(path, documents)
    assert read_spool(path) == documents


@given(st.lists(texts, min_size=1, max_size=5))
def test_any_text_comes_back(tmp_path_factory, some: list[str]) -> None:
    path = str(tmp_path_factory.mktemp("spool") / "x.arrow")
    documents = [Document(document_id(str(i)), str(i), text=text) for i, text in enumerate(some)]
    write_spool(path, documents)
    assert [document.text for document in read_spool(path)] == some


def test_single_rows_and_columns_can_be_read(tmp_path: Path, make_document: Callable) -> None:
    path = str(tmp_path / "spool.arrow")
    documents = [make_document(str(i), f"text {i}") for i in range(10)]
    write_spool(path, documents)
    table = read_columns(path, ["text"], np.array([7, 2]))
    assert table.to_pydict() == {"text": ["text 7", "text 2"]}


@pytest.mark.parametrize("group", [1, 3, 4, 100])
def test_rows_of_a_parquet_part_are_found_in_any_row_group(tmp_path: Path, group: int) -> None:
    path = str(tmp_path / "part.parquet")
    table = pa.table({"text": [f"text {i}" for i in range(10)], "other": [None] * 10})
    pq.write_table(table, path, row_group_size=group)
    for rows in ([7, 2, 9], [0], [9, 9, 4], list(range(10)), []):
        found = read_columns(path, ["text"], np.array(rows, np.int64))
        assert found.to_pydict() == {"text": [f"text {row}" for row in rows]}
    assert read_columns(path, ["text"]).num_rows == 10


def test_a_spool_on_another_filesystem(bucket: str, make_document: Callable) -> None:
    run = Run(bucket, "000001-x", datetime(2026, 1, 1, tzinfo=UTC))
    path = spool_path(run, "00000-000")
    write_spool(path, [make_document("a")])
    assert [document.text for document in read_spool(path)] == ["some text"]
