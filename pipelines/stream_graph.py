"""The graph of a stream: the steps of a batch, over orders that keep coming."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import apache_beam as beam

from pipelines.options import clean_options, entity_config, read_options
from pipelines.settings import Settings
from pipelines.worker_numbers import lane_count
from transforms.entities import RecogniseEntities
from transforms.language import DetectLanguage
from transforms.run import Run
from transforms.stream.first_arrivals import TTL_SECONDS, FirstArrivals, OpenPublished
from transforms.stream.lanes import InLanes
from transforms.stream.reading import ReadParts
from transforms.stream.source import ReadOrders
from transforms.stream.stage import CarryOut, StageDocuments
from transforms.stream.staging import staged_run

GATHERED = 64
"""Documents whose entities are looked for at once, if so many are waiting."""


def build_stream(
    pipeline: beam.Pipeline,
    settings: Settings,
    stream: str,
    first: int,
    session_started: datetime,
    published: OpenPublished | None = None,
    cache: str | None = None,
    ttl_seconds: float = TTL_SECONDS,
    poll_seconds: float = 0.2,
    lanes: int | None = None,
) -> None:
    """Lay the graph of a stream, which stages every part of the orders from ``first`` on.

    Args:
        pipeline: on a runner that streams.
        settings: how documents are read, judged and enriched.
        stream: directory of the orders and of what is staged.
        first: number of the first order.
        session_started: stamps what is staged (UTC).
        published: see :data:`transforms.stream.first_arrivals.OpenPublished`.
        cache: path of a prepared cache of languages and entities, if there is one.
        ttl_seconds: event time for which documents are remembered that are not published yet.
        poll_seconds: time from one look for a new order to the next.
        lanes: environments for languages and entities; None: as ``lane_count`` says.
    """
    run = staged_run(stream, session_started)
    mode = settings.duplicates
    parts = (
        pipeline
        | "ReadOrders" >> ReadOrders(stream, first, poll_seconds)
        | "SpreadOrders" >> beam.Reshuffle()
        | "ReadParts"
        >> ReadParts(run, read_options(settings), clean_options(settings), near=mode != "off")
    )
    last = Finish(settings, run, cache)
    (
        parts
        | "FirstArrivals"
        >> FirstArrivals(run, mode, settings.similarity_threshold, published, ttl_seconds)
        | "Finish" >> InLanes(lanes or lane_count(settings), last)
    )


@dataclass
class Finish(beam.PTransform[beam.PCollection[str], beam.PCollection[str]]):
    """Language and entities of what stays of each part, and its files."""

    settings: Settings
    run: Run
    cache: str | None = None

    def expand(self, parts: beam.PCollection[str]) -> beam.PCollection[str]:
        """Name of a part -> the same, when it is staged."""
        mode, run = self.settings.duplicates, self.run
        batches = parts | "CarryOut" >> CarryOut(run, mode)
        enriched = batches | "DetectLanguage" >> DetectLanguage(self.cache, run)
        if self.settings.entities:
            config = entity_config(self.settings)
            enriched |= "RecogniseEntities" >> RecogniseEntities(config, self.cache, run, GATHERED)
        return enriched | "StageDocuments" >> StageDocuments(run, mode)
