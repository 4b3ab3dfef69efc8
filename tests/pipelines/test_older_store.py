"""A store of an earlier version, whose documents have no names of titles, goes on working."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from pipelines.explain import explain
from pipelines.reindex import reindex
from pipelines.report import show_summary
from pipelines.search import search_store
from pipelines.settings import load
from pipelines.single_run import Summary
from transforms.document import SCHEMA
from transforms.index import SearchIndexError

Ingest = Callable[..., Summary]


@pytest.fixture
def store(corpus: Path, ingest: Ingest, tmp_path: Path) -> Path:
    """A store with an index and a Parquet part as the version before wrote them."""
    ingest()
    store = tmp_path / "store"
    (path,) = store.glob("documents/*/*.parquet")
    table = pq.ParquetFile(path).read().drop_columns(["title_entities"])
    at = table.schema.get_field_index("entities")
    names = [[{"text": "Zed", "label": "PER", "start": 0, "end": 3}]] * table.num_rows
    field = SCHEMA.field("entities")
    pq.write_table(table.set_column(at, field, pa.array(names, field.type)), path)
    with closing(sqlite3.connect(store / "search.db")) as index:
        index.execute("PRAGMA user_version = 1")
    (corpus / "new.txt").write_text("A new document about the weather, and about nothing else.")
    return store


def test_a_run_says_that_the_index_is_to_be_rebuilt_and_then_goes_on(
    store: Path, ingest: Ingest, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SearchIndexError, match=r"older docsluice.*docsluice reindex"):
        ingest()
    reindex(load({"store": str(store)}), as_json=True)
    assert json.loads(capsys.readouterr().out) == {"documents": 2, "runs": 1}
    assert ingest().outcomes == {"kept": 1}
    search_store(store, "", entities=("Zed",), as_json=True)
    assert json.loads(capsys.readouterr().out)["total"] == 2


def test_its_documents_are_explained_and_shown(
    store: Path, corpus: Path, ingest: Ingest, capsys: pytest.CaptureFixture[str]
) -> None:
    explain(load({"store": str(store)}), "rivers.txt", as_json=False)
    assert "1: Zed PER ×1" in capsys.readouterr().out
    settings = {"store": str(store), "index": "none"}
    summary = ingest(sources=[str(corpus / "rivers.txt")], index="none")
    show_summary(load(settings), summary, as_json=False)
    assert "Zed PER" in capsys.readouterr().out


def test_its_parts_are_read_together_with_new_ones(store: Path, ingest: Ingest) -> None:
    ingest(index="none")
    table = ds.dataset(store / "documents", schema=SCHEMA).to_table()
    assert table.num_rows == 3
    assert sorted(map(str, table["title_entities"].to_pylist())) == ["None", "None", "[]"]
    query = f"""SELECT count(*), count(title_entities), sum(len(entities))
                FROM read_parquet('{store}/documents/*/*.parquet', union_by_name = true)"""
    assert duckdb.sql(query).fetchall() == [(3, 1, 2)]
