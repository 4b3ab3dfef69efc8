"""A run that has seen a text before does not look for its language and its names again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.cache import enrichment_cache
from pipelines.settings import load
from pipelines.single_run import Summary
from pipelines.store import Store
from tests.integration.command import docsluice

Ingest = Callable[..., Summary]
SEEDS = Path(__file__).parents[2] / "seeds"
NOTHING_FOUND = {
    "language_hits": 0,
    "language_misses": 3,
    "entities_hits": 0,
    "entities_misses": 3,
}
ALL_FOUND = {"language_hits": 3, "language_misses": 0, "entities_hits": 3, "entities_misses": 0}


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SEEDS, tmp_path / "corpus"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def used(store: Store, run_id: str | None) -> dict[str, int]:
    assert run_id
    use: dict[str, int] = Store(store.path).manifests[run_id]["cache"]
    return use


def rows(store: Store, run_id: str | None) -> list[dict[str, Any]]:
    """What a run published, but for what tells runs apart."""
    assert run_id
    found = [
        {name: value for name, value in row.items() if name not in ("run_id", "ingested_at")}
        for table in store.tables("documents", run_ids=[run_id])
        for row in table.to_pylist()
    ]
    return sorted(found, key=lambda row: str(row["id"]))


def test_a_rerun_is_answered_from_the_cache_and_publishes_the_same(
    seeds: Path, ingest: Ingest, store: Store
) -> None:
    first = ingest(entities=True).run_id
    again = ingest(entities=True, reprocess=True).run_id
    without = ingest(entities=True, reprocess=True, cache=False).run_id

    assert used(store, first) == NOTHING_FOUND
    assert used(store, again) == ALL_FOUND
    assert used(store, without) == {}
    assert rows(store, first) == rows(store, again) == rows(store, without)
    assert all(row["entities"] and row["language_confidence"] for row in rows(store, again))


def test_several_workers_share_it(seeds: Path, store: Store) -> None:
    for _ in range(2):  # processes of their own: workers are forked from a fresh one
        flags = ("--workers", 2, "--reprocess", "--quiet")
        done = docsluice("run", seeds, "--store", store.path, *flags, cwd=seeds)
        assert done.returncode == 0, done.stderr
    first, again = Store(store.path).manifests

    assert used(store, first) == NOTHING_FOUND
    assert used(store, again) == ALL_FOUND
    assert rows(store, first) == rows(store, again)
    assert not Path(store.path, "cache.db-wal").exists()


def test_a_text_found_elsewhere_is_known(seeds: Path, ingest: Ingest, store: Store) -> None:
    ingest(entities=True)
    for path in seeds.glob("*.txt"):
        path.rename(path.with_name(f"moved-{path.name}"))
    moved = ingest(entities=True, duplicates="off").run_id

    assert used(store, moved) == ALL_FOUND


def test_another_model_is_asked_anew(seeds: Path, ingest: Ingest, store: Store) -> None:
    ingest(entities=True, models={"fr": ""})
    again = ingest(entities=True, reprocess=True).run_id

    assert used(store, again) == {
        "language_hits": 3,
        "language_misses": 0,
        "entities_hits": 2,
        "entities_misses": 1,
    }


def test_no_cache_leaves_no_file(seeds: Path, ingest: Ingest, store: Store) -> None:
    ingest(cache=False)

    assert not Path(store.path, "cache.db").exists()


def test_a_damaged_cache_costs_no_more_than_its_entries(
    seeds: Path, ingest: Ingest, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    first = ingest(entities=True).run_id
    path = Path(store.path, "cache.db")
    path.write_bytes(os.urandom(path.stat().st_size))
    again = ingest(entities=True, reprocess=True).run_id

    assert f"the cache {path} is damaged" in caplog.text
    assert used(store, again) == NOTHING_FOUND
    assert rows(store, first) == rows(store, again)


def test_it_is_kept_to_its_size(seeds: Path, ingest: Ingest, store: Store) -> None:
    ingest(cache_bytes=1)
    again = ingest(cache_bytes=1, reprocess=True).run_id

    assert used(store, again) == {"language_hits": 0, "language_misses": 3}


@pytest.mark.parametrize(
    "flags", [{"store": "memory://store"}, {"runner": "FlinkRunner"}, {"cache": False}]
)
def test_there_is_none_where_workers_share_no_disk(
    flags: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with enrichment_cache(load(flags)) as path:
        assert path is None
    assert not list(tmp_path.iterdir())
