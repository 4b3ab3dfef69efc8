"""The verdicts: which documents of each part are duplicates, and of which canonical."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from transforms.candidates import Candidates, RowCode
from transforms.clusters import Buckets, elect
from transforms.document import Document, Rejected


@dataclass(frozen=True, slots=True)
class Canonical:
    """The document that another one gives way to, and what they have in common."""

    id: str
    similarity: float
    same_text: bool


@dataclass(slots=True)
class PartVerdicts:
    """What the election says of the rows of one part; rows not named are on their own.

    ``canonical_of`` holds the duplicates, ``duplicates_of`` the number of duplicates of each
    canonical, ``repeated`` the rows whose id an earlier document has.
    """

    canonical_of: dict[int, Canonical] = field(default_factory=dict)
    duplicates_of: dict[int, int] = field(default_factory=dict)
    repeated: set[int] = field(default_factory=set)

    def apply(self, row: int, document: Document) -> Document | Rejected:
        """The document as the verdict leaves it."""
        if row in self.repeated:
            return Rejected(
                document.id,
                document.source,
                document.source_version,
                "rejected",
                reason="an earlier record of this run has the same id; the first one counts",
                stage="duplicates",
                content_hash=document.content_hash,
            )
        if row in self.canonical_of:
            canonical = self.canonical_of[row]
            return replace(
                document,
                cluster_id=canonical.id,
                duplicate_of=canonical.id,
                similarity=canonical.similarity,
            )
        return replace(
            document, cluster_id=document.id, duplicate_count=self.duplicates_of.get(row, 0)
        )


def hold_election(
    candidates: Candidates, threshold: float, near: bool = True
) -> Iterator[tuple[str, PartVerdicts]]:
    """Elect the canonicals among all documents that share a bucket.

    Args:
        candidates: all documents that may be alike.
        threshold: Jaccard similarity from which on a document is a duplicate.
        near: whether duplicates are wanted at all, or only repeated ids.

    Yields:
        (part of this run, verdicts on its rows), for the parts that have any.
    """
    verdicts: dict[str, PartVerdicts] = {}

    def on(code: int) -> tuple[PartVerdicts, int]:
        part, row = RowCode.part_and_row(code)
        return verdicts.setdefault(part, PartVerdicts()), row

    repeated = _repeated(candidates)
    for code in repeated.tolist():
        part, row = on(code)
        part.repeated.add(row)

    alike = [_without(found, repeated) for found in candidates.alike()] if near else []
    codes = _codes(alike)
    if len(codes):
        facts = candidates.facts(codes)
        result = elect(
            facts.order,
            [Buckets(np.searchsorted(codes, found.rows), found.offsets) for found in alike],
            facts.content_hashes,
            facts.published,
            facts.characters,
            lambda rows: candidates.shingles(codes[rows]),
            threshold,
        )
        for removed in np.flatnonzero(result.canonical >= 0).tolist():
            leader = int(result.canonical[removed])
            part, row = on(int(codes[removed]))
            part.canonical_of[row] = Canonical(
                facts.ids[leader],
                float(result.similarity[removed]),
                bool(facts.content_hashes[leader] == facts.content_hashes[removed]),
            )
            if not facts.published[leader]:
                part, row = on(int(codes[leader]))
                part.duplicates_of[row] = part.duplicates_of.get(row, 0) + 1
    yield from sorted(verdicts.items())


def _codes(all_: Sequence[Buckets]) -> NDArray[np.int64]:
    return np.unique(np.concatenate([np.empty(0, np.int64), *(found.rows for found in all_)]))


def _repeated(candidates: Candidates) -> NDArray[np.int64]:
    """Codes of the documents whose id an earlier document has."""
    codes = _codes([candidates.same_id()])
    seen: set[str] = set()
    again = []
    for code, id_ in zip(codes.tolist(), candidates.ids(codes), strict=True):
        if id_ in seen:
            again.append(code)
        seen.add(id_)
    return np.array(again, np.int64)


def _without(found: Buckets, codes: NDArray[np.int64]) -> Buckets:
    """The buckets without some of their rows."""
    if not len(codes):
        return found
    stays = ~np.isin(found.rows, codes)
    kept_before = np.concatenate(([0], np.cumsum(stays)))
    return Buckets(found.rows[stays], kept_before[found.offsets])
