"""A step that is quicker with many documents at once, over batches that may have one each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow, TimestampedValue
from apache_beam.utils.timestamp import Timestamp
from apache_beam.utils.windowed_value import WindowedValue

from transforms.cached_step import CachedStep
from transforms.document import Batch


class Gathered(beam.DoFn):
    """Enriches the documents of several batches of a bundle together, about so many at once.

    Where that fails, each batch is enriched by itself.
    """

    def __init__(self, step: CachedStep, documents: int) -> None:
        self._step = step
        self._documents = documents

    def setup(self) -> None:
        """Set the step up."""
        self._step.setup()

    def teardown(self) -> None:
        """Tear the step down."""
        self._step.teardown()

    def start_bundle(self) -> None:
        """Begin with none."""
        self._held: list[tuple[Batch, Timestamp]] = []

    def process(
        self, batch: Batch, at: Timestamp = beam.DoFn.TimestampParam
    ) -> Iterator[TimestampedValue]:
        """Hold a batch until there are documents enough."""
        self._held.append((batch, at))
        if sum(len(held.documents) for held, _ in self._held) >= self._documents:
            for one, its in self._enriched():
                yield TimestampedValue(one, its)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Enrich what is held."""
        for batch, at in self._enriched():
            yield WindowedValue(batch, at, [GlobalWindow()])

    def _enriched(self) -> Iterator[tuple[Batch, Timestamp]]:
        held, self._held = self._held, []
        together = tuple(document for batch, _ in held for document in batch.documents)
        try:
            enriched = iter(self._step.enrich(together))
        except Exception:  # the step itself knows what to do about one batch
            for batch, at in held:
                for one in self._step.process(batch):
                    yield one, at
            return
        for batch, at in held:
            yield replace(batch, documents=tuple(islice(enriched, len(batch.documents)))), at
