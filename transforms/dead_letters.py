"""Writes what a stage could not process as dead letters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import apache_beam as beam

from transforms.document import Rejected, RejectedOfPart
from transforms.letters import write_dead_letters
from transforms.run import Run


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
        if failed := [one for one in rejected if one.outcome == "failed"]:
            yield write_dead_letters(self.run, part, self.stage, failed)
