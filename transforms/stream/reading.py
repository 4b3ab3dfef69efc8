"""Reading and cleaning of orders; what is read goes to the spool, and the names of its parts on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import apache_beam as beam
from apache_beam.metrics import Metrics

from transforms.clean import DEFAULTS, CleanOptions, clean
from transforms.clean import STAGE as CLEAN
from transforms.document import Document, Rejected
from transforms.duplicates import spool
from transforms.read.batches import Part, read_unit
from transforms.read.formats import ReadOptions
from transforms.read.records import STAGE as READ
from transforms.read.slices import WorkUnit
from transforms.read.transform import open_anywhere
from transforms.rejections import write_rejected
from transforms.run import Run
from transforms.stream.staging import Receipt, write_read, write_receipt


@dataclass
class ReadParts(beam.PTransform[beam.PCollection[WorkUnit], beam.PCollection[str]]):
    """Reads and cleans the documents of each order and leaves them in the spool of ``run``.

    What is rejected, and what fails, goes to the staging area at once. A part of which no
    document is left has its receipt then, and does not go on. ``near``: duplicates are wanted.
    """

    run: Run
    read_options: ReadOptions = field(default_factory=ReadOptions)
    clean_options: CleanOptions = DEFAULTS
    near: bool = True

    def expand(self, units: beam.PCollection[WorkUnit]) -> beam.PCollection[str]:
        """WorkUnit -> name of a part in the spool."""
        return units | beam.FlatMap(self._read).with_output_types(str)

    def _read(self, unit: WorkUnit) -> Iterator[str]:
        parts = 0
        for part in read_unit(unit, self.read_options, open_anywhere):
            parts += 1
            if self._clean(part):
                yield part.name
            else:
                write_receipt(self.run.store, Receipt(part.name, unit.number, 0))
        write_read(self.run.store, unit.number, parts)

    def _clean(self, part: Part) -> int:
        """Write what there is of a part; returns how many documents are in the spool."""
        write_rejected(self.run, part.name, READ, part.rejected)
        results = [clean(document, self.clean_options) for document in part.documents]
        kept = [result for result in results if isinstance(result, Document)]
        rejected = [result for result in results if isinstance(result, Rejected)]
        write_rejected(self.run, part.name, CLEAN, rejected)
        if kept:
            spool(self.run, part.name, kept, self.near)
        Metrics.counter("stream", "documents").inc(len(part.documents))
        Metrics.counter("stream", "rejected").inc(len(part.rejected) + len(rejected))
        return len(kept)
