"""Exact and near duplicates of a run, and of all that was published before.

No document is shuffled, nor its fingerprint: each cleaned batch goes to the spool, with its keys in
a file beside it, and only the names of the batches are sent on. One step reads all keys, finds
who might be alike and elects the canonicals (see ``transforms.clusters``); each batch is then read
back from the spool without its duplicates.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import apache_beam as beam

from transforms.candidates import Candidates
from transforms.document import Batch, Document, Rejected, RejectedOfPart
from transforms.election import PartVerdicts, hold_election
from transforms.fingerprint import content_hash
from transforms.keys import keys_of, keys_path, read_keys, write_keys
from transforms.ledger import LedgerRow, Rows, duplicate_row
from transforms.meeting import Published
from transforms.published import write_fingerprints
from transforms.run import Run
from transforms.spool import read_spool, spool_path, write_spool

DuplicateMode = Literal["drop", "keep", "off"]


@dataclass(frozen=True)
class Deduplicated:
    """``kept`` batches, ledger ``duplicates`` rows, and ``rejected`` repetitions of an id."""

    kept: beam.PCollection[Batch]
    duplicates: beam.PCollection[Rows]
    rejected: beam.PCollection[RejectedOfPart]


@dataclass
class RemoveDuplicates(beam.PTransform[beam.PCollection[Batch], Any]):
    """Leaves one document of every cluster, or marks the others (``keep``), or neither (``off``).

    ``published`` are the documents of earlier runs: new documents may be their duplicates,
    never the other way round. Two records with one id are never both published, in any mode.
    """

    run: Run
    mode: DuplicateMode = "drop"
    threshold: float = 0.8
    published: Published | None = None

    def expand(self, batches: beam.PCollection[Batch]) -> Deduplicated:
        """Batch -> Deduplicated."""
        parts = batches | "Spool" >> beam.FlatMap(self._spool)
        verdicts = (
            parts
            | "All" >> beam.Map(lambda part: (None, part))
            | "GroupAll" >> beam.GroupByKey()
            | "Elect" >> beam.FlatMapTuple(lambda _, all_: self._elect(all_))
        )
        judged = (
            {"spooled": parts | beam.Map(lambda part: (part, None)), "verdicts": verdicts}
            | beam.CoGroupByKey()
            | "Judge" >> beam.ParDo(_Judge(self.run, self.mode)).with_outputs("out", main="kept")
        )
        duplicates = judged.out | "Duplicates" >> beam.FlatMap(
            lambda out: [(out[0], out[1])] if out[1] else []
        )
        rejected = judged.out | "Repeated" >> beam.FlatMap(
            lambda out: [(out[0], out[2])] if out[2] else []
        )
        return Deduplicated(judged.kept, duplicates, rejected)

    def _spool(self, batch: Batch) -> Iterator[str]:
        if batch.documents:
            spool(self.run, batch.part, batch.documents, near=self.mode != "off")
            yield batch.part

    def _elect(self, parts: Iterable[str]) -> Iterator[tuple[str, PartVerdicts]]:
        near = self.mode != "off"
        candidates = Candidates(self.run, sorted(parts), self.published if near else None)
        yield from hold_election(candidates, self.threshold, near)


@dataclass(frozen=True, slots=True)
class Judged:
    """A part after the election; ``places`` are the rows of the spool that ``kept`` come from."""

    kept: tuple[Document, ...]
    places: tuple[int, ...]
    duplicates: tuple[LedgerRow, ...]
    rejected: tuple[Rejected, ...]


def judge(run: Run, part: str, verdicts: PartVerdicts, mode: DuplicateMode) -> Judged:
    """Read a part back from the spool and carry out the verdicts on it.

    Raises:
        OSError: the spool cannot be read.
    """
    kept, places, duplicates, rejected = [], [], [], []
    for row, document in enumerate(read_spool(spool_path(run, part))):
        one = verdicts.apply(row, document)
        if isinstance(one, Rejected):
            rejected.append(one)
        elif one.duplicate_of is not None and mode == "drop":
            duplicates.append(duplicate_row(one, verdicts.canonical_of[row].same_text))
        else:
            kept.append(one)
            places.append(row)
    return Judged(tuple(kept), tuple(places), tuple(duplicates), tuple(rejected))


def spool(run: Run, part: str, documents: Sequence[Document], near: bool) -> None:
    """Write documents to the spool as a part, with their content hashes and their keys.

    Raises:
        OSError: the spool cannot be written.
    """
    hashed = [replace(document, content_hash=content_hash(document.text)) for document in documents]
    write_keys(keys_path(run, part), keys_of(hashed, near))
    write_spool(spool_path(run, part), hashed)


class _Judge(beam.DoFn):
    """Reads a batch back from the spool and carries out the verdicts on it."""

    def __init__(self, run: Run, mode: DuplicateMode) -> None:
        self.run = run
        self.mode = mode

    def process(self, element: tuple[str, dict[str, Iterable[Any]]]) -> Iterator[Any]:
        part, grouped = element
        verdicts = next(iter(grouped["verdicts"]), PartVerdicts())
        judged = judge(self.run, part, verdicts, self.mode)
        if self.mode != "off":
            fingerprints = self.run.part("fingerprints", part, ".parquet")
            keys = read_keys(keys_path(self.run, part))
            write_fingerprints(fingerprints, judged.kept, keys, judged.places)
        yield Batch(part, judged.kept)
        yield beam.pvalue.TaggedOutput("out", (part, judged.duplicates, judged.rejected))
