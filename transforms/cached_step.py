"""A Beam step that enriches batches of documents and may ask a cache first."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace

import apache_beam as beam
from apache_beam.metrics import Metrics

from transforms.cache import Cache
from transforms.document import Batch, Document, failure
from transforms.rejections import write_rejected
from transforms.run import Run

COUNTERS = "cache"
"""Namespace of the counters ``<name>_hits`` and ``<name>_misses`` of each step."""


class CachedStep(beam.DoFn):
    """Enriches the documents of each ``Batch``; ``cache`` is open between setup and teardown.

    Args:
        name: what the step adds, for its counters; the stage of what it fails on.
        path: file of the cache, or None to do without.
        failures: the run in which a document becomes a dead letter on which the step fails; None
            lets that end the pipeline.
    """

    def __init__(self, name: str, path: str | None, failures: Run | None = None) -> None:
        self._name = name
        self._path = path
        self._failures = failures
        self.cache: Cache | None = None

    def setup(self) -> None:
        """Open the cache: here, as neither a fork nor a pickle may come between."""
        self.cache = Cache(self._path) if self._path else None

    def teardown(self) -> None:
        """Close the cache."""
        if self.cache:
            self.cache.close()

    @abstractmethod
    def enrich(self, documents: tuple[Document, ...]) -> tuple[Document, ...]:
        """Return the documents, enriched, in their order."""

    def process(self, batch: Batch) -> Iterator[Batch]:
        """Enrich the documents of a batch."""
        documents = self._enrich(batch)
        if self.cache:
            Metrics.counter(COUNTERS, f"{self._name}_hits").inc(self.cache.hits)
            Metrics.counter(COUNTERS, f"{self._name}_misses").inc(self.cache.misses)
            self.cache.hits = self.cache.misses = 0
        yield replace(batch, documents=documents)

    def _enrich(self, batch: Batch) -> tuple[Document, ...]:
        try:
            return self.enrich(batch.documents)
        except Exception:
            if self._failures is None:
                raise
            return self._enrich_each(batch, self._failures)

    def _enrich_each(self, batch: Batch, failures: Run) -> tuple[Document, ...]:
        """Enrich the documents one by one; those that fail are written down and left out."""
        enriched: list[Document] = []
        failed = []
        for document in batch.documents:
            try:
                enriched += self.enrich((document,))
            except Exception as error:  # one document must not stop the others
                failed.append(failure(document, self._name, error))
        write_rejected(failures, batch.part, self._name, failed)
        return tuple(enriched)
