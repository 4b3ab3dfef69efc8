"""The compiled loops of :mod:`transforms.clusters`: who is compared with whom, and who stays.

Rows are numbered by their place in the order of election, so of two rows the smaller number is
the earlier one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from transforms.minhash_kernel import PERMUTATIONS, common, compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEADERS_PER_BUCKET = 256
VERIFIED_PER_ROW = 16


class Graph(NamedTuple):
    """Everything the election reads and writes, as flat arrays (a tuple, as numba takes it).

    ``buckets[bucket_starts[row] : bucket_starts[row + 1]]`` are a row's buckets;
    ``leaders[leader_starts[b] : leader_starts[b] + leader_counts[b]]`` a bucket's canonicals so
    far, at most :data:`LEADERS_PER_BUCKET`. ``sketches`` hold the low byte of each minimum of a
    row (Li and Koenig 2010, "b-bit minwise hashing": at 8 bits, one chance match in 256), ``sizes``
    the number of its shingles, ``places`` where these start in the array at hand. ``seen`` marks
    the leaders that the row at hand has met; ``counts`` are pairs compared by sketch, pairs
    compared by true sets, and marks given out.
    """

    bucket_starts: NDArray[np.int64]
    buckets: NDArray[np.int64]
    leader_starts: NDArray[np.int64]
    leader_counts: NDArray[np.int64]
    leaders: NDArray[np.int64]
    published: NDArray[np.bool_]
    sketches: NDArray[np.uint8]
    sizes: NDArray[np.int64]
    places: NDArray[np.int64]
    canonical: NDArray[np.int64]
    similarity: NDArray[np.float32]
    components: NDArray[np.int64]
    seen: NDArray[np.int64]
    counts: NDArray[np.int64]


@compiled
def joined(members: NDArray[np.int64], buckets: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """Label the connected components of rows that share buckets (union-find, path halving).

    ``members`` are rows and ``buckets`` their buckets, sorted by bucket; a label is the smallest
    row of its component.
    """
    parent = np.arange(rows)
    for index in range(1, len(members)):
        if buckets[index] != buckets[index - 1]:
            continue
        a = members[index - 1]
        b = members[index]
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        while parent[b] != b:
            parent[b] = parent[parent[b]]
            b = parent[b]
        parent[max(a, b)] = min(a, b)
    for row in range(rows):
        parent[row] = parent[parent[row]]
    return parent


@compiled
def _promising(
    row: int,
    graph: Graph,
    threshold: float,
    matches_needed: int,
    chosen: NDArray[np.int64],
    promise: NDArray[np.int64],
) -> int:
    """Choose the leaders that ``row`` is to be verified against, the likeliest first.

    A leader is left out if the sizes of the sets forbid the threshold, or the sketches make it
    too unlikely; of the rest the best :data:`VERIFIED_PER_ROW` are kept, by matching minima, then
    by order.
    """
    found = 0
    graph.counts[2] += 1
    mark = graph.counts[2]
    for bucket in graph.buckets[graph.bucket_starts[row] : graph.bucket_starts[row + 1]]:
        first = graph.leader_starts[bucket]
        for leader in graph.leaders[first : first + graph.leader_counts[bucket]]:
            if graph.seen[leader] == mark:
                continue
            graph.seen[leader] = mark
            a = graph.sizes[row]
            b = graph.sizes[leader]
            if min(a, b) == 0 or min(a, b) / max(a, b) < threshold:
                continue
            matches = 0
            for j in range(PERMUTATIONS):
                matches += graph.sketches[row, j] == graph.sketches[leader, j]
            graph.counts[0] += 1
            if matches < matches_needed:
                continue
            place = found
            while place > 0 and (
                promise[place - 1] < matches
                or (promise[place - 1] == matches and chosen[place - 1] > leader)
            ):
                place -= 1
            if place == VERIFIED_PER_ROW:
                continue
            found = min(found + 1, VERIFIED_PER_ROW)
            for index in range(found - 1, place, -1):
                chosen[index] = chosen[index - 1]
                promise[index] = promise[index - 1]
            chosen[place] = leader
            promise[place] = matches
    return found


@compiled
def partners(
    start: int,
    stop: int,
    graph: Graph,
    threshold: float,
    matches_needed: int,
) -> NDArray[np.int64]:
    """Return the leaders so far that rows ``start`` to ``stop`` may be verified against."""
    out = np.empty((stop - start) * VERIFIED_PER_ROW, np.int64)
    promise = np.empty(VERIFIED_PER_ROW, np.int64)
    total = 0
    for row in range(start, stop):
        if not graph.published[row]:
            chosen = out[total : total + VERIFIED_PER_ROW]
            total += _promising(row, graph, threshold, matches_needed, chosen, promise)
    return out[:total]


@compiled
def elect_rows(
    start: int,
    stop: int,
    graph: Graph,
    threshold: float,
    matches_needed: int,
    shingles: NDArray[np.uint64],
) -> None:
    """Decide rows ``start`` to ``stop`` in order; ``shingles`` holds their and their partners'.

    A row that resembles no leader at or above the threshold becomes a leader of its buckets.
    """
    chosen = np.empty(VERIFIED_PER_ROW, np.int64)
    promise = np.empty(VERIFIED_PER_ROW, np.int64)
    for row in range(start, stop):
        best = -1
        highest = threshold
        found = 0
        if not graph.published[row]:
            found = _promising(row, graph, threshold, matches_needed, chosen, promise)
        ours = shingles[graph.places[row] : graph.places[row] + graph.sizes[row]]
        for leader in chosen[:found]:
            theirs = shingles[graph.places[leader] : graph.places[leader] + graph.sizes[leader]]
            together = len(ours) + len(theirs)
            # J >= h means that h / (1 + h) of both sizes is shared; 1e-6 forgives the rounding.
            needed = int(np.ceil(highest / (1 + highest) * together - 1e-6))
            shared = common(ours, theirs, needed)
            graph.counts[1] += 1
            if shared <= 0:
                continue
            jaccard = shared / (together - shared)
            if jaccard > highest or (jaccard == highest and (best < 0 or leader < best)):
                best = leader
                highest = jaccard
        graph.canonical[row] = best
        if best >= 0:
            graph.similarity[row] = highest
            continue
        for bucket in graph.buckets[graph.bucket_starts[row] : graph.bucket_starts[row + 1]]:
            place = graph.leader_counts[bucket]
            if place < LEADERS_PER_BUCKET:
                graph.leaders[graph.leader_starts[bucket] + place] = row
                graph.leader_counts[bucket] = place + 1
