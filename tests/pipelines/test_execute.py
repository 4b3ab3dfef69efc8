from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.publish import catch_up
from pipelines.settings import ConfigurationError
from pipelines.single_run import RunFailedError, Summary
from pipelines.store import Store
from tests.pipelines.conftest import ABOUT_BREAD, ABOUT_RIVERS
from transforms.index import Query
from transforms.read.listing import SourceError
from transforms.sqlite import SqliteIndex

Ingest = Callable[..., Summary]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def outcomes(store: Store, run_id: str | None = None) -> dict[str, str]:
    runs = [run_id] if run_id else None
    return {
        row["source"].rsplit("/", 1)[-1]: row["outcome"]
        for table in store.tables("ledger", run_ids=runs)
        for row in table.to_pylist()
    }


def found(store: Store, words: str) -> list[str]:
    index = SqliteIndex(store.index_path)
    try:
        return [hit.source.rsplit("/", 1)[-1] for hit in index.search(Query(words)).hits]
    finally:
        index.close()


def test_every_document_ends_in_the_ledger(corpus: Path, ingest: Ingest, store: Store) -> None:
    summary = ingest()
    assert summary.outcomes == {"kept": 2, "duplicate": 1, "failed": 1}
    assert summary.languages == {"en": 2}
    assert outcomes(store) == {
        "rivers.txt": "kept",
        "bread.txt": "kept",
        "zz-copy.txt": "duplicate",
        "broken.json": "failed",
    }
    assert len(list(Path(store.path).glob("dead-letters/run=*/*.jsonl"))) == 1
    assert not list(Path(store.path).glob("spool/*"))
    assert found(store, "sluice") == ["rivers.txt"]


def test_the_manifest_tells_what_was_done(corpus: Path, ingest: Ingest, store: Store) -> None:
    summary = ingest(min_quality="fair")
    manifest = store.manifests[summary.run_id]
    assert manifest["outcomes"] == summary.outcomes
    assert manifest["settings"]["min_quality"] == "fair"
    for kind, names in manifest["files"].items():
        run = Path(store.path, kind, f"run={summary.run_id}")
        assert sorted(path.name for path in run.glob("*")) == names


