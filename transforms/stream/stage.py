"""The end of a stream's pipeline: complete files of each part, and then its receipt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import apache_beam as beam
from apache_beam.metrics import Metrics

from transforms import files
from transforms.document import Batch
from transforms.duplicates import DuplicateMode, judge
from transforms.keys import keys_path, read_keys
from transforms.ledger import kept_row, write_ledger
from transforms.parquet import document_table, encode
from transforms.published import write_fingerprints
from transforms.rejections import write_rejected
from transforms.run import Run
from transforms.spool import read_columns, spool_path
from transforms.stream.election import read_verdicts
from transforms.stream.staging import Receipt, is_forgotten, order_of, write_receipt


@dataclass
class CarryOut(beam.PTransform[beam.PCollection[str], beam.PCollection[Batch]]):
    """Reads parts back from the spool as their verdicts leave them; the rest goes to the ledger."""

    run: Run
    mode: DuplicateMode = "drop"

    def expand(self, parts: beam.PCollection[str]) -> beam.PCollection[Batch]:
        """Name of a part -> its documents that go on, be there any or none."""
        return parts | beam.FlatMap(self._carry_out).with_output_types(Batch)

    def _carry_out(self, part: str) -> Iterator[Batch]:
        verdicts = read_verdicts(self.run, part)
        if verdicts is None and is_forgotten(self.run, part):
            return
        if verdicts is None:
            raise RuntimeError(f"part {part} has no verdicts")
        judged = judge(self.run, part, verdicts, self.mode)
        if judged.duplicates:
            write_ledger(self.run, part, "duplicates", judged.duplicates)
        write_rejected(self.run, part, "repeated", judged.rejected)
        yield Batch(part, judged.kept)


@dataclass
class StageDocuments(beam.PTransform[beam.PCollection[Batch], beam.PCollection[str]]):
    """Writes the documents of each batch, their fingerprints and ledger rows, then its receipt.

    A bundle that is tried again writes the same rows to the same names.
    """

    run: Run
    mode: DuplicateMode = "drop"

    def expand(self, batches: beam.PCollection[Batch]) -> beam.PCollection[str]:
        """Batch -> name of the part."""
        return batches | beam.Map(self._stage).with_output_types(str)

    def _stage(self, batch: Batch) -> str:
        run, part, documents = self.run, batch.part, batch.documents
        if documents:
            if self.mode != "off":
                self._write_fingerprints(batch)
            table = document_table(documents, run.run_id, run.started_at)
            files.write(run.part("documents", part, ".parquet"), encode(table))
            write_ledger(run, part, "kept", tuple(map(kept_row, documents)))
        write_receipt(run.store, Receipt(part, order_of(part), len(documents)))
        Metrics.counter("stream", "staged").inc(len(documents))
        return part

    def _write_fingerprints(self, batch: Batch) -> None:
        ids = read_columns(spool_path(self.run, batch.part), ["id"]).column("id").to_pylist()
        places = {id_: place for place, id_ in reversed(list(enumerate(ids)))}
        write_fingerprints(
            self.run.part("fingerprints", batch.part, ".parquet"),
            batch.documents,
            read_keys(keys_path(self.run, batch.part)),
            [places[document.id] for document in batch.documents],
        )
