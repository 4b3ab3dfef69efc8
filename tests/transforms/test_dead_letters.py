from __future__ import annotations

import apache_beam as beam
import orjson

from transforms import files
from transforms.dead_letters import WriteDeadLetters, dead_letter
from transforms.document import Rejected
from transforms.run import Run

FAILED = Rejected(
    "d" * 32, "file:///d#L3", "1-2", "failed", "line 3 is no JSON", "read", "JSONDecodeError", "{x"
)
REJECTED = Rejected("e" * 32, "file:///e", "1-2", "rejected", "empty file", "read")


def test_a_dead_letter_says_what_failed_where_and_keeps_what_is_needed_to_replay(run: Run) -> None:
    assert dead_letter(FAILED, run.started_at) == {
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
    assert orjson.loads(orjson.dumps(dead_letter(letter, run.started_at)))["payload"] == "a?b"


def test_only_failures_are_dead_letters(run: Run) -> None:
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        parts = [("00000-000", (REJECTED, FAILED)), ("00000-001", (REJECTED,))]
        pipeline | beam.Create(parts) | WriteDeadLetters(run, "read")
    directory = run.directory("dead-letters")
    assert files.names(directory) == ["part-00000-000-read.jsonl"]
    lines = files.read(files.join(directory, "part-00000-000-read.jsonl")).splitlines()
    assert [orjson.loads(line)["id"] for line in lines] == ["d" * 32]
