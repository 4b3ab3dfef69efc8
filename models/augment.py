"""Small changes to training sentences, for what the corpora have too little of."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from random import Random
from unicodedata import combining, normalize

from corpus import Sentence
from spacy.language import Language

_SWAPPED = {"fr": 0.5, "es": 0.5, "it": 0.5, "nl": 0.6, "ca": 0.5, "en": 0.25, "de": 0.3}
"""Share of names swapped. In the languages without modern text of their own they must be."""
_SWAPPED_ELSEWHERE = 0.15
_LISTED = {"fr": 0.8, "es": 0.8, "it": 0.8, "nl": 0.8, "ca": 0.8, "en": 0.4, "de": 0.4, "pt": 0.3}
"""Share of the swapped names that come from ``gazetteers``, not from the annotated ones."""
_LISTED_ELSEWHERE = 0.2
_STRANGE = {"en": 0.35}
"""Share of the swapped names that end in a word that stands for something else (a macron is a sign
of phonetics), or that nobody has seen: word vectors must not be all that tells a name."""
_VOWELS = tuple("aeiouyàâäéèêëîïôöùûüAEIOUYÀÂÄÉÈÊËÎÏÔÖÙÛÜhH")
_ELIDING = frozenset(["fr", "it", "ca"])
_DRAWS = 8
"""Tries to find a name that begins with a vowel, or does not, as the word before asks."""

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
    """The names of each language and label, to swap for one another.

    ``listed`` are names that were annotated nowhere, as sentences of a name each, by label.
    """

    def __init__(
        self, sentences: Iterable[Sentence], listed: Mapping[str, Mapping[str, list[Sentence]]]
    ) -> None:
        self._annotated: defaultdict[tuple[str, str], list[Sentence]] = defaultdict(list)
        self._listed = listed
        words: defaultdict[str, set[str]] = defaultdict(set)
        for s in sentences:
            if s.language in _STRANGE:
                found = zip(s.words, s.tags, strict=True)
                words[s.language].update(w for w, t in found if t == "O" and _is_plain(w))
            for start, end, label in spans(s.tags):
                name = Sentence(s.words[start:end], s.spaces[start:end], (), s.language)
                self._annotated[s.language, label].append(name)
        self._words = {language: sorted(found) for language, found in words.items()}

    def swap(self, sentence: Sentence, random: Random) -> Sentence:
        """Replace some names by others of the same label."""
        share = _SWAPPED.get(sentence.language, _SWAPPED_ELSEWHERE)
        words, spaces, tags = list(sentence.words), list(sentence.spaces), list(sentence.tags)
        for start, end, label in reversed(list(spans(sentence.tags))):
            if random.random() >= share:
                continue
            name = self._draw(sentence, start, label, random)
            last = spaces[end - 1]
            words[start:end] = name.words
            spaces[start:end] = [*name.spaces[:-1], last]
            tags[start:end] = biluo(len(name.words), label)
        return replace(sentence, words=tuple(words), spaces=tuple(spaces), tags=tuple(tags))

    def _draw(self, sentence: Sentence, start: int, label: str, random: Random) -> Sentence:
        language = sentence.language
        pool = self._annotated[language, label]
        if random.random() < _LISTED.get(language, _LISTED_ELSEWHERE):
            pool = self._listed.get(language, {}).get(label) or pool
        name = random.choice(pool)
        if language in _STRANGE and random.random() < _STRANGE[language]:
            return _strange(name, self._words[language], random)
        if language in _ELIDING and start:
            elided = sentence.words[start - 1].endswith(("'", "’"))
            full = sentence.words[start - 1].lower() in ("de", "la", "le", "di", "lo")
            for _ in range(_DRAWS if elided or full else 0):
                if name.words[0].startswith(_VOWELS) == elided:
                    break
                name = random.choice(pool)
        return name


def _is_plain(word: str) -> bool:
    return len(word) > 3 and word.isalpha() and word.islower()


def _strange(name: Sentence, words: list[str], random: Random) -> Sentence:
    """End a name in a word that is no name, or in one with a letter changed."""
    *first, last = name.words
    if words and random.random() < 0.5:
        last = random.choice(words).title()
    elif len(last) > 3:
        place = random.randrange(1, len(last))
        last = last[:place] + random.choice("aeiounrlkt") + last[place + 1 :]
    return replace(name, words=(*first, last))


def listed(names: Iterable[str], pipeline: Language) -> list[Sentence]:
    """Cut names with the tokeniser of their language, as ``Names`` takes them."""
    return [
        Sentence(
            tuple(sys.intern(token.text) for token in doc),
            tuple(bool(token.whitespace_) for token in doc),
            (),
            pipeline.lang,
        )
        for doc in map(pipeline.make_doc, names)
        if len(doc)
    ]


def recase(sentence: Sentence, random: Random) -> Sentence:
    """Write of sixty sentences one in small letters, one in capitals, two as Headlines Are."""
    draw = random.random() * 60
    if draw < 1:
        return replace(sentence, words=tuple(w.lower() for w in sentence.words))
    if draw < 2:
        return replace(sentence, words=tuple(w.upper() for w in sentence.words))
    if draw < 4:
        return replace(sentence, words=tuple(w[:1].upper() + w[1:] for w in sentence.words))
    return sentence


def unaccent(sentence: Sentence, random: Random) -> Sentence:
    """Write one sentence in fifty without accents."""
    if random.random() >= 0.02:
        return sentence
    plain = (
        "".join(c for c in normalize("NFD", word) if not combining(c)) or word
        for word in sentence.words
    )
    return replace(sentence, words=tuple(plain))


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
