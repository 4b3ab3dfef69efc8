from __future__ import annotations

import apache_beam as beam
import orjson

from transforms import files
from transforms.dead_letters import WriteDeadLetters
from transforms.document import Rejected
from transforms.run import Run

FAILED = Rejected("d" * 32, "file:///d#L3", "1-2", "failed", "line 3 is no JSON", "read")
REJECTED = Rejected("e" * 32, "file:///e", "1-2", "rejected", "empty file", "read")


def test_only_failures_are_dead_letters(run: Run) -> None:
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        parts = [("00000-000", (REJECTED, FAILED)), ("00000-001", (REJECTED,))]
        pipeline | beam.Create(parts) | WriteDeadLetters(run, "read")
    directory = run.directory("dead-letters")
    assert files.names(directory) == ["part-00000-000-read.jsonl"]
    lines = files.read(files.join(directory, "part-00000-000-read.jsonl")).splitlines()
    assert [orjson.loads(line)["id"] for line in lines] == ["d" * 32]
