from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.dead_letters import Letter
from pipelines.replay import Replay
from pipelines.settings import load
from pipelines.show_dead_letters import printable, show_letters, show_list, show_replay
from pipelines.store import Store

LETTER = Letter(
    "0123456789abcdef" * 2,
    "file:///in/a%20b/news.jsonl#x\x1b]0;",
    "read",
    "JSONDecodeError",
    "line 3 \x1b[31mis not\nJSON",
    2,
    datetime(2026, 5, 31, 12, tzinfo=UTC),
    "000002-b",
    '{"text": "\x1b[2J\x9b31m\u202edetrevni\r',
)
FIRST = replace(LETTER, run_id="000001-a", attempts=1, error="line 2 is not JSON")


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    def read() -> str:
        shown = capsys.readouterr().out
        unsafe = [letter for letter in shown if not letter.isprintable() and letter != "\n"]
        assert unsafe == []
        return shown

    return read


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")


@given(st.text())
def test_what_is_printable_can_be_shown_and_is_not_lost(text: str) -> None:
    shown = printable(text, keep="\n")
    assert all(letter.isprintable() or letter in "\n\u00a0" or letter.isspace() for letter in shown)
    assert not {"\x1b", "\r", "\x9b", "\u202e"} & set(shown)
    plain = "".join(letter for letter in text if letter.isprintable())
    assert len(shown) >= len(plain)


def test_a_list_is_a_line_for_each_letter(printed: Callable[[], str]) -> None:
    show_list("store", [LETTER, replace(FIRST, settled="told")], 50, False, all_=False)
    head, line, _ = printed().splitlines()
    assert head.split() == ["id", "when", "(UTC)", "stage", "source", "error"]
    assert line.startswith("0123456789ab  2026-05-31 12:00  read   news.jsonl#x\\x1b]0;")
    assert "line 3 \\x1b[31mis not\\nJSON" in line


def test_of_a_long_source_the_end_is_shown(
    printed: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    long_ = replace(LETTER, source=f"file:///in/{'n' * 70}.jsonl#L71")
    show_list("store", [long_], 50, False, all_=False)
    line = printed().splitlines()[1]
    assert " …" in line
    assert "n.jsonl#L71  line 3" in line
    assert len(line) <= 80


def test_a_list_is_limited_and_says_how_many_there_are_more(printed: Callable[[], str]) -> None:
    show_list("store", [LETTER] * 7, 5, False, all_=False)
    lines = printed().splitlines()
    assert len(lines) == 7
    assert lines[-1] == "… and 2 more; see --limit"


def test_all_letters_are_shown_with_what_settled_them(printed: Callable[[], str]) -> None:
    show_list("store", [LETTER, replace(FIRST, settled="kept in run 7")], 50, False, all_=True)
    _, open_, settled = printed().splitlines()
    assert open_.rstrip().endswith("open")
    assert settled.rstrip().endswith("kept in run 7")


@pytest.mark.parametrize(
    ("all_", "said"), [(False, "No open dead letters in s.\n"), (True, "No dead letters in s.\n")]
)
def test_an_empty_list_says_so(printed: Callable[[], str], all_: bool, said: str) -> None:
    show_list("s", [], 50, False, all_=all_)
    assert printed() == said


def test_json_holds_all_and_no_order_to_a_terminal(printed: Callable[[], str]) -> None:
    show_list("s", [LETTER, FIRST], 1, True, all_=False)
    value = json.loads(printed())
    assert (value["store"], value["total"]) == ("s", 2)
    (letter,) = value["dead_letters"]
    assert letter["payload"] == LETTER.payload
    assert (letter["open"], letter["settled"], letter["attempts"]) == (True, None, 2)


def test_a_letter_is_told_with_its_attempts_and_what_to_do(printed: Callable[[], str]) -> None:
    show_letters(Store("s"), [LETTER], [FIRST, LETTER], False)
    shown = printed()
    assert "line 3 \\x1b[31mis not\\nJSON (JSONDecodeError)" in shown
    assert "run 000001-a: line 2 is not JSON\n" in shown
    assert "run 000002-b\n" in shown
    assert "mend /in/a b/news.jsonl, or" in shown
    assert "docsluice dead-letters replay 0123456789ab --store s\n" in shown
    assert '    {"text": "\\x1b[2J\\x9b31m\\u202edetrevni\\r\n' in shown


@pytest.mark.parametrize(
    ("stage", "words"), [("list", "make it readable"), ("index", "let the index take")]
)
def test_what_to_do_depends_on_the_stage(
    printed: Callable[[], str], stage: str, words: str
) -> None:
    show_letters(Store("store"), [replace(LETTER, stage=stage)], [], False)
    assert words in printed()


def test_a_settled_letter_says_by_what_and_needs_nothing(printed: Callable[[], str]) -> None:
    show_letters(Store("s"), [replace(LETTER, settled="kept in run 7")], [LETTER], False)
    shown = printed()
    assert "settled: kept in run 7" in shown
    assert "replay" not in shown


@pytest.mark.parametrize(
    ("payload", "rest"),
    [("x" * 1500, "… and 500 more characters"), ("line\n" * 30, "… and 51 more characters")],
)
def test_a_long_payload_is_shortened_but_not_in_json(
    printed: Callable[[], str], payload: str, rest: str
) -> None:
    letter = replace(LETTER, payload=payload)
    show_letters(Store("s"), [letter], [letter], False)
    assert f"{rest}; --json shows all" in printed()
    show_letters(Store("s"), [letter], [letter], True)
    (value,) = json.loads(printed())["dead_letters"]
    assert value["payload"] == payload
    assert [one["run_id"] for one in value["history"]] == ["000002-b"]


def test_of_many_letters_the_first_are_told(printed: Callable[[], str]) -> None:
    many = [replace(LETTER, id=f"{n:032x}") for n in range(23)]
    show_letters(Store("s"), many, many, False)
    shown = printed()
    assert shown.count("  attempts") == 20
    assert shown.endswith("\n… and 3 more; see --json\n")
    show_letters(Store("s"), many, many, True)
    assert len(json.loads(printed())["dead_letters"]) == 23


def test_a_replay_of_nothing_says_so(printed: Callable[[], str], tmp_path: Path) -> None:
    show_replay(load({"store": str(tmp_path)}), Replay(), False)
    assert printed() == "No open dead letters to replay.\n"


def test_a_replay_tells_what_was_settled_and_what_could_not_be_tried(
    printed: Callable[[], str], tmp_path: Path
) -> None:
    done = Replay(
        settled=1, whole=["file:///a"], left=[(LETTER, "source not found")], still_open=[LETTER]
    )
    settings = load({"store": str(tmp_path)})
    show_replay(settings, done, False)
    shown = printed()
    assert "Read as a whole: file:///a\n" in shown
    assert "Not tried: file:///in/a%20b/news.jsonl#x\\x1b]0;: source not found\n" in shown
    assert "1 dead letter settled, 1 still open.\n" in shown
    assert f"dead-letters list --store {tmp_path}\n" in shown
    show_replay(settings, done, True)
    assert json.loads(printed()) == {
        "settled": 1,
        "open": 1,
        "read_whole": ["file:///a"],
        "left": [{"id": LETTER.id, "source": LETTER.source, "reason": "source not found"}],
        "runs": [],
        "store": str(tmp_path),
    }
