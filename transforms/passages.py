"""The passages that two texts share, and what stands in only one of them.

A passage is a run of words that both texts have, as long as it can be made at either end; passages
may overlap. Words are those of :mod:`transforms.fingerprint`: runs of letters, digits and marks,
whatever their case and compatibility form; in scripts without blanks each character is one.
Passages have at least five words, as many as a shingle there, or all the words of a shorter text.

They are found by seeds: five words that the other text has as well are extended both ways, and the
search goes on at the end of the passage (as in greedy string tiling, Wise 1993, "String Similarity
via Greedy String Tiling and Running Karp-Rabin Matching"). The work is bounded by the number of
words: a seed that is all over the other text is tried in a few places only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from transforms.unspaced import UNSPACED

SEED_WORDS = 5
MAX_WORDS = 250_000
"""Words of each text that are looked at: those of an English text of 1.5 million characters."""

_PLACES = 8
"""Places in the other text that a seed is tried in."""

_STEPS_BACK = 8
"""Words that may be compared backwards, for each word of a text."""

_LAST_MARK = 0x1FFFF
_WITHIN = ("Cf", "Mn", "Mc", "Me")
_ZERO_WIDTH_SPACE = "\u200b"
"""It is there to part words; the rest of its kind (Cf) is not."""


@dataclass(frozen=True, slots=True)
class Span:
    """Characters ``[start, end)`` of a text, which are ``words`` words."""

    start: int
    end: int
    words: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two texts have in common.

    ``shared`` of the ``words`` of the text lie in passages that the other text has too; so do
    ``other_shared`` of its ``other_words``. ``passages`` are places in the text, ``only_here`` are
    stretches of it in no passage, ``only_there`` such stretches of the other text; all of them
    longest first. ``is_cut`` tells that only the first ``MAX_WORDS`` words were looked at.
    """

    words: int
    other_words: int
    shared: int
    other_shared: int
    passages: tuple[Span, ...]
    only_here: tuple[Span, ...]
    only_there: tuple[Span, ...]
    is_cut: bool


def compare(text: str, other: str) -> Comparison:
    """Find the passages of ``text`` that ``other`` has as well, and what is in only one of them."""
    here, there = _Words(text), _Words(other)
    matches = list(_matches(here.words, there.words))
    covered = _covered(len(here.words), [(start, length) for start, _, length in matches])
    other_covered = _covered(len(there.words), [(start, length) for _, start, length in matches])
    passages: list[tuple[int, int]] = []
    for start, _, length in matches:  # each goes further than the one before, and may contain it
        while passages and start <= passages[-1][0]:
            passages.pop()
        passages.append((start, length))
    return Comparison(
        words=len(here.words),
        other_words=len(there.words),
        shared=sum(covered),
        other_shared=sum(other_covered),
        passages=here.spans(passages),
        only_here=here.spans(_gaps(covered)),
        only_there=there.spans(_gaps(other_covered)),
        is_cut=here.is_cut or there.is_cut,
    )


class _Words:
    """The words of a text, folded, and where they stand."""

    def __init__(self, text: str) -> None:
        self.words: list[str] = []
        self._starts: list[int] = []
        self._ends: list[int] = []
        self.is_cut = False
        for found in _word().finditer(text):
            if len(self.words) == MAX_WORDS:
                self.is_cut = True
                break
            self.words.append(_folded(found[0]))
            self._starts.append(found.start())
            self._ends.append(found.end())

    def spans(self, runs: Iterable[tuple[int, int]]) -> tuple[Span, ...]:
        """Runs of words, (first, number), as places in the text, longest first."""
        longest_first = sorted(runs, key=lambda run: (-run[1], run[0]))
        return tuple(
            Span(self._starts[first], self._ends[first + number - 1], number)
            for first, number in longest_first
        )


@cache
def _word() -> re.Pattern[str]:
    """A word. Marks and format characters belong to the word that they follow."""
    points = (chr(point) for point in range(_LAST_MARK))
    within = "".join(point for point in points if unicodedata.category(point) in _WITHIN)
    within = f"[{within.replace(_ZERO_WIDTH_SPACE, '')}\U000e0100-\U000e01ef]"
    alone = "".join(f"{chr(first)}-{chr(last)}" for first, last in UNSPACED)
    spaced = f"[^\\W_{alone}]+"
    return re.compile(f"{spaced}(?:{within}+(?:{spaced})?)*|(?=\\w)[{alone}]{within}*")


def _folded(word: str) -> str:
    """The form in which words are compared."""
    if word.isascii():
        return word.lower()
    folded = unicodedata.normalize("NFKC", word).casefold()
    return "".join(
        letter
        for letter in unicodedata.normalize("NFKC", folded)
        if unicodedata.category(letter) != "Cf" and not "\ufe00" <= letter <= "\ufe0f"
    )


def _matches(here: Sequence[str], there: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """(first word here, first word there, number of words) of each passage, in order."""
    seed = min(SEED_WORDS, len(here), len(there))
    if not seed:
        return
    seeds, other_seeds = (
        list(zip(*(words[first:] for first in range(seed)), strict=False))
        for words in (here, there)
    )
    places: dict[tuple[str, ...], list[int]] = {}
    for place, key in enumerate(other_seeds):
        known = places.get(key)
        if known is None:
            places[key] = [place]
        elif len(known) < _PLACES:
            known.append(place)
    steps_back = _STEPS_BACK * len(here)
    start, behind = 0, -1  # behind: where the other text goes on after the passage before
    while start < len(seeds):
        key = seeds[start]
        tried = places.get(key, [])
        if len(tried) == _PLACES and 0 <= behind < len(other_seeds) and other_seeds[behind] == key:
            tried = [behind, *tried]
        best = (0, 0, 0)
        for place in tried:
            length = seed + _common(here, there, start + seed, place + seed)
            back = _common_back(here, there, start, place, steps_back)
            steps_back -= back
            if length + back > best[2]:
                best = (start - back, place - back, length + back)
        if best[2]:
            yield best
            # The next seed has one more word than the passage: a longer one may overlap its end.
            start, behind = best[0] + best[2] - seed + 1, best[1] + best[2] - seed + 1
        else:
            start, behind = start + 1, behind + 1


def _common(here: Sequence[str], there: Sequence[str], start: int, place: int) -> int:
    """Number of words in common from these places on."""
    length = 0
    longest = min(len(here) - start, len(there) - place)
    while length < longest and here[start + length] == there[place + length]:
        length += 1
    return length


def _common_back(
    here: Sequence[str], there: Sequence[str], start: int, place: int, most: int
) -> int:
    """Number of words in common before these places, ``most`` at most."""
    length = 0
    longest = min(start, place, most)
    while length < longest and here[start - length - 1] == there[place - length - 1]:
        length += 1
    return length


def _covered(words: int, runs: Sequence[tuple[int, int]]) -> bytearray:
    """Of each word, whether it lies in one of the runs."""
    covered = bytearray(words)
    for first, number in runs:
        covered[first : first + number] = b"\1" * number
    return covered


def _gaps(covered: bytearray) -> Iterator[tuple[int, int]]:
    """Runs of words, (first, number), that are not covered."""
    for gap in re.finditer(rb"\0+", covered):
        yield gap.start(), gap.end() - gap.start()
