"""Whoever tells of open dead letters tells of the same ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.compact import compact
from pipelines.dead_letters import all_letters, open_letters, settle
from pipelines.settings import Settings, load
from pipelines.single_run import Summary
from pipelines.state import read_state
from pipelines.status import describe
from pipelines.store import Store
from pipelines.story import stories
from pipelines.verify import check_store
from transforms.document import Rejected
from transforms.letters import write_dead_letters
from transforms.run import Run

Subjects = list[tuple[str, str]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"store": str(tmp_path / "store"), "sources": [str(tmp_path / "corpus")]})


@pytest.fixture
def store(corpus: Path, ingest: Callable[..., Summary], settings: Settings) -> Store:
    """Letters of all kinds: open, settled by a row, by a changed file, by a replay; of the index.

    The second line of ``lines.jsonl`` failed in the first run. In the second run the file has one
    line only, which fails as well: nobody can tell that there is no second one any more, so its
    newest row is still ``failed``, but its letter is about a file that is not there any more.
    """
    lines = corpus / "lines.jsonl"
    lines.write_text('{"text": "A line that says something of its own."}\n{"text": "cut\n')
    (corpus / "mended.json").write_text('{"text": "cut')
    (corpus / "given-up.json").write_text('{"text": "cut')
    ingest()
    lines.write_text('{"text": "cut here\n')
    (corpus / "mended.json").write_text('{"text": "Now it says what it has to say, at last."}')
    last = ingest().run_id or ""
    store = Store(settings.store)
    [document] = [
        row
        for table in store.tables("documents", ["id", "source"], [last])
        for row in table.to_pylist()
    ]
    refused = Rejected(document["id"], document["source"], "", "failed", "too long", "index")
    later = datetime.now(UTC) + timedelta(seconds=1)
    write_dead_letters(Run(store.path, last, later), "00000-000", "index", (refused,))
    settle(store, [one for one in open_letters(store) if "given-up" in one.source], "given up")
    return store


def told_by_list(store: Store) -> Subjects:
    return sorted((one.source.rsplit("/", 1)[-1], one.stage) for one in open_letters(store))


def told_by_explain(store: Store, settings: Settings) -> Subjects:
    ids = sorted({letter.id for letter in all_letters(store)})
    with read_state(store) as state:
        told = stories(store, state, settings, ids)
    return sorted(
        (story["source"].rsplit("/", 1)[-1], letter["stage"])
        for story in told
        for letter in story["dead_letters"]
        if letter["open"]
    )


def test_list_explain_status_and_compact_agree(store: Store, settings: Settings) -> None:
    expected = [("broken.json", "read"), ("lines.jsonl#L1", "read"), ("mended.json", "index")]
    with read_state(store) as state:
        assert state.outcomes()["failed"] == 4  # also what is given up, and what nobody can tell
    for compacted in (False, True):
        if compacted:
            compact(settings, grace=0)
            store.refresh()
            assert len(all_letters(store)) == len(expected)
        assert told_by_list(store) == expected
        assert told_by_explain(store, settings) == expected
        assert describe(settings)["dead_letters"] == len(expected)
        assert check_store(settings) == []


def test_verify_misses_an_open_letter_of_a_compacted_run(store: Store, settings: Settings) -> None:
    done = compact(settings, grace=0)
    for path in Path(store.path, "dead-letters", f"run={done.run_id}").glob("*-open.jsonl"):
        path.write_text("")
    assert "failed without a dead letter" in check_store(settings)[0].what