def test_the_manifest_names_the_model_that_the_documents_name(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    summary = ingest(entities=True)
    (table,) = store.tables("documents")
    models = {dict(metadata)["entity_model"] for metadata in table["metadata"].to_pylist()}
    assert len(models) == 1
    assert store.manifests[summary.run_id]["entity_models"] == {"en": models.pop()}


def test_a_run_without_entities_names_no_model(corpus: Path, ingest: Ingest, store: Store) -> None:
    summary = ingest()
    assert store.manifests[summary.run_id]["entity_models"] == {}


def test_what_was_seen_is_skipped_and_what_is_new_or_changed_is_read(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    ingest()
    again = ingest()
    assert (again.run_id, again.unchanged) == (None, 4)
    (corpus / "new.txt").write_text("A new text about ferries, which cross where no bridge is.")
    (corpus / "bread.txt").write_text(ABOUT_BREAD.replace("Bread", "A cake"))
    third = ingest()
    assert third.unchanged == 3
    assert outcomes(store, third.run_id) == {"new.txt": "kept", "bread.txt": "kept"}
    assert found(store, "cake") == ["bread.txt"]
    assert found(store, "bread") == []


def test_a_new_copy_of_what_was_published_before_is_its_duplicate(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    ingest()
    (corpus / "aa-copy.txt").write_text(ABOUT_RIVERS + " So it is.")
    second = ingest()
    assert outcomes(store, second.run_id) == {"aa-copy.txt": "duplicate"}
    assert found(store, "sluice") == ["rivers.txt"]
    index = SqliteIndex(store.index_path)
    try:
        assert index.search(Query("sluice")).hits[0].duplicate_count == 2
    finally:
        index.close()


def test_a_document_that_becomes_a_duplicate_leaves_the_index(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    ingest()
    (corpus / "bread.txt").write_text(ABOUT_RIVERS)
    ingest()
    assert found(store, "baker") == []
    assert found(store, "sluice") == ["rivers.txt"]


def test_reprocess_reads_everything_again(corpus: Path, ingest: Ingest, store: Store) -> None:
    ingest()
    again = ingest(reprocess=True)
    assert again.outcomes == {"kept": 2, "duplicate": 1, "failed": 1}
    assert found(store, "sluice") == ["rivers.txt"]


def test_results_in_a_store_below_the_source_are_no_sources(
    corpus: Path, ingest: Ingest, tmp_path: Path
) -> None:
    inside = str(corpus / "store")
    ingest(store=inside)
    assert ingest(store=inside).run_id is None


def test_an_index_that_misses_a_run_catches_up(corpus: Path, ingest: Ingest, store: Store) -> None:
    ingest(index="none")
    assert not store.index_path.exists()
    assert ingest().run_id is None
    assert found(store, "sluice") == ["rivers.txt"]
    index = SqliteIndex(store.index_path)
    try:
        assert catch_up(store, index) == []
    finally:
        index.close()


def test_a_run_that_fails_leaves_nothing(
    corpus: Path, ingest: Ingest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    import transforms.parquet

    def full(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    # a disk that fills at the right moment cannot be had here; the write that would notice fails
    monkeypatch.setattr(transforms.parquet, "encode", full)
    with pytest.raises(RunFailedError, match=r"nothing was committed: .*No space left") as failure:
        ingest()
    assert "\n" not in str(failure.value)
    monkeypatch.undo()
    assert store.manifests == {}
    assert not list(Path(store.path).glob("*/run=*"))
    assert ingest().outcomes["kept"] == 2


def test_a_crash_before_the_manifest_is_undone_by_the_next_run(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    program = (
        "import os, sys\n"
        "from pipelines.cli import main\n"
        "from pipelines.store import Store\n"
        "Store.commit = lambda *_: os._exit(9)\n"
        "sys.argv = ['docsluice', 'run', *sys.argv[1:], '--no-entities']\n"
        "main()\n"
    )
    command = [sys.executable, "-c", program, str(corpus), "--store", store.path]
    assert subprocess.run(command, timeout=120, check=False).returncode == 9
    assert list(Path(store.path).glob("documents/run=*"))
    assert store.manifests == {}
    summary = ingest()
    runs = {path.name for path in Path(store.path).glob("*/run=*")}
    assert runs == {f"run={summary.run_id}"}
    assert found(store, "sluice") == ["rivers.txt"]


def test_a_run_into_a_store_on_another_filesystem(
    corpus: Path, ingest: Ingest, bucket: str
) -> None:
    summary = ingest(store=f"{bucket}/store", index="none")
    assert summary.outcomes == {"kept": 2, "duplicate": 1, "failed": 1}
    assert ingest(store=f"{bucket}/store", index="none").unchanged == 4
    with pytest.raises(ConfigurationError, match="--index none"):
        ingest(store=f"{bucket}/store")


def test_sources_on_another_filesystem(corpus: Path, ingest: Ingest, bucket: str) -> None:
    from transforms import files

    for path in corpus.iterdir():
        files.write(f"{bucket}/in/{path.name}", path.read_bytes())
    assert ingest(sources=[f"{bucket}/in"]).outcomes == {"kept": 2, "duplicate": 1, "failed": 1}


def test_no_sources_and_missing_sources_are_refused(ingest: Ingest) -> None:
    with pytest.raises(ConfigurationError, match="at least one source"):
        ingest(sources=[])
    with pytest.raises(SourceError, match="nowhere"):
        ingest(sources=["nowhere"])


def test_a_place_that_cannot_be_listed_is_recorded_once(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    os.mkfifo(corpus / "pipe.txt")
    first = ingest()
    assert outcomes(store, first.run_id)["pipe.txt"] == "failed"
    assert ingest().run_id is None


def test_a_document_that_can_no_longer_be_read_stays_in_the_index(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    (corpus / "notes.json").write_text('{"text": "Notes on locks, weirs and lifting bridges."}')
    ingest()
    (corpus / "notes.json").write_text('{"text": "Notes on lo')
    assert outcomes(store, ingest().run_id) == {"notes.json": "failed"}
    assert found(store, "weirs") == ["notes.json"]
