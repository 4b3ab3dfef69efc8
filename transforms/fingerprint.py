"""Fingerprints of texts: what says that two documents are the same, or nearly so.

*Exact*: :func:`content_hash` is equal for texts that differ only in case, blanks and Unicode
compatibility forms.

*Near*: a text is the set of its 5-word shingles, and two texts are as alike as the Jaccard
similarity of their sets (Broder 1997, "On the resemblance and containment of documents"). Words are
runs of letters, digits and marks, folded to lower case and to compatibility forms; punctuation,
blanks and invisible characters do not count, accents do. In scripts that put no blanks between
words (Han, kana, Thai, Lao, Khmer, Burmese and others) every character is a token of its own, so a
shingle there is five characters. A text of one to four tokens has one shingle; one of none has
none, and can only be an exact duplicate.

*Candidates*: MinHash with 128 permutations estimates the Jaccard similarity with a standard error
of at most 0.045. The permutations are affine maps modulo 2**32 of shingles that are already
well hashed, where pairwise independence is enough in practice (Mitzenmacher and Vadhan 2008, "Why
simple hash functions work"). The signature is cut into bands; two texts with one whole band in
common are candidates (Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", 3.4), and
whoever removes one of them verifies the true similarity first. Chance of being a candidate:

=============  =====  =====  =====  =====  =====  =====  =====
bands x rows   J=.3   J=.5   J=.6   J=.7   J=.8   J=.85  J=.9
=============  =====  =====  =====  =====  =====  =====  =====
16 x 8         .001   .061   .237   .613   .947   .994   .9999
18 x 7         .004   .132   .400   .787   .986   .999   1
21 x 6         .015   .282   .633   .928   .998   .9999  1
25 x 5         .059   .548   .868   .990   .9999  1      1
=============  =====  =====  =====  =====  =====  =====  =====

A lost pair is never found again while a false candidate costs a comparison of microseconds:
21 x 6 it is.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from transforms.minhash_kernel import (
    ALONE,
    EXPANDS,
    IGNORED,
    PERMUTATIONS,
    band_keys,
    banded,
    common,
    minima,
    shingle_hashes,
)
from transforms.unspaced import UNSPACED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

BANDS = 21
ROWS = 6

_BLANKS_TO_SPACES = bytes.maketrans(b"\t\n\v\f\r\x1c\x1d\x1e\x1f", b" " * 9)

_BLOCK_POINTS = 1 << 18
"""Code points fingerprinted at a time: a mebibyte, which stays in the processor's cache."""

_REGULAR = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3),
    (0x20000, 0x2F7FF),
    (0x30000, 0x3FFFF),
)
"""Ranges of Han and Hangul whose letters all fold to themselves: filled without asking."""

_ASKED = (
    (0, 0x33FF),
    (0x4DC0, 0x4DFF),
    (0xA000, 0xABFF),
    (0xF900, 0x1FFFF),
    (0x2F800, 0x2FA1F),
    (0xE0000, 0xE01EF),
)
"""The ranges that are looked up letter by letter; the rest is unassigned, surrogate or private."""


def normalised(text: str) -> bytes:
    """Return what makes two texts the same: NFKC, case-folded, runs of blanks one space; in UTF-8.

    Blanks are those that NFKC makes a space, and the ASCII ones; none remain at either end.
    """
    if text.isascii():
        folded = text.lower()
    else:
        folded = unicodedata.normalize("NFKC", text).casefold()
        folded = unicodedata.normalize("NFKC", folded)
    encoded = folded.encode("utf-8", "surrogatepass").translate(_BLANKS_TO_SPACES)
    while b"  " in encoded:  # Each turn halves the runs; several times as fast as split and join.
        encoded = encoded.replace(b"  ", b" ")
    return encoded.strip()


def content_hash(text: str) -> str:
    """Return the blake2b-128 hex digest of the :func:`normalised` text."""
    return blake2b(normalised(text), digest_size=16).hexdigest()


def shingles(text: str) -> NDArray[np.uint64]:
    """Return the text's shingles as a sorted set of 64-bit hashes; empty for a text without words.

    64 bits, so that a chance collision moves the similarity of no two real texts.
    """
    points = _code_points(text)
    hashes = np.empty(len(points), np.uint64)
    return np.unique(hashes[: shingle_hashes(points, *fold_table(), hashes)])


