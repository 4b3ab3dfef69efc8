"""How an election is held: the graph of candidates, and its rows followed in bounded memory."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from transforms.fingerprint import signature
from transforms.leader_kernel import LEADERS_PER_BUCKET, Graph, elect_rows, joined, partners
from transforms.minhash_kernel import PERMUTATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from transforms.clusters import Buckets

    Load = Callable[[NDArray[np.int64]], Sequence[NDArray[np.uint64]]]

_DEVIATIONS = 4.5
"""Standard errors that a sketch may fall short: of pairs exactly at the threshold, fewer than one
in 100,000 do by more."""

_SHINGLE_BYTES = 8


def comparable(
    order: NDArray[np.int64],
    candidates: Sequence[Buckets],
    original: NDArray[np.int64],
    published: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], Graph]:
    """Return the rows that must be compared, component by component in order, and their graph.

    The graph numbers rows by their place in the array returned. Left out are rows that are not
    their own ``original``, and buckets of one row or in which nobody could be removed.
    """
    members = np.concatenate([np.empty(0, np.int64), *(each.rows for each in candidates)])
    sizes = np.concatenate([np.empty(0, np.int64), *(np.diff(each.offsets) for each in candidates)])
    bucket = np.repeat(np.arange(len(sizes)), sizes)

    distinct = original[members] == members
    members, bucket = members[distinct], bucket[distinct]
    crowd = np.bincount(bucket, minlength=len(sizes))
    removable = np.bincount(bucket[~published[members]], minlength=len(sizes))
    useful = (crowd > 1) & (removable > 0)
    chosen = useful[bucket]
    members, bucket = members[chosen], (np.cumsum(useful) - 1)[bucket[chosen]]

    rows, members = np.unique(members, return_inverse=True)
    by_order = np.argsort(order[rows])
    rows, members = rows[by_order], _inverse(by_order)[members]
    components = joined(members, bucket, len(rows))
    by_component = np.argsort(components, kind="stable")
    rows, members = rows[by_component], _inverse(by_component)[members]

    room = np.minimum(crowd[useful], LEADERS_PER_BUCKET)
    count = len(rows)
    return rows, Graph(
        bucket_starts=np.concatenate(([0], np.cumsum(np.bincount(members, minlength=count)))),
        buckets=bucket[np.argsort(members, kind="stable")],
        leader_starts=np.cumsum(room) - room,
        leader_counts=np.zeros(len(room), np.int64),
        leaders=np.empty(room.sum(), np.int64),
        published=published[rows],
        components=components[by_component],
        sketches=np.empty((count, PERMUTATIONS), np.uint8),
        sizes=np.zeros(count, np.int64),
        places=np.zeros(count, np.int64),
        canonical=np.full(count, -1, np.int64),
        similarity=np.zeros(count, np.float32),
        seen=np.zeros(count, np.int64),
        counts=np.zeros(3, np.int64),
    )


def follow(
    rows: NDArray[np.int64],
    graph: Graph,
    characters: NDArray[np.int64],
    load: Load,
    threshold: float,
    memory: int,
) -> None:
    """Decide every row of ``graph``, loading shingle sets a span of rows at a time.

    Canonicals that a later span of the same component may be compared with stay in memory while
    there is room, and are loaded again when they are wanted after that.
    """
    error = sqrt(threshold * (1 - threshold) / PERMUTATIONS)
    matches = int(PERMUTATIONS * (threshold - _DEVIATIONS * error))
    kept: dict[int, NDArray[np.uint64]] = {}
    spans = list(_spans(characters, memory // _SHINGLE_BYTES))[::-1]
    while spans:
        start, stop = spans.pop()
        fresh = load(rows[start:stop])
        for row, shingles in enumerate(fresh, start):
            graph.sizes[row] = len(shingles)
            graph.sketches[row] = signature(shingles).astype(np.uint8)
        wanted = np.unique(partners(start, stop, graph, threshold, matches))
        if graph.sizes[wanted].sum() * _SHINGLE_BYTES > memory and stop - start > 1:
            middle = (start + stop) // 2
            spans += [(middle, stop), (start, middle)]
            continue
        missing = np.array([row for row in wanted.tolist() if row not in kept], np.int64)
        if len(missing):
            kept.update(zip(missing.tolist(), load(rows[missing]), strict=True))
        sets = {row: kept.pop(row) for row in wanted.tolist()}
        sets.update(enumerate(fresh, start))
        at_hand = np.array(list(sets), np.int64)
        graph.places[at_hand] = np.cumsum(graph.sizes[at_hand]) - graph.sizes[at_hand]
        elect_rows(start, stop, graph, threshold, matches, np.concatenate(list(sets.values())))
        kept.update(sets)
        kept = _needed_later(kept, graph, stop, memory)


def _needed_later(
    kept: dict[int, NDArray[np.uint64]], graph: Graph, stop: int, memory: int
) -> dict[int, NDArray[np.uint64]]:
    """Return the sets of canonicals whose component goes on, as many of the latest used as fit."""
    if stop == len(graph.components):
        return {}
    component = graph.components[stop]
    later: dict[int, NDArray[np.uint64]] = {}
    room = memory
    for row in reversed(kept):
        if graph.canonical[row] < 0 and graph.components[row] == component:
            room -= kept[row].nbytes
            if room < 0:
                break
            later[row] = kept[row]
    return dict(reversed(later.items()))


def _spans(characters: NDArray[np.int64], most: int) -> Iterator[tuple[int, int]]:
    """Cut rows into spans of at most ``most`` characters, as a text has no more shingles."""
    ends = np.cumsum(characters)
    start = 0
    while start < len(ends):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + most, side="right")))
        yield start, stop
        start = stop


def _inverse(permutation: NDArray[np.int64]) -> NDArray[np.int64]:
    places = np.empty_like(permutation)
    places[permutation] = np.arange(len(permutation))
    return places
