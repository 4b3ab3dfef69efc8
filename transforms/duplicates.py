"""Exact and near duplicates of a run, and of all that was published before.

Only fingerprints are shuffled: each cleaned batch goes to the spool and sends on four bytes per
document and band. Documents that share a band are candidates; one step elects the canonicals
among them (see ``transforms.clusters``) and each batch is then read back from the spool without
its duplicates.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import apache_beam as beam
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from transforms.candidates import Candidates, RowCode
from transforms.clusters import Buckets, buckets
from transforms.document import Batch, Rejected, RejectedOfPart
from transforms.election import PartVerdicts, hold_election
from transforms.fingerprint import BANDS, content_hash
from transforms.ledger import Rows, duplicate_row
from transforms.published import PublishedPart, band_array, band_matrix, write_fingerprints
from transforms.run import Run
from transforms.spool import read_columns, read_spool, spool_path, write_spool

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
        rows = RowCode.of_part(batch.part, len(documents))
        keys = {_ID_BAND: (rows, _first_bits(document.id for document in documents))}
        near = self.mode != "off"
        bands = band_array([document.text if near else "" for document in documents])
        if near:
            keys |= content_keys(rows, [document.content_hash for document in documents], bands)
        write_spool(spool_path(self.run, batch.part), documents, bands)
        yield batch.part, keys

    def _elect(
        self, _: None, shared_: Iterable[tuple[int, Buckets]]
    ) -> Iterator[tuple[str, PartVerdicts]]:
        ordered = sorted(shared_, key=lambda pair: pair[0])
        same_id = [found for band, found in ordered if band == _ID_BAND]
        alike = [found for band, found in ordered if band != _ID_BAND]
        candidates = Candidates(self.run, self.published)
        yield from hold_election(candidates, same_id, alike, self.threshold)


def published_keys(part: PublishedPart) -> dict[int, Keyed]:
    """The keys under which the documents of an earlier run meet the new ones."""
    return content_keys(RowCode.of_published(part), part.content_hashes, part.bands)


def content_keys(
    rows: NDArray[np.int64], content_hashes: Iterable[str], bands: pa.Array
) -> dict[int, Keyed]:
    """The keys of documents by band: of equal contents, and of similar ones."""
    matrix, filled = band_matrix(bands)
    similar = {band: (rows[filled], matrix[:, band].copy()) for band in range(BANDS)}
    return {_CONTENT_BAND: (rows, _first_bits(content_hashes))} | similar


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
        path = spool_path(self.run, part)
        judged = [verdicts.apply(row, document) for row, document in enumerate(read_spool(path))]
        kept, duplicates, rejected, places = [], [], [], []
        for row, one in enumerate(judged):
            if isinstance(one, Rejected):
                rejected.append(one)
            elif one.duplicate_of is not None and self.mode == "drop":
                duplicates.append(duplicate_row(one, verdicts.canonical_of[row].same_text))
            else:
                kept.append(one)
                places.append(row)
        if self.mode != "off":
            bands = read_columns(path, ["bands"], np.array(places, np.int64)).column("bands")
            fingerprints = self.run.part("fingerprints", part, ".parquet")
            write_fingerprints(fingerprints, kept, bands.combine_chunks())
        yield Batch(part, tuple(kept))
        yield beam.pvalue.TaggedOutput("out", (part, tuple(duplicates), tuple(rejected)))
