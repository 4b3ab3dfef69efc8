"""Steps for tests of workers; a module of its own, which a worker imports in no time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec, RuntimeState

KEYS = 5


class Work(beam.DoFn):
    """Takes its time, tells by which process it was done, and counts.

    Prism splits a bundle only where it sees an element take long.
    """

    def process(self, element: int) -> Iterable[tuple[int, int]]:
        time.sleep(1.2)
        Metrics.counter("test", "elements").inc()
        Metrics.counter("test", f"of key {element % KEYS}").inc(element)
        yield element % KEYS, os.getpid()


class Number(beam.DoFn):
    """Numbers the elements of a key."""

    SEEN = ReadModifyWriteStateSpec("seen", beam.coders.VarIntCoder())

    def process(
        self,
        element: tuple[int, int],
        seen: RuntimeState = beam.DoFn.StateParam(SEEN),  # noqa: B008
    ) -> Iterable[str]:
        key, pid = element
        seen.write((seen.read() or 0) + 1)
        yield f"{key} {seen.read()} {pid}"


class Die(beam.DoFn):
    """Kills its process."""

    def process(self, element: int) -> Iterator[int]:
        os.kill(os.getpid(), 9)
        yield element
