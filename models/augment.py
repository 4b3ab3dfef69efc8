"""Small changes to training sentences, for what the corpora have too little of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from random import Random

from corpus import Sentence

_SWAPPED = {"fr": 0.6, "nl": 0.6}
"""Share of names swapped in the languages whose only training text is of the 19th century."""
_SWAPPED_ELSEWHERE = 0.1
_MODERN = ("en", "de", "pt", "da", "nb")
"""Where the names for those languages come from: Latin script, news and web of today."""

Words = tuple[str, ...]


def spans(tags: tuple[str, ...]) -> Iterator[tuple[int, int, str]]:
    """Yield (first token, token after the last, label) of each name in BILUO ``tags``."""
    start = 0
    for i, tag in enumerate(tags):
        if tag[0] in "BU":
            start = i
        if tag[0] in "LU":
            yield start, i + 1, tag[2:]


def biluo(length: int, label: str) -> list[str]:
    """Write the tags of one name of ``length`` tokens."""
    if length == 1:
        return [f"U-{label}"]
    return [f"B-{label}", *[f"I-{label}"] * (length - 2), f"L-{label}"]


class Names:
    """The annotated names of each language and label, to swap for one another."""

    def __init__(self, sentences: Iterable[Sentence]) -> None:
        self._pools: defaultdict[tuple[str, str], list[Sentence]] = defaultdict(list)
        for s in sentences:
            for start, end, label in spans(s.tags):
                name = Sentence(s.words[start:end], s.spaces[start:end], (), s.language)
                self._pools[s.language, label].append(name)

    def swap(self, sentence: Sentence, random: Random) -> Sentence:
        """Replace some names by others of the same label."""
        share = _SWAPPED.get(sentence.language, _SWAPPED_ELSEWHERE)
        words, spaces, tags = list(sentence.words), list(sentence.spaces), list(sentence.tags)
        for start, end, label in reversed(list(spans(sentence.tags))):
            if random.random() >= share:
                continue
            language = sentence.language
            if language in _SWAPPED:
                language = random.choice(_MODERN)
            name = random.choice(self._pools[language, label])
            last = spaces[end - 1]
            words[start:end] = name.words
            spaces[start:end] = [*name.spaces[:-1], last]
            tags[start:end] = biluo(len(name.words), label)
        return replace(sentence, words=tuple(words), spaces=tuple(spaces), tags=tuple(tags))


def recase(sentence: Sentence, random: Random) -> Sentence:
    """Write one sentence in thirty in small letters, one in thirty in capitals."""
    draw = random.random() * 30
    if draw < 1:
        return replace(sentence, words=tuple(w.lower() for w in sentence.words))
    if draw < 2:
        return replace(sentence, words=tuple(w.upper() for w in sentence.words))
    return sentence


def curl(sentence: Sentence, random: Random) -> Sentence:
    """Set one sentence in five with typographic quotes and apostrophes."""
    if random.random() >= 0.2:
        return sentence
    opening, closing = random.choice(("“”", "„“", "«»", "‘’"))
    words = []
    quoted = False
    for word in sentence.words:
        if word == '"':
            quoted = not quoted
            words.append(opening if quoted else closing)
        else:
            words.append(word.replace("'", "’"))
    return replace(sentence, words=tuple(words))


def join(sentences: list[Sentence], random: Random) -> Sentence:
    """Make one text of consecutive sentences, parted by a blank, a line end or an empty line."""
    words: list[str] = []
    spaces: list[bool] = []
    tags: list[str] = []
    for s in sentences:
        if words:
            mark = random.choices(("", "\n", "\n\n"), (6, 1, 2))[0]
            spaces[-1] = not mark
            if mark:
                words.append(mark)
                spaces.append(False)
                tags.append("O")
        words += s.words
        spaces += s.spaces
        tags += s.tags
    return Sentence(tuple(words), tuple(spaces), tuple(tags), sentences[0].language)
