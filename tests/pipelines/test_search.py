from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest
from rich.console import Console

from pipelines.lock import writer_lock
from pipelines.search import render, search_store, to_json
from tests.transforms.index_contract import publish
from transforms.index import Fragment, Hit, Name, QueryError, Results, SearchIndexError, Snippet
from transforms.sqlite import SqliteIndex

HIT = Hit(
    id="a",
    source="file:///in/" + "deep/" * 30 + "a.txt",
    title="On [bold]cats[/bold]\x1b[31m\nand dogs",
    language="en",
    snippet=Snippet(
        (Fragment("the\nblack "), Fragment("cat", is_match=True), Fragment(" sleeps")),
        cut_before=True,
    ),
    score=1.25,
    published_at=datetime(2020, 1, 2, tzinfo=UTC),
    entities=(Name("Ann", "PER", 17), Name("Bob", "PER", 2), Name("Paris", "LOC", 1)),
    duplicate_count=2,
)


def rendered(results: Results, *, offset: int = 0, terminal: bool = False) -> str:
    output = io.StringIO()
    colours: Literal["standard"] | None = "standard" if terminal else None
    console = Console(file=output, width=60, force_terminal=terminal, color_system=colours)
    render(results, console, offset=offset)
    return output.getvalue()


def test_a_hit_is_shown_in_lines_that_can_be_copied() -> None:
    assert rendered(Results(1, (HIT,), 1.25)).splitlines() == [
        "  1  On [bold]cats[/bold] [31m and dogs",
        "     en · 2020-01-02 · 2 duplicates",
        "     … the black cat sleeps",
        "     PER Ann, Bob  LOC Paris",
        f"     {HIT.source}",
        "",
        "1 document in 1.2 ms",
    ]


def test_matches_stand_out_on_a_terminal() -> None:
    assert "\x1b[1;31mcat\x1b[0m" in rendered(Results(1, (HIT,), 1.0), terminal=True)


def test_a_page_says_how_to_get_the_next() -> None:
    output = rendered(Results(1234, (HIT, HIT), 1.0), offset=10)
    assert "\n 12  On" in output
    assert output.endswith(
        "1,234 documents in 1.0 ms; these are 11 to 12, --offset 12 shows more\n"
    )


def test_nothing_found_is_said() -> None:
    assert rendered(Results(0, (), 1.0)) == "0 documents in 1.0 ms\n"


def test_json_has_the_matches_as_offsets() -> None:
    found = json.loads(to_json(Results(1, (HIT,), 1.25)))
    (hit,) = found.pop("hits")
    assert found == {"total": 1, "took_ms": 1.25}
    ((start, end),) = hit["matches"]
    assert hit["snippet"][start:end] == "cat"
    assert hit["published_at"] == "2020-01-02T00:00:00Z"
    assert hit["entities"][0] == {"text": "Ann", "label": "PER", "mentions": 17}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    with SqliteIndex(tmp_path / "search.db") as index:
        publish(
            index,
            {"id": "1", "text": "cat", "published_at": datetime(2020, 5, 1, 23, tzinfo=UTC)},
            {"id": "2", "text": "cat", "published_at": datetime(2020, 5, 2, tzinfo=UTC)},
        )
    return tmp_path


@pytest.mark.parametrize(
    ("since", "until", "ids"),
    [
        ("2020-05-02", None, ["2"]),
        (None, "2020-05-01", ["1"]),
        ("2020-05-01T23:00", "2020-05-01T23:00Z", ["1"]),
        ("2020-05-02T01:00+02:00", None, ["1", "2"]),
    ],
)
def test_days_are_whole_and_in_utc(
    store: Path,
    capsys: pytest.CaptureFixture[str],
    since: str | None,
    until: str | None,
    ids: list[str],
) -> None:
    search_store(store, "cat", since=since, until=until, as_json=True)
    assert [hit["id"] for hit in json.loads(capsys.readouterr().out)["hits"]] == ids


def test_a_word_for_a_date_is_said(store: Path) -> None:
    with pytest.raises(QueryError, match="'yesterday' is no date"):
        search_store(store, "cat", since="yesterday")


def test_a_label_may_be_in_small_letters(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    search_store(store, "cat", label="per")
    assert capsys.readouterr().out.startswith("0 documents")


def test_a_store_without_an_index_is_said(tmp_path: Path) -> None:
    with pytest.raises(SearchIndexError, match="docsluice run"):
        search_store(tmp_path, "cat")


def test_an_index_that_later_runs_have_not_filled_is_said_to_be_behind(
    store: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    [applied] = SqliteIndex(store / "search.db").runs()
    runs = store / "runs"
    runs.mkdir(exist_ok=True)
    (runs / f"{applied}.json").write_text("{}")
    search_store(store, "cats")
    assert not caplog.text
    (runs / f"{applied}~later.json").write_text("{}")
    with writer_lock(str(store)):  # a run that is just being committed
        search_store(store, "cats")
    assert not caplog.text
    search_store(store, "cats")
    assert "lacks the newest run" in caplog.text
    assert caplog.text.rstrip().endswith(f"docsluice reindex --store {store}")
