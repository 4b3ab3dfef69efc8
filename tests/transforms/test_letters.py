from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from transforms import files
from transforms.document import Rejected
from transforms.letters import append_index_letters, dead_letter, stage_of, write_dead_letters
from transforms.run import Run

FAILED = Rejected(
    "d" * 32, "file:///d#L3", "1-2", "failed", "line 3 is no JSON", "read", "JSONDecodeError", "{x"
)


def runs(store: Path, number: int) -> list[Run]:
    start = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return [Run(str(store), f"{n:06d}-test", start) for n in range(1, number + 1)]


def letters(path: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in files.read(path).splitlines()]


def attempts(path: str) -> dict[str, int]:
    return {letter["id"][0]: letter["attempts"] for letter in letters(path)}


def test_a_dead_letter_says_what_failed_where_and_keeps_what_is_needed_to_replay(run: Run) -> None:
    assert dead_letter(FAILED, "read", run.started_at) == {
        "id": "d" * 32,
        "source": "file:///d#L3",
        "stage": "read",
        "error_type": "JSONDecodeError",
        "error": "line 3 is no JSON",
        "attempts": 1,
        "recorded_at": "2026-01-02T03:04:05+00:00",
        "payload": "{x",
    }


def test_a_payload_that_is_no_unicode_is_written_all_the_same(run: Run) -> None:
    letter = Rejected("f" * 32, "s", "", "failed", "r", "clean", payload="a\ud800b")
    dumped = orjson.dumps(dead_letter(letter, "clean", run.started_at))
    assert orjson.loads(dumped)["payload"] == "a?b"


def test_a_place_that_could_not_be_listed_is_a_letter_of_that_stage(run: Run) -> None:
    path = write_dead_letters(run, "00000-000", "list", [FAILED])
    assert stage_of(path, "read") == "list"  # as older stores state it
    assert stage_of(path.replace("-list", "-open"), "read") == "read"
    assert letters(path)[0]["stage"] == "list"


def test_attempts_count_the_runs_that_failed_on_a_document(tmp_path: Path) -> None:
    other = replace(FAILED, id="e" * 32)
    first, second, third = runs(tmp_path, 3)
    # Two records of one id, and two stages, are one attempt.
    write_dead_letters(first, "00000-000", "read", [FAILED, FAILED])
    assert attempts(write_dead_letters(first, "00000-001", "clean", [FAILED])) == {"d": 1}
    assert attempts(write_dead_letters(second, "00000-000", "read", [other])) == {"e": 1}
    path = write_dead_letters(third, "00000-000", "read", [FAILED, other])
    assert attempts(path) == {"d": 2, "e": 2}
    assert attempts(write_dead_letters(third, "00000-000", "read", [FAILED, other])) == {
        "d": 2,
        "e": 2,
    }


def test_refusals_of_the_index_are_appended_and_counted_apart(tmp_path: Path) -> None:
    first, second = runs(tmp_path, 2)
    write_dead_letters(first, "00000-000", "read", [FAILED])
    paths = [append_index_letters(run, [FAILED]) for run in (first, first, second)]
    assert len({*paths}) == 3
    assert [attempts(path)["d"] for path in paths] == [1, 2, 3]
    assert {letters(path)[0]["stage"] for path in paths} == {"index"}
    assert attempts(write_dead_letters(second, "00000-000", "read", [FAILED])) == {"d": 2}


@pytest.mark.parametrize("damage", [b"", b"\x00\xff\n", b'{"id":"'])
def test_damaged_letters_of_earlier_runs_do_not_stop_a_run(tmp_path: Path, damage: bytes) -> None:
    first, second = runs(tmp_path, 2)
    path = write_dead_letters(first, "00000-000", "read", [FAILED])
    files.write(path, files.read(path) + damage)
    assert attempts(write_dead_letters(second, "00000-000", "read", [FAILED])) == {"d": 2}


def test_a_payload_that_looks_like_a_letter_is_none(tmp_path: Path) -> None:
    first, second = runs(tmp_path, 2)
    payload = '{"id":"' + "e" * 32 + '"}\n{"id":"' + "e" * 32 + '"}'
    write_dead_letters(first, "00000-000", "read", [replace(FAILED, payload=payload)])
    other = replace(FAILED, id="e" * 32)
    assert attempts(write_dead_letters(second, "00000-000", "read", [other])) == {"e": 1}
