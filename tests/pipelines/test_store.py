from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.store import Store, StoreError, read_part, run_files
from transforms import files
from transforms.parquet import encode

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.fixture(params=["local", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, bucket: str) -> Store:
    return Store(str(tmp_path / "store") if request.param == "local" else f"{bucket}/store")


def test_a_run_id_sorts_after_all_others_even_when_the_clock_jumped_back(store: Store) -> None:
    first = store.new_run(NOW)
    store.commit(first, {})
    second = store.new_run(datetime(1999, 1, 1, tzinfo=UTC))
    assert first.run_id == "000001-20260304T050607Z"
    assert second.run_id > first.run_id


def test_only_what_a_manifest_names_counts(store: Store) -> None:
    committed, dead = store.new_run(NOW), None
    files.write(committed.part("documents", "00000-000", ".parquet"), b"x")
    store.commit(committed, {"outcomes": {"kept": 1}})
    dead = store.new_run(NOW)
    files.write(dead.part("documents", "00000-000", ".parquet"), b"x")
    files.write(dead.part("spool", "00000-000", ".arrow"), b"x")
    files.write(committed.part("spool", "00000-000", ".arrow"), b"x")
    assert [run_id for run_id, _ in store.parts("documents")] == [committed.run_id]
    assert store.discard_uncommitted() == [dead.run_id]
    assert files.names(dead.directory("documents")) == []
    assert files.names(committed.directory("spool")) == []
    assert run_files(committed)["documents"] == ["part-00000-000.parquet"]
    assert store.discard_uncommitted() == []


def test_discarding_a_run_takes_all_it_wrote(store: Store) -> None:
    run = store.new_run(NOW)
    for kind in ("documents", "ledger", "spool"):
        files.write(run.part(kind, "00000-000", ".x"), b"")
    store.discard(run)
    assert run_files(run) == {
        "documents": [], "ledger": [], "fingerprints": [], "dead-letters": []
    }  # fmt: skip


def test_a_damaged_manifest_is_named(store: Store) -> None:
    files.write(files.join(store.path, "runs", "000001-x.json"), b'{"run_id": "00')
    with pytest.raises(StoreError, match=r"000001-x\.json is damaged"):
        _ = store.manifests


def test_a_damaged_part_is_named(store: Store) -> None:
    path = files.join(store.path, "ledger", "part-0.parquet")
    files.write(path, encode(pa.table({"a": [1]}))[:-20])
    with pytest.raises(StoreError, match=r"part-0\.parquet cannot be read"):
        read_part(path)


def test_a_store_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot write to the store .*/file/store: Not a dir"):
        Store(str(tmp_path / "file" / "store")).create()


def test_a_new_store_can_be_written(store: Store) -> None:
    store.create()
    assert store.manifests == {}
    assert files.names(files.join(store.path, "runs")) == []


def test_a_store_on_a_filesystem_that_is_not_there_says_what_would_help() -> None:
    with pytest.raises(StoreError, match=r"cannot reach nosuch://b/s: no filesystem"):
        Store("nosuch://b/s").create()
