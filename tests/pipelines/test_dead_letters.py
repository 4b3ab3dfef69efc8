from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.dead_letters import (
    Letter,
    all_letters,
    find_letters,
    newest_letters,
    selected,
    settle,
    since_time,
)
from pipelines.settings import ConfigurationError
from pipelines.single_run import Summary
from pipelines.store import Store, StoreError

Ingest = Callable[..., Summary]
NOW = datetime(2026, 5, 31, 12, tzinfo=UTC)
LETTER = Letter(
    "0123456789abcdef" * 2,
    "file:///in/a%20b/news.jsonl#x/1",
    "read",
    "JSONDecodeError",
    "line 3 is not JSON",
    1,
    NOW,
    "000001-a",
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def states(store: Store) -> dict[str, str | None]:
    """What settled the letter on each document, without the number of the run; None if open."""
    return {
        letter.source.rsplit("/", 1)[-1]: letter.settled and letter.settled.split(" in run ")[0]
        for letter in newest_letters(Store(store.path))
    }


def test_a_store_without_failures_has_no_letters(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    (corpus / "broken.json").unlink()
    ingest()
    assert newest_letters(store) == []


def test_a_failed_document_is_open_until_a_run_reads_it(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    ingest()
    (letter,) = newest_letters(store)
    assert letter.is_open
    assert (letter.stage, letter.error_type, letter.attempts) == ("read", "JSONDecodeError", 1)
    assert letter.payload == '{"text": "cut o'
    (corpus / "broken.json").write_text('{"text": "no longer cut off"}')
    ingest()
    assert states(store) == {"broken.json": "kept"}


def test_a_failure_of_a_later_run_replaces_the_letter_and_is_counted(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    first = ingest().run_id
    (corpus / "broken.json").write_text('{"text": "cut again o')
    second = ingest().run_id
    (letter,) = newest_letters(store)
    assert (letter.run_id, letter.attempts, letter.is_open) == (second, 2, True)
    assert [one.run_id for one in all_letters(store)] == [first, second]


def test_a_record_whose_key_changes_when_it_is_mended_is_settled(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    (corpus / "broken.json").unlink()
    lines = ['{"id": "a", "text": "a sound record"}', '{"id": "b", "text": }']
    (corpus / "news.jsonl").write_text("\n".join(lines))
    ingest()
    assert states(store) == {"news.jsonl#L2": None}
    lines[1] = '{"id": "b", "text": "mended"}'
    (corpus / "news.jsonl").write_text("\n".join(lines))
    ingest()
    assert states(store) == {"news.jsonl#L2": "deleted"}


def test_a_place_that_can_be_listed_again_is_settled_by_what_is_in_it(
    corpus: Path, ingest: Ingest, store: Store, tmp_path: Path
) -> None:
    (corpus / "broken.json").unlink()
    (corpus / "later").symlink_to(tmp_path / "later")
    ingest()
    assert states(store) == {"later": None}
    assert newest_letters(store)[0].stage == "list"
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "ferry.txt").write_text("The ferry crosses where no bridge is.")
    ingest()
    assert states(store) == {"later": "deleted"}


def test_a_record_settles_this_letter_and_no_later_one(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    ingest()
    letters = newest_letters(store)
    before = sorted(Path(store.path, "dead-letters").rglob("*"))
    settle(store, letters, "told")
    settle(store, [], "nothing")
    assert states(store) == {"broken.json": "told"}
    (added,) = set(Path(store.path, "dead-letters").rglob("*.jsonl")) - {*before}
    assert added.parent.name == "settled"
    assert json.loads(added.read_text())["settled"] == "told"
    ingest(reprocess=True)
    assert states(store) == {"broken.json": None}
    assert Store(store.path).discard_uncommitted() == []
    assert added.exists()


def test_a_damaged_file_of_letters_is_named(corpus: Path, ingest: Ingest, store: Store) -> None:
    ingest()
    (path,) = Path(store.path).glob("dead-letters/run=*/*.jsonl")
    path.write_text("{")
    with pytest.raises(StoreError, match=rf"{path.name} is damaged"):
        newest_letters(store)


@pytest.mark.parametrize(
    "wanted",
    [
        LETTER.id,
        LETTER.id[:8],
        LETTER.source,
        "file:///in/a%20b/news.jsonl",
        "/in/a b/news.jsonl",
        "a b/news.jsonl",
        "news.jsonl",
        "news.jsonl#x/1",
    ],
)
def test_a_letter_is_named_by_id_path_address_or_the_end_of_one(wanted: str) -> None:
    assert find_letters([LETTER], wanted) == [LETTER]


@pytest.mark.parametrize(
    "wanted", ["", "#", "0123", "123456", "s.jsonl", "news.jsonl#1", "b/news", "http://news.jsonl"]
)
def test_what_names_no_letter_is_said(wanted: str) -> None:
    with pytest.raises(StoreError, match=r"no dead letter is about .*dead-letters list --all"):
        find_letters([LETTER], wanted)


def test_letters_are_selected_by_stage_time_and_name() -> None:
    other = replace(LETTER, id="f" * 32, source="file:///in/x", stage="clean")
    old = replace(other, recorded_at=NOW - timedelta(days=2))
    assert selected([LETTER, other], stage="clean") == [other]
    assert selected([LETTER, old], since=NOW - timedelta(days=1)) == [LETTER]
    assert selected([LETTER, other], ["x", "news.jsonl"]) == [LETTER, other]
    assert selected([LETTER, other], ["x"], "read") == []
    with pytest.raises(ConfigurationError, match="--stage takes list, read, clean, index"):
        selected([LETTER], stage="enrich")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2d", NOW - timedelta(days=2)),
        ("3h", NOW - timedelta(hours=3)),
        ("90m", NOW - timedelta(minutes=90)),
        ("1w", NOW - timedelta(days=7)),
        ("2026-05-01", datetime(2026, 5, 1, tzinfo=UTC)),
        ("2026-05-01T10:00:00+02:00", datetime(2026, 5, 1, 8, tzinfo=UTC)),
    ],
)
def test_since_is_a_date_or_a_span(text: str, moment: datetime) -> None:
    assert since_time(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "2", "2y", "-2d", "2026-13-01", "999999w"])
def test_a_wrong_since_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--since takes a date"):
        since_time(text, NOW)


@given(st.text())
def test_whatever_is_asked_for_is_found_or_refused(wanted: str) -> None:
    with suppress(StoreError):
        assert find_letters([LETTER], wanted) == [LETTER]
    with suppress(ConfigurationError):
        assert since_time(wanted, NOW).tzinfo
