"""Lanes: the same steps several times side by side, each in a worker process of its own.

Prism has one worker for each environment of a pipeline, and a Python process computes one thing at
a time. Transforms whose resource hints differ are in different environments (Beam's programming
guide, "Resource hints"): a hint that means nothing but the number of a lane makes more workers.
"""

from __future__ import annotations

from typing import TypeVar
from zlib import crc32

import apache_beam as beam
from apache_beam.transforms.resources import ResourceHint

Out = TypeVar("Out")


class _Lane(ResourceHint):
    urn = "docsluice:lane:v1"


ResourceHint.register_resource_hint("lane", _Lane)


class InLanes(beam.PTransform[beam.PCollection[str], beam.PCollection[str]]):
    """Applies a transform to parts, spread by their names over ``lanes``; the same with one.

    What the transform gives is not put together again: it must be the last.
    """

    def __init__(self, lanes: int, transform: beam.PTransform[object, object]) -> None:
        super().__init__()
        self._lanes = lanes
        self._transform = transform

    def expand(self, parts: beam.PCollection[str]) -> tuple[beam.PCollection[str], ...]:
        """Names of parts -> what each lane makes of its own."""
        if self._lanes == 1:
            return (parts | "Spread" >> beam.Reshuffle() | self._transform,)
        spread = parts | "Spread" >> beam.Partition(_lane_of, self._lanes)
        return tuple(
            some | f"Lane{number}" >> self._transform.with_resource_hints(lane=str(number))
            for number, some in enumerate(spread)
        )


def _lane_of(part: str, lanes: int) -> int:
    return crc32(part.encode()) % lanes
