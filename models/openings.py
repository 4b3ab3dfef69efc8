"""What a sentence may begin with that has a capital and is no name.

Our texts are few, and those in French, Spanish and Italian are translations out of few words: a
model that has not met "Tuttavia" at the beginning of a sentence takes it for somebody's name, and
"Signor" for his first one. So sentences are made to begin with any frequent word of the language,
or with words that address an audience, and people are addressed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml
from augment import spans
from corpus import Sentence
from sources import frequent

WORDS = 15_000
_LISTED = {"nn": "nb"}
"""Languages that have the list of a neighbour."""
_UNOPENED = frozenset(["zh", "hr", "hu", "pl", "ru", "sk", "sr", "tr"])
"""Chinese has no capitals. Names have endings in the others, and so stand in the lists of frequent
words in forms that no list of names has."""
_OPENED = 0.25
_GREETED = 0.02
_ADDRESSED = 1 / 12
_COMMA = 0.4
"""Shares of the sentences, of the people, and of the words that are put before a sentence."""


@dataclass(frozen=True, slots=True)
class Openings:
    """What sentences of one language are made to begin with; ``titles`` go before people."""

    words: Sequence[str] = ()
    greetings: Sequence[str] = ()
    titles: Sequence[str] = ()


def openings(language: str, sources: Path, sentences: Iterable[Sentence]) -> Openings:
    """The openings of a language, without the words that are names.

    Args:
        language: ISO 639-1.
        sources: folder of the packages.
        sentences: texts of all languages, and listed names as sentences of a name each.
    """
    if language in _UNOPENED:
        return Openings()
    names: set[str] = set()
    parts: set[str] = set()
    small: set[str] = set()
    for s in sentences:
        if s.language == language:
            small.update(w for w, t in zip(s.words, s.tags, strict=False) if t == "O")
        found = spans(s.tags) if s.tags else [(0, len(s.words), "")]
        for start, end, _ in found:
            (names if end == start + 1 else parts).update(map(str.lower, s.words[start:end]))
    listed = frequent(sources, _LISTED.get(language, language), WORDS)
    own = (w for w in listed if w.isalpha() and len(w) > 1)
    told = _told().get(language, {})
    return Openings(
        [w for w in own if w not in names and (w not in parts or w in small)],
        told.get("greetings", "").split("; "),
        told.get("titles", "").split("; "),
    )


def opened(sentence: Sentence, by: Openings, random: Random) -> Sentence:
    """Begin one sentence in four with a frequent word, one in fifty with an address."""
    can_be = by.words and sentence.words
    if not can_be or (draw := random.random()) > _OPENED + _GREETED:
        return sentence
    if any(by.greetings) and draw < _GREETED:
        return _after(random.choice(by.greetings).split(), sentence)
    word = random.choice(by.words).title()
    first, tag = sentence.words[0], sentence.tags[0]
    if tag == "O" and first.isalpha() and first.istitle():
        return replace(sentence, words=(word, *sentence.words[1:]))
    return _after([word, ","] if random.random() < _COMMA else [word], sentence)


def addressed(sentence: Sentence, by: Openings, random: Random) -> Sentence:
    """Put a form of address, or an office, before one person in twelve."""
    words, spaces, tags = list(sentence.words), list(sentence.spaces), list(sentence.tags)
    for start, _, label in reversed(list(spans(sentence.tags)) if any(by.titles) else []):
        if label == "PER" and random.random() < _ADDRESSED:
            title = random.choice(by.titles).split()
            words[start:start] = title
            spaces[start:start] = [True] * len(title)
            tags[start:start] = ["O"] * len(title)
    return replace(sentence, words=tuple(words), spaces=tuple(spaces), tags=tuple(tags))


def _after(words: Sequence[str], sentence: Sentence) -> Sentence:
    """The sentence after other words, commas among them."""
    spaces = [following != "," for following in (*words[1:], "")]
    return replace(
        sentence,
        words=(*words, *sentence.words),
        spaces=(*spaces, *sentence.spaces),
        tags=(*["O"] * len(words), *sentence.tags),
    )


@cache
def _told() -> Any:
    return yaml.safe_load(Path(__file__).with_name("openings.yaml").read_text(encoding="utf-8"))
