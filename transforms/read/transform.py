"""Reading as a step of a Beam pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, cast

import apache_beam as beam
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics

from transforms.document import Batch, Rejected
from transforms.files import is_remote
from transforms.read.batches import DEFAULT_BATCH_CHARS, read_unit
from transforms.read.formats import ReadOptions
from transforms.read.slices import WorkUnit
from transforms.read.streams import open_local

BATCHES = "batches"
REJECTED = "rejected"


def open_anywhere(path: str) -> BinaryIO:
    """Open a path of any filesystem Beam knows; local ones without Beam in between."""
    if is_remote(path):
        # By default Beam decompresses by extension; readers go by content.
        return cast(
            "BinaryIO", FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
        )
    return open_local(path)


@dataclass(eq=False)
class ReadDocuments(beam.PTransform):
    """Work units to ``batches`` (Batch) and ``rejected`` ((part, tuple of Rejected)).

    Rejected rows come under the name of the part they stand in, which may have no documents
    and then no batch.
    """

    options: ReadOptions = field(default_factory=ReadOptions)
    batch_chars: int = DEFAULT_BATCH_CHARS

    def __post_init__(self) -> None:
        super().__init__()

    def expand(self, units: beam.PCollection[WorkUnit]) -> beam.pvalue.DoOutputsTuple:
        """Apply the transform."""
        read = beam.ParDo(_ReadUnit(self.options, self.batch_chars))
        return units | read.with_outputs(REJECTED, main=BATCHES)


class _ReadUnit(beam.DoFn):
    def __init__(self, options: ReadOptions, batch_chars: int) -> None:
        self._options = options
        self._batch_chars = batch_chars
        self._documents = Metrics.counter("read", "documents")
        self._rejected = Metrics.counter("read", "rejected")
        self._bytes = Metrics.counter("read", "bytes")

    def process(self, unit: WorkUnit) -> Iterator[Batch | beam.pvalue.TaggedOutput]:
        for part in read_unit(unit, self._options, open_anywhere, self._batch_chars):
            self._documents.inc(len(part.documents))
            self._rejected.inc(len(part.rejected))
            if part.documents:
                yield part.batch()
            if part.rejected:
                rows: tuple[str, tuple[Rejected, ...]] = (part.name, tuple(part.rejected))
                yield beam.pvalue.TaggedOutput(REJECTED, rows)
        self._bytes.inc(sum(slice_.end - slice_.start for slice_ in unit.slices))
