"""The compiled loops of :mod:`transforms.stream.arrivals`: a chained hash table over all columns.

Entry ``row * COLUMNS + column`` of the table stands for a document under one of its keys. ``heads``
holds the newest entry of each slot, ``nexts`` the one before each entry; -1 ends a chain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from transforms.minhash_kernel import compiled, mix

if TYPE_CHECKING:
    from numpy.typing import NDArray


@compiled
def enter(
    keys: NDArray[np.uint32],
    filled: NDArray[np.bool_],
    first: int,
    end: int,
    heads: NDArray[np.int32],
    nexts: NDArray[np.int32],
) -> None:
    """Enter the rows from ``first`` to ``end`` under their keys, the bands only of ``filled``.

    The bands are all columns but the first and the last.
    """
    columns = keys.shape[1]
    slots = np.uint64(len(heads) - 1)
    for row in range(first, end):
        for column in range(columns):
            if filled[row] or column in (0, columns - 1):
                slot = _slot(keys[row, column], column, slots)
                nexts[row, column] = heads[slot]
                heads[slot] = row * columns + column


@compiled
def find(
    wanted: NDArray[np.uint32],
    column: int,
    most: int,
    keys: NDArray[np.uint32],
    alive: NDArray[np.bool_],
    heads: NDArray[np.int32],
    nexts: NDArray[np.int32],
) -> NDArray[np.int64]:
    """Rows that are alive and have a wanted key in a column; of each key the newest ``most``."""
    columns = keys.shape[1]
    slots = np.uint64(len(heads) - 1)
    found = np.empty(16, np.int64)
    count = 0
    for key in wanted:
        room = most
        entry = heads[_slot(key, column, slots)]
        while entry >= 0 and room > 0:
            row = entry // columns
            its = entry % columns
            if its == column and keys[row, column] == key and alive[row]:
                if count == len(found):
                    grown = np.empty(2 * count, np.int64)
                    grown[:count] = found
                    found = grown
                found[count] = row
                count += 1
                room -= 1
            entry = nexts[row, its]
    return found[:count]


@compiled
def _slot(key: np.uint32, column: int, slots: np.uint64) -> np.int64:
    """Slot of a key of a column; ``slots`` is their number, a power of two, less one."""
    return np.int64(mix(np.uint64(column) << np.uint64(32) | np.uint64(key)) & slots)
