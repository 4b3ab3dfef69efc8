"""Cleaning as a step of a Beam pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import apache_beam as beam
from apache_beam.metrics import Metrics

from transforms.clean import DEFAULTS, STAGE, CleanOptions, clean
from transforms.document import Batch, Document, Rejected


class _CleanBatch(beam.DoFn):
    def __init__(self, options: CleanOptions) -> None:
        self._options = options

    def process(self, batch: Batch) -> Iterator[Batch | beam.pvalue.TaggedOutput]:
        results = [clean(document, self._options) for document in batch.documents]
        kept = tuple(result for result in results if isinstance(result, Document))
        rejected = tuple(result for result in results if isinstance(result, Rejected))
        Metrics.counter(STAGE, "kept").inc(len(kept))
        for result in rejected:
            Metrics.counter(STAGE, result.outcome).inc()
        for flag in (flag for document in kept for flag in document.quality):
            Metrics.counter("quality", flag).inc()
        yield Batch(batch.part, kept)
        if rejected:
            yield beam.pvalue.TaggedOutput("rejected", (batch.part, rejected))


@dataclass(eq=False)
class Clean(beam.PTransform):
    """Clean every document of every ``Batch``.

    Outputs: ``kept``, the same batches with the documents that go on, be there any or none; and
    ``rejected``, ``(part, tuple[Rejected, ...])`` of the batches that lose documents.
    """

    options: CleanOptions = DEFAULTS

    def expand(self, batches: beam.PCollection[Batch]) -> beam.pvalue.DoOutputsTuple:
        """Wire the stage."""
        return batches | beam.ParDo(_CleanBatch(self.options)).with_outputs("rejected", main="kept")
