"""Exact and near duplicates of a run, and of all that was published before.

Only fingerprints are shuffled: each cleaned batch goes to the spool and sends on four bytes per
document and band. Documents that share a band are candidates; one step elects the canonicals
among them (see ``transforms.clusters``) and each batch is then read back from the spool without
its duplicates.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import apache_beam as beam
import numpy as np
from numpy.typing import NDArray

from transforms.candidates import Candidates, RowCode
from transforms.clusters import Buckets, buckets
from transforms.document import Batch, Document, Rejected, RejectedOfPart
from transforms.election import PartVerdicts, hold_election
from transforms.fingerprint import BANDS, content_hash, fingerprints
from transforms.ledger import Rows, duplicate_row
from transforms.published import PublishedPart, write_fingerprints
from transforms.run import Run
from transforms.spool import read_spool, spool_path, write_spool

DuplicateMode = Literal["drop", "keep", "off"]

_ID_BAND = -2
_CONTENT_BAND = -1
"""Besides the MinHash bands, ids and content hashes are shuffled as bands of their own."""


Keyed = tuple[NDArray[np.int64], NDArray[np.uint32]]
"""Rows of a batch, and the 32-bit key of each in a band."""


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
    published: tuple[PublishedPart, ...] = ()

    def expand(self, batches: beam.PCollection[Batch]) -> Deduplicated:
        """Batch -> Deduplicated."""
        spooled = batches | "Spool" >> beam.FlatMap(self._spool)
        keys = spooled | "Keys" >> beam.FlatMapTuple(lambda _, bands: bands.items())
        if self.published and self.mode != "off":
            known = batches.pipeline | "Published" >> beam.Create(self.published)
            published = known | "PublishedKeys" >> beam.FlatMap(lambda p: published_keys(p).items())
            keys = (keys, published) | beam.Flatten()
        verdicts = (
            keys
            | "GroupBand" >> beam.GroupByKey()
            | "Share" >> beam.FlatMapTuple(shared)
            | "GroupAll" >> beam.GroupByKey()
            | "Elect" >> beam.FlatMapTuple(self._elect)
        )
        parts = spooled | "Parts" >> beam.MapTuple(lambda part, _: (part, None))
        judged = (
            {"spooled": parts, "verdicts": verdicts}
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

    def _spool(self, batch: Batch) -> Iterator[tuple[str, dict[int, Keyed]]]:
        if not batch.documents:
            return
        documents = [
            replace(document, content_hash=content_hash(document.text))
            for document in batch.documents
        ]
        keys = batch_keys(batch.part, documents, near=self.mode != "off")
        write_spool(spool_path(self.run, batch.part), documents)
        yield batch.part, keys

    def _elect(
        self, _: None, shared_: Iterable[tuple[int, Buckets]]
    ) -> Iterator[tuple[str, PartVerdicts]]:
        ordered = sorted(shared_, key=lambda pair: pair[0])
        same_id = [found for band, found in ordered if band == _ID_BAND]
        alike = [found for band, found in ordered if band != _ID_BAND]
        candidates = Candidates(self.run, self.published)
        yield from hold_election(candidates, same_id, alike, self.threshold)


def batch_keys(part: str, documents: Sequence[Document], near: bool) -> dict[int, Keyed]:
    """The keys of a batch by band: ids, and with ``near`` also contents and MinHash bands."""
    rows = RowCode.of_part(part, len(documents))
    keys = {_ID_BAND: (rows, _first_bits(document.id for document in documents))}
    if near:
        keys[_CONTENT_BAND] = rows, _first_bits(document.content_hash for document in documents)
        bands, filled = fingerprints([document.text for document in documents])
        keys |= {band: (rows[filled], bands[filled, band]) for band in range(bands.shape[1])}
    return keys


def published_keys(part: PublishedPart) -> dict[int, Keyed]:
    """The keys under which the documents of an earlier run meet the new ones."""
    rows = RowCode.of_published(part)
    bands = {band: (rows[part.filled], part.bands[part.filled, band]) for band in range(BANDS)}
    return {_CONTENT_BAND: (rows, _first_bits(part.content_hashes))} | bands


def _first_bits(digests: Iterable[str]) -> NDArray[np.uint32]:
    return np.array([int(digest[:8], 16) for digest in digests], np.uint32)


def shared(band: int, pieces: Iterable[Keyed]) -> Iterator[tuple[None, tuple[int, Buckets]]]:
    """Groups of rows with one key in a band, if there are any."""
    all_ = list(pieces)
    rows = np.concatenate([rows for rows, _ in all_])
    keys = np.concatenate([keys for _, keys in all_])
    found = buckets(keys, rows)
    if len(found.rows):
        yield None, (band, found)


class _Judge(beam.DoFn):
    """Reads a batch back from the spool and carries out the verdicts on it."""

    def __init__(self, run: Run, mode: DuplicateMode) -> None:
        self.run = run
        self.mode = mode

    def process(self, element: tuple[str, dict[str, Iterable[Any]]]) -> Iterator[Any]:
        part, grouped = element
        verdicts = next(iter(grouped["verdicts"]), PartVerdicts())
        documents = read_spool(spool_path(self.run, part))
        judged = [verdicts.apply(row, document) for row, document in enumerate(documents)]
        unique = [document for document in judged if isinstance(document, Document)]
        canonicals = [document for document in unique if document.duplicate_of is None]
        duplicates = [document for document in unique if document.duplicate_of is not None]
        repeated = tuple(one for one in judged if isinstance(one, Rejected))
        kept = canonicals if self.mode == "drop" else unique
        if self.mode != "off":
            write_fingerprints(self.run.part("fingerprints", part, ".parquet"), kept)
        yield Batch(part, tuple(kept))
        rows = tuple(map(duplicate_row, duplicates)) if self.mode == "drop" else ()
        yield beam.pvalue.TaggedOutput("out", (part, rows, repeated))
