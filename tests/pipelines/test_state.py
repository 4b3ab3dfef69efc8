from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.single_run import Summary
from pipelines.state import file_of, latest_rows, published_parts, seen_versions
from pipelines.store import Store
from transforms.ledger import LedgerRow, write_ledger

Ingest = Callable[..., Summary]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def record(store: Store, *rows: LedgerRow) -> str:
    """Commit a run that consists of ledger rows."""
    run = store.new_run(datetime(2026, 1, 1, tzinfo=UTC))
    write_ledger(run, "00000-000", "kept", rows)
    store.commit(run, {"outcomes": {}})
    return run.run_id


def test_the_file_of_a_record_is_what_comes_before_its_key() -> None:
    assert file_of("file:///a.jsonl#L3") == "file:///a.jsonl"
    assert file_of("file:///a%23b.txt") == "file:///a%23b.txt"


def test_the_newest_version_of_a_file_counts(store: Store) -> None:
    record(store, LedgerRow("1", "f#L1", "v1", "kept"), LedgerRow("2", "g", "v1", "kept"))
    record(store, LedgerRow("1", "f#L1", "v2", "kept"))
    assert seen_versions(store) == {"f": "v2", "g": "v1"}


def test_a_file_that_was_not_read_to_its_end_has_not_been_seen(store: Store) -> None:
    record(store, LedgerRow("1", "f#L1", "v1", "kept"), LedgerRow("2", "f", "", "failed"))
    assert seen_versions(store) == {"f": ""}


def test_the_newest_row_of_a_document_counts(store: Store) -> None:
    record(store, LedgerRow("1", "f", "v1", "kept"))
    second = record(store, LedgerRow("1", "f", "v2", "rejected"))
    row = latest_rows(store)["1"]
    assert (row.run_id, row.outcome) == (second, "rejected")


def test_of_records_with_one_id_the_kept_one_counts(store: Store) -> None:
    record(store, LedgerRow("1", "f#x", "v1", "kept"), LedgerRow("1", "f#x", "v1", "rejected"))
    assert latest_rows(store)["1"].outcome == "kept"


def test_canonicals_stand_until_their_file_is_read_again(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    ingest()
    ids = {row.id for row in _kept(store)}
    parts = published_parts(store, reread=set())
    assert sum(len(part.rows) for part in parts) == len(ids) == 2
    assert all(Path(part.path).is_file() for part in parts)
    again = published_parts(store, reread={(corpus / "bread.txt").as_uri()})
    assert sum(len(part.rows) for part in again) == 1


def _kept(store: Store) -> list[LedgerRow]:
    return [
        LedgerRow(row["id"], row["source"], row["source_version"], row["outcome"])
        for table in store.tables("ledger")
        for row in table.to_pylist()
        if row["outcome"] == "kept"
    ]
