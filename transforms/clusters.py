"""Which documents are duplicates, and of which: the election of canonicals.

Documents stand in one fixed total order (:func:`ranks`). In that order each becomes a *canonical*
unless it resembles an earlier canonical: then it is removed in favour of the one it resembles most
(of equals, the earlier). So the canonicals are the lexicographically first maximal independent set
of the graph of similar pairs (Cooke 1985; Blelloch, Fineman and Shun 2012), and

- a document is only removed for a canonical whose text has the same content hash, or whose
  shingles have a true Jaccard similarity at or above the threshold: never along a chain;
- the result depends on the documents alone, not on how they arrive or are spread over workers.

Cost stays linear in the documents, however large a bucket is: a document meets only the
canonicals of its buckets, at most 256 in each, first by a sketch of 128 bytes, and of those that
the sketch leaves likely, the 16 likeliest by their true sets. The price is recall in one case
only: a pair that shares no bucket but such as held 256 mutually dissimilar canonicals before the
elder of the two came, or with 16 likelier canonicals that all turned out below the threshold.
Measured figures are in ``benchmarks/duplicates_recall.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from transforms.leaders import comparable, follow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from transforms.leaders import Load

THRESHOLD = 0.8
MEMORY = 32 << 20


@dataclass(frozen=True, slots=True)
class Buckets:
    """Rows with a key in common: bucket ``i`` is ``rows[offsets[i] : offsets[i + 1]]``."""

    rows: NDArray[np.int64]
    offsets: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What became of each row.

    ``canonical`` is the row that a removed row gave way to, -1 for one that stays;
    ``similarity`` what they have in common (1 for equal content), 0 for one that stays.
    ``sketched`` and ``verified`` count the pairs compared by sketch and by true Jaccard.
    """

    canonical: NDArray[np.int64]
    similarity: NDArray[np.float32]
    sketched: int
    verified: int


def buckets(keys: NDArray[Any], rows: NDArray[np.int64]) -> Buckets:
    """Group the rows of one band by equal key; keys that only one row has are left out.

    ``keys`` may be of any type that sorts: band keys, or content hashes.
    """
    by_key = np.argsort(keys, kind="stable")
    ordered = keys[by_key]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])
    sizes = np.diff(starts, append=len(ordered))
    kept = np.repeat(sizes > 1, sizes)
    offsets = np.concatenate(([0], np.cumsum(sizes[sizes > 1]))).astype(np.int64)
    return Buckets(rows[by_key][kept], offsets)


def ranks(
    published: NDArray[np.bool_],
    priorities: NDArray[np.int64],
    dates: NDArray[np.int64],
    lengths: NDArray[np.int64],
    ids: NDArray[Any],
) -> NDArray[np.int64]:
    """Return each row's place in the order of election.

    Already published rows come first, then the lower source priority, the earlier date
    (microseconds since 1970; the greatest int64 for none), the longer text, the smaller id. Ids
    are distinct, so no two rows tie.
    """
    order = np.lexsort((ids, -lengths, dates, priorities, ~published))
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    return places


def elect(
    order: NDArray[np.int64],
    candidates: Sequence[Buckets],
    content_hashes: NDArray[Any],
    published: NDArray[np.bool_],
    characters: NDArray[np.int64],
    load: Load,
    threshold: float = THRESHOLD,
    memory: int = MEMORY,
) -> Verdicts:
    """Elect the canonicals among ``len(order)`` rows.

    ``order`` is each row's rank, ``content_hashes`` any sortable form of its content hash,
    ``characters`` the length of its text. ``candidates`` are the buckets of all bands, of rows
    that index these arrays. ``published`` rows are never removed. ``load`` returns the shingle sets
    (sorted, distinct) of the rows it is given, which come in the order of election and not sorted;
    each row is asked for once, and again only a canonical that had to make room. Up to twice
    ``memory`` bytes of sets are held, and as much again while they are compared, if no single
    text exceeds that.

    Raises ValueError if ``threshold`` is not above 0 and at most 1.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"the similarity threshold must be above 0 and at most 1, not {threshold}")
    original = _originals(order, content_hashes, published)
    rows, graph = comparable(order, candidates, original, published)
    follow(rows, graph, characters[rows], load, threshold, memory)

    canonical = np.full(len(order), -1, np.int64)
    similarity = np.zeros(len(order), np.float32)
    removed = graph.canonical >= 0
    canonical[rows[removed]] = rows[graph.canonical[removed]]
    similarity[rows] = graph.similarity
    copies = np.flatnonzero(original != np.arange(len(order)))
    of = original[copies]
    stays = canonical[of] < 0
    canonical[copies] = np.where(stays, of, canonical[of])
    similarity[copies] = np.where(stays, np.float32(1), similarity[of])
    return Verdicts(canonical, similarity, int(graph.counts[0]), int(graph.counts[1]))


def _originals(
    order: NDArray[np.int64], content_hashes: NDArray[Any], published: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return for each row the first in order of those with its content; published stand alone."""
    _, content = np.unique(content_hashes, return_inverse=True)
    by_content = np.lexsort((order, content))
    grouped = content[by_content]
    first = np.append(True, grouped[1:] != grouped[:-1])[: len(grouped)]
    original = np.empty(len(order), np.int64)
    original[by_content] = by_content[first][np.cumsum(first) - 1]
    return np.where(published, np.arange(len(order)), original)
