"""Ten runs over sources that change, with either index: ledger and index after each."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from pipelines.execute import execute
from pipelines.publish import open_index
from pipelines.settings import Settings, load
from pipelines.store import Store
from tests.integration.command import docsluice
from tests.integration.expected import Row
from tests.integration.same_store import assert_whole
from tests.integration.stories import Step, story
from transforms.index import Index, Query

Run = Callable[[dict[str, Any]], str]
"""Makes a run with these settings; returns what it said on standard error, or logged."""


@pytest.fixture
def common(tmp_path: Path) -> dict[str, Any]:
    """Settings of every run."""
    root = tmp_path / "sources"
    return {
        "sources": [str(root / "library"), str(root / "mirror")],
        "store": str(tmp_path / "store"),
        "entities": False,
        "workers": 1,
    }


def test_ten_runs_with_the_embedded_index(common: dict[str, Any], tmp_path: Path) -> None:
    def run(settings: dict[str, Any]) -> str:
        config = tmp_path / "settings.json"
        config.write_text(json.dumps(settings))
        done = docsluice("run", "--config", config, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stderr

    tell(common, run)
    verified = docsluice("verify", "--store", common["store"], cwd=tmp_path)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_ten_runs_with_elasticsearch(
    common: dict[str, Any], elasticsearch_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    def run(settings: dict[str, Any]) -> str:
        caplog.clear()
        call(settings)
        return caplog.text

    tell(common | {"elasticsearch": {"url": elasticsearch_url, "index": "test-story"}}, run)


def tell(common: dict[str, Any], run: Run) -> None:
    """Live through the story."""
    words: set[str] = set()
    root = Path(common["store"]).parent / "sources"
    for number, step in enumerate(story(), 1):
        step.change(root)
        said = run(common | step.settings)
        store = Store(common["store"])
        assert len(store.manifests) == number, step.name
        assert_rows(store, step, root)
        for sentence in step.said:
            assert sentence in said, step.name
        with open_index(settings_of(common)) as index:
            assert index is not None
            assert_published(index, step, root)
            words |= {word for word, _ in step.published.values()}
            for word in words - {word for word, _ in step.published.values()}:
                assert index.search(Query(word)).total == 0, (step.name, word)
        server = common.get("elasticsearch")
        assert_whole(Path(store.path), **({"elasticsearch": server} if server else {}))
        again = common | step.settings | {"reprocess": False}
        assert call(again) is None, f"{step.name}: there is something left to do"


def assert_rows(store: Store, step: Step, root: Path) -> None:
    """The ledger of the last run is as told, no more, no less."""
    last = list(store.manifests)[-1]
    rows = [row for t in store.tables("ledger", run_ids=[last]) for row in t.to_pylist()]
    names = {
        row["id"]: name(row["source"], root)
        for table in store.tables("ledger", ["id", "source"])
        for row in table.to_pylist()
    }
    found = {Row(names[r["id"]], r["outcome"], names.get(r["duplicate_of"])) for r in rows}
    assert found == {Row(r.source, r.outcome, r.duplicate_of) for r in step.rows}, step.name
    assert len(rows) == len(found), step.name
    reasons = {row.source: row.reason for row in step.rows}
    for row in rows:
        assert reasons[names[row["id"]]] in row["reason"], step.name


def assert_published(index: Index, step: Step, root: Path) -> None:
    """The index has what is told, each found by its word, with its number of duplicates."""
    hits = index.search(Query(source="/", limit=100)).hits
    found = {name(hit.source, root): hit.duplicate_count for hit in hits}
    expected = {source: number for source, (_, number) in step.published.items()}
    assert found == expected, step.name
    for source, (word, _) in step.published.items():
        results = index.search(Query(word))
        assert [name(hit.source, root) for hit in results.hits] == [source], (step.name, word)


def name(source: str, root: Path) -> str:
    """A source relative to the folder of the sources."""
    return source.removeprefix(f"{root.as_uri()}/")


def call(settings: dict[str, Any]) -> str | None:
    """Make a run in this process; returns its id, None where nothing was to do."""
    return execute(settings_of(settings), lambda _run, _sizes: nullcontext()).run_id


def settings_of(settings: dict[str, Any]) -> Settings:
    return load(dict(settings))
