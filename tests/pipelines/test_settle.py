from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.batches import Work
from pipelines.settle import NOT_FOUND, settle
from pipelines.state import DocumentRow
from pipelines.store import Store, read_part
from transforms.ledger import LedgerRow, write_ledger
from transforms.read.slices import SourceFile
from transforms.run import Run

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def known(id_: str, uri: str, key: str = "") -> DocumentRow:
    return DocumentRow(id_, uri, key, "old", "kept", "run", None, "hash")


def file(uri: str, only: frozenset[str] | None = None) -> SourceFile:
    return SourceFile(uri, 1, "new", only=only)


def settled(run: Run) -> list[tuple[str, str, str, str]]:
    return [
        (row["source"], row["outcome"], row["reason"], row["source_version"])
        for path in sorted(Path(run.directory("ledger")).glob("*-settle.parquet"))
        for row in read_part(str(path)).to_pylist()
    ]


def test_each_document_that_was_not_found_is_accounted_for(store: Store) -> None:
    run = store.new_run(NOW)
    rows = (
        LedgerRow("1", "whole#1", "new", "kept"),
        LedgerRow("9", "broken", "", "failed", "read: cannot be read: gone"),
        LedgerRow("8", "unfit#8", "new", "failed", "clean: an accident"),
    )
    write_ledger(run, "00000-000", "kept", rows)
    work = Work(
        (file("whole"), file("broken"), file("unfit"), file("some", frozenset("m"))), ("gone",)
    )
    settle(
        store,
        run,
        work,
        [
            known("1", "whole", "1"),
            known("2", "whole", "2"),
            known("3", "broken", "3"),
            known("4", "unfit", "4"),
            known("m", "some", "m"),
            known("5", "gone"),
        ],
    )
    assert settled(run) == [
        ("gone", "deleted", "source is gone", ""),
        ("some#m", "failed", f"read: {NOT_FOUND}", ""),
        ("unfit#4", "deleted", "record is gone", "new"),
        ("whole#2", "deleted", "record is gone", "new"),
    ]  # fmt: skip
    (letters,) = Path(run.directory("dead-letters")).iterdir()
    assert letters.read_text().count('"id":"m"') == 1


def test_where_all_was_found_nothing_is_written(store: Store) -> None:
    run = store.new_run(NOW)
    write_ledger(run, "00000-000", "kept", (LedgerRow("1", "whole", "new", "kept"),))
    settle(store, run, Work((file("whole"),)), [known("1", "whole")])
    assert settled(run) == []