def signature(shingle_set: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Return the MinHash signature, 128 minima, of a set of shingles (of none: all ones)."""
    out = np.empty(PERMUTATIONS, np.uint32)
    minima(shingle_set, *_permutations(), out)
    return out


def band_hashes(
    minhash: NDArray[np.uint32], bands: int = BANDS, rows: int = ROWS
) -> NDArray[np.uint32]:
    """Return one key per band of a signature; texts that agree on one key are candidates.

    Raises ValueError if ``bands * rows`` is more than the signature holds.
    """
    if bands * rows > len(minhash):
        raise ValueError(f"{bands} bands of {rows} rows need more than {len(minhash)} minima")
    out = np.empty(bands, np.uint32)
    band_keys(minhash, rows, out)
    return out


def fingerprints(
    texts: Sequence[str], bands: int = BANDS, rows: int = ROWS
) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """Return the band keys of many texts, and which of them have any.

    The keys are of shape ``(len(texts), bands)``; those of a text without words are zero and mean
    nothing. Equal to :func:`band_hashes` of each text, several times as fast.

    Raises ValueError if ``bands * rows`` is more than 128.
    """
    if bands * rows > PERMUTATIONS:
        raise ValueError(f"{bands} bands of {rows} rows need more than {PERMUTATIONS} minima")
    keys = np.zeros((len(texts), bands), np.uint32)
    filled = np.zeros(len(texts), np.bool_)
    for block in _blocks(texts):
        ends = np.cumsum([len(text) for text in texts[block]], dtype=np.int64)
        points = _code_points("".join(texts[block]))
        banded(points, ends, *fold_table(), *_permutations(), rows, keys[block], filled[block])
    return keys, filled


def jaccard(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> float:
    """Return the Jaccard similarity of two sorted sets; of two empty ones, 0."""
    shared = common(a, b, 0)
    return shared / max(len(a) + len(b) - shared, 1)


def estimate(a: NDArray[np.uint32], b: NDArray[np.uint32]) -> float:
    """Return the unbiased estimate of the Jaccard similarity from two signatures."""
    return float(np.count_nonzero(a == b)) / len(a)


@cache
def fold_table() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return the table of what each code point counts as, and the expansions it refers to.

    A letter (general category L, M or N) is its NFKC case-folded form, a format character or
    variation selector nothing, anything else a separator; the flags are those of
    :mod:`transforms.minhash_kernel`. An expansion is its length and its letters.
    """
    table = np.zeros(0x110000, np.uint32)
    expansions: list[int] = []
    for first, last in _REGULAR:
        table[first : last + 1] = np.arange(first, last + 1)
    for first, last in _ASKED:
        for point in range(first, last + 1):
            character = chr(point)
            category = unicodedata.category(character)
            if category == "Cf" or 0xFE00 <= point <= 0xFE0F or point >= 0xE0000:
                # A zero-width space is there to part words; the rest of its kind is not.
                table[point] = 0 if point == 0x200B else IGNORED
            elif category[0] in "LMN":
                folded = _folded(character)
                if len(folded) == 1:
                    table[point] = ord(folded)
                elif folded:
                    table[point] = EXPANDS | len(expansions)
                    expansions += [len(folded), *map(ord, folded)]
    for first, last in UNSPACED:
        script = table[first : last + 1]
        script[(script > 0) & (script < EXPANDS)] |= ALONE
    return table, np.array(expansions, np.uint32)


def _folded(character: str) -> str:
    folded = unicodedata.normalize("NFKC", character).casefold()
    folded = unicodedata.normalize("NFKC", folded)
    if len(folded) == 1:
        return folded
    return "".join(part for part in folded if unicodedata.category(part)[0] in "LMN")


@cache
def _permutations() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    # PCG64 is stable across numpy versions, so fingerprints kept from earlier runs stay valid.
    drawn = np.random.PCG64(1997).random_raw(PERMUTATIONS)
    multipliers = (drawn >> np.uint64(32)).astype(np.uint32) | np.uint32(1)
    return multipliers, drawn.astype(np.uint32)


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _blocks(texts: Sequence[str]) -> Iterator[slice]:
    start = 0
    points = 0
    for index, text in enumerate(texts):
        if points and points + len(text) > _BLOCK_POINTS:
            yield slice(start, index)
            start, points = index, 0
        points += len(text)
    if start < len(texts):
        yield slice(start, len(texts))
