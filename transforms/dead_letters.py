"""Dead letters: what could not be processed, with the error and what is needed to try again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import apache_beam as beam
import orjson

from transforms import files
from transforms.document import Rejected, RejectedOfPart
from transforms.run import Run


def dead_letter(rejected: Rejected, recorded_at: datetime) -> dict[str, object]:
    """A failed document as a JSON object.

    ``payload`` is the raw material where the failing stage kept it; otherwise ``source`` is the
    pointer from which the document can be read again.
    """
    letter: dict[str, object] = {
        "id": rejected.id,
        "source": rejected.source,
        "stage": rejected.stage,
        "error_type": rejected.error_type,
        "error": rejected.reason,
        "attempts": 1,
        "recorded_at": recorded_at.isoformat(),
    }
    if rejected.payload is not None:
        letter["payload"] = rejected.payload.encode("utf-8", "replace").decode()
    return letter


def write_dead_letters(run: Run, part: str, stage: str, failed: tuple[Rejected, ...]) -> str:
    """Write the failed documents that a stage leaves of a part; returns the path of the file."""
    ordered = sorted(failed, key=lambda one: (one.source, one.id, one.reason))
    letters = (orjson.dumps(dead_letter(one, run.started_at)) for one in ordered)
    path = run.part("dead-letters", part, f"-{stage}.jsonl")
    files.write(path, b"\n".join(letters) + b"\n")
    return path


@dataclass
class WriteDeadLetters(beam.PTransform[beam.PCollection[RejectedOfPart], beam.PCollection[str]]):
    """Writes the failed documents that a stage leaves of each part to a file of their own.

    What was rejected on purpose is no dead letter: trying again would not change it.
    """

    run: Run
    stage: str

    def expand(self, rejected: beam.PCollection[RejectedOfPart]) -> beam.PCollection[str]:
        """(part, rejected documents) -> path of the file written, if any failed."""
        return rejected | beam.FlatMapTuple(self._write)

    def _write(self, part: str, rejected: tuple[Rejected, ...]) -> Iterator[str]:
        failed = tuple(one for one in rejected if one.outcome == "failed")
        if failed:
            yield write_dead_letters(self.run, part, self.stage, failed)
