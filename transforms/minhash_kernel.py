"""The compiled loops of :mod:`transforms.fingerprint`: code points to shingles to MinHash.

Everything is 64-bit or 32-bit unsigned arithmetic that wraps; numba turns a mixture of signed and
unsigned integers into floats, so every constant is an explicit ``np.uint64`` or ``np.uint32``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` on its first call and keep the machine code on disk for later processes.

    numba keeps it beside the source, else in the user's cache directory, or in NUMBA_CACHE_DIR.
    Where none of them can be written it refuses to decorate; then each process compiles anew.
    """
    try:
        return cast("Callable[P, R]", njit(cache=True, nogil=True)(function))
    except RuntimeError:
        return cast("Callable[P, R]", njit(nogil=True)(function))


SHINGLE_TOKENS = 5
PERMUTATIONS = 128

SEPARATOR = np.uint32(0)
IGNORED = np.uint32(1 << 31)
"""Fold-table flag of what is neither a letter nor a separator, such as a soft hyphen."""
ALONE = np.uint32(1 << 30)
"""Fold-table flag of a letter that is a token of its own: scripts without blanks."""
EXPANDS = np.uint32(1 << 29)
"""Fold-table flag of one letter that stands for several: the rest is an index of expansions."""

_VALUE = np.uint32((1 << 29) - 1)
_START = np.uint64(0xCBF29CE484222325)
_STEP = np.uint64(0xD6E8FEB86659FD93)
_ROLL = np.uint64(0x9E3779B97F4A7C15)
_ROLL_OUT = np.uint64(pow(0x9E3779B97F4A7C15, SHINGLE_TOKENS, 1 << 64))
_ZERO = np.uint64(0)
_32 = np.uint64(32)


@compiled
def mix(value: np.uint64) -> np.uint64:
    """Spread every input bit over every output bit: the finaliser of MurmurHash3 (A. Appleby)."""
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xFF51AFD7ED558CCD)
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


@compiled
def _append(
    token: np.uint64,
    window: NDArray[np.uint64],
    rolling: np.uint64,
    tokens: int,
    out: NDArray[np.uint64],
) -> np.uint64:
    """Take one more token into the rolling hash; write the shingle that it completes, if any."""
    hashed = mix(token)
    slot = tokens % SHINGLE_TOKENS
    rolling = rolling * _ROLL + hashed - window[slot] * _ROLL_OUT
    window[slot] = hashed
    if tokens + 1 >= SHINGLE_TOKENS:
        out[tokens + 1 - SHINGLE_TOKENS] = mix(rolling)
    return rolling


@compiled
def shingle_hashes(
    points: NDArray[np.uint32],
    fold: NDArray[np.uint32],
    expansions: NDArray[np.uint32],
    out: NDArray[np.uint64],
) -> int:
    """Write the hash of each shingle of a text to ``out`` and return their number.

    A token is hashed letter by letter, a shingle by a polynomial that rolls over the hashes of
    its tokens (Karp and Rabin 1987); both end in :func:`mix`. ``out`` holds at least
    ``len(points)`` places; a text of one to four tokens has one shingle, of all of them.
    """
    window = np.zeros(SHINGLE_TOKENS, np.uint64)
    rolling = np.uint64(0)
    tokens = 0
    token = _START
    for point in points:
        folded = fold[point]
        if folded != SEPARATOR and folded < EXPANDS:
            token = (token ^ np.uint64(folded)) * _STEP
        elif folded & EXPANDS:
            first = np.int64(folded & _VALUE)
            for index in range(first + 1, first + 1 + np.int64(expansions[first])):
                token = (token ^ np.uint64(expansions[index])) * _STEP
        elif folded != IGNORED:
            if token != _START:
                rolling = _append(token, window, rolling, tokens, out)
                tokens += 1
                token = _START
            if folded & ALONE:
                token = (_START ^ np.uint64(folded & _VALUE)) * _STEP
                rolling = _append(token, window, rolling, tokens, out)
                tokens += 1
                token = _START
    if token != _START:
        rolling = _append(token, window, rolling, tokens, out)
        tokens += 1
    if 0 < tokens < SHINGLE_TOKENS:
        out[0] = mix(rolling)
        return 1
    return max(tokens - SHINGLE_TOKENS + 1, 0)


@compiled
def minima(
    shingles: NDArray[np.uint64],
    multipliers: NDArray[np.uint32],
    offsets: NDArray[np.uint32],
    out: NDArray[np.uint32],
) -> None:
    """Write the least value of each permutation ``x -> a * x + b (mod 2**32)`` over a set.

    The loop over permutations is the inner one: LLVM turns it into vector instructions.
    """
    out[:] = np.uint32(0xFFFFFFFF)
    for shingle in shingles:
        x = np.uint32(shingle >> _32)
        for j in range(PERMUTATIONS):
            out[j] = min(out[j], np.uint32(multipliers[j] * x + offsets[j]))


@compiled
def band_keys(signature: NDArray[np.uint32], rows: int, out: NDArray[np.uint32]) -> None:
    """Write one 32-bit key per band: a hash of its ``rows`` minima and its number."""
    for band in range(len(out)):
        key = np.uint64(band)
        for row in range(band * rows, (band + 1) * rows):
            key = mix(key * _ROLL + np.uint64(signature[row]))
        out[band] = np.uint32(key >> _32)


@compiled
def banded(
    points: NDArray[np.uint32],
    ends: NDArray[np.int64],
    fold: NDArray[np.uint32],
    expansions: NDArray[np.uint32],
    multipliers: NDArray[np.uint32],
    offsets: NDArray[np.uint32],
    rows: int,
    out: NDArray[np.uint32],
    filled: NDArray[np.bool_],
) -> None:
    """Fingerprint texts laid end to end; ``ends`` are where each ends in ``points``."""
    longest = 0
    start = 0
    for end in ends:
        longest = max(longest, end - start)
        start = end
    hashes = np.empty(longest, np.uint64)
    signature = np.empty(PERMUTATIONS, np.uint32)
    start = 0
    for index in range(len(ends)):
        found = shingle_hashes(points[start : ends[index]], fold, expansions, hashes)
        start = ends[index]
        filled[index] = found > 0
        if found:
            minima(hashes[:found], multipliers, offsets, signature)
            band_keys(signature, rows, out[index])


@compiled
def common(a: NDArray[np.uint64], b: NDArray[np.uint64], needed: int) -> int:
    """Count what two sorted sets share, or return -1 as soon as that cannot reach ``needed``."""
    shared = 0
    i = 0
    j = 0
    while i < len(a) and j < len(b):
        if shared + min(len(a) - i, len(b) - j) < needed:
            return -1
        x = a[i]
        y = b[j]
        shared += x == y
        i += x <= y
        j += y <= x
    return shared
