"""What the models learn from: texts drawn set by set, a little changed each time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain
from pathlib import Path
from random import Random

from augment import Names, curl, join, listed, recase, unaccent
from corpus import HELD_OUT, Sentence, Text, read, read_text, tokenise
from gazetteers import gazetteer
from openings import Openings, addressed, opened, openings

from transforms.entity_models import tokeniser


class Sampler:
    """An endless, reproducible stream of training texts, drawn set by set with given weights."""

    def __init__(
        self,
        corpora: list[list[Sentence]],
        weights: list[float],
        names: Names,
        openings: Mapping[str, Openings],
        random: Random,
    ) -> None:
        self._random = random
        self._corpora = corpora
        self._weights = weights
        self._names = names
        self._openings = openings

    def __iter__(self) -> Iterator[Sentence]:
        while True:
            corpus = self._random.choices(self._corpora, self._weights)[0]
            start = self._random.randrange(len(corpus))
            chosen = corpus[start : start + self._random.randint(1, 5)]
            yield join([self._changed(s) for s in chosen], self._random)

    def _changed(self, sentence: Sentence) -> Sentence:
        random = self._random
        by = self._openings[sentence.language]
        changed = addressed(self._names.swap(sentence, random), by, random)
        changed = recase(opened(changed, by, random), random)
        return unaccent(curl(changed, random), random)


def load(name: str, data: Path, translated: Path) -> Iterator[Text]:
    """Read a training set, one of the data or one that ``translate.py`` made."""
    return read_text(translated, name) if "_in_" in name else read(data, name)


def learnt_from(name: str) -> int | None:
    """Where the held-out end of a training set begins, from its end; None if there is none."""
    return -HELD_OUT[name] if name in HELD_OUT else None


def sampler(
    sets: Mapping[str, float], data: Path, translated: Path, sources: Path | None, seed: int
) -> Sampler:
    """Read training sets, given with their shares, and the names to swap.

    With ``sources``, sentences are made to begin with other words (see ``openings``).
    """
    pipeline = cache(tokeniser)
    corpora = [
        [tokenise(text, pipeline) for text in list(load(n, data, translated))[: learnt_from(n)]]
        for n in sets
    ]
    languages = sorted({corpus[0].language for corpus in corpora})
    names = {
        language: {
            label: listed(found, pipeline(language)) for label, found in gazetteer(language).items()
        }
        for language in languages
    }
    annotated = Names(chain.from_iterable(corpora), names)
    weights = [len(corpus) * share for corpus, share in zip(corpora, sets.values(), strict=True)]
    opening = dict.fromkeys(languages, Openings())
    for language in languages if sources else ():
        listed_names = chain.from_iterable(names[language].values())
        known = chain(chain.from_iterable(corpora), listed_names)
        opening[language] = openings(language, sources, known)
    return Sampler(corpora, weights, annotated, opening, Random(seed))
