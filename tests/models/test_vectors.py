import gzip
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import vectors
from spacy.strings import get_string_id
from vectors import Block, brown, capitalised, narrowed, side_by_side, table


def row(found, word: str) -> int:
    return found.key2row[get_string_id(word)]


def test_a_word_has_the_vectors_of_all_sources_side_by_side() -> None:
    first = Block(["sea", "Rome"], np.array([[1, 2], [3, 4]], np.float32))
    second = Block(["Rome", "Oslo"], np.array([[5], [6]], np.float32))
    both = side_by_side([first, second])
    assert both.words == ["Rome", "sea", "Oslo"]
    assert both.vectors.tolist() == [[3, 4, 5], [1, 2, 0], [0, 0, 6]]


def test_names_are_looked_up_as_they_are_written() -> None:
    block = Block(["rome", "nato", "1944"], np.eye(3, dtype=np.float32))
    found = capitalised(block)
    assert found.words == ["Rome", "ROME", "Nato", "NATO"]
    assert found.vectors.argmax(axis=1).tolist() == [0, 0, 1, 1]
    assert capitalised(block, small=True).words[0] == "rome"


def test_words_beyond_the_rows_share_the_nearest_one() -> None:
    vectors_ = np.array([[4, 0], [0, 4], [3, 0.5], [0.5, 3]], np.float32)
    found = table(Block(["a", "b", "c", "d"], vectors_), rows=2)
    assert found.shape == (2, 2)
    assert [row(found, word) for word in "abcd"] == [0, 1, 0, 1]


def test_equal_vectors_have_one_row() -> None:
    found = table(Block(["a", "b", "c"], np.array([[1, 0], [0, 1], [1, 0]], np.float32)), 10)
    assert found.shape == (2, 2)
    assert row(found, "a") == row(found, "c") != row(found, "b")


def test_values_are_rounded_to_few_levels() -> None:
    values = np.random.default_rng(0).normal(size=(500, 20)).astype(np.float32)
    found = table(Block([str(i) for i in range(500)], values), 500)
    assert len(np.unique(found.data)) <= 31
    assert np.corrcoef(found.data.ravel(), values.ravel())[0, 1] > 0.98


def test_narrowing_keeps_what_varies_most() -> None:
    values = np.random.default_rng(0).normal(size=(200, 10)).astype(np.float32)
    values[:, 3:] *= 0.01
    kept = narrowed(Block([str(i) for i in range(200)], values), 3).vectors
    assert kept.shape == (200, 3)
    assert kept.var(axis=0).sum() == pytest.approx(values.var(axis=0).sum(), rel=0.01)


def test_words_of_one_cluster_have_one_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clusters = {"Köln": 80, "Bonn": 80, "und": 26, "unknown": 0}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as wheel:
        packed = gzip.compress(json.dumps(clusters).encode())
        wheel.writestr("spacy_lookups_data/data/de_lexeme_cluster.json.gz", packed)
    (tmp_path / vectors.BROWN).write_bytes(content.getvalue())
    with pytest.raises(SystemExit, match="not the file"):
        brown(tmp_path, "de", 10)

    digest = vectors.hashlib.sha256(content.getvalue()).hexdigest()
    monkeypatch.setitem(vectors.DIGESTS, vectors.BROWN, digest)
    block = brown(tmp_path, "de", 10)
    assert block.words == ["Köln", "Bonn", "und"]
    assert (block.vectors[0] == block.vectors[1]).all()
    assert (block.vectors[0] != block.vectors[2]).any()
