from pathlib import Path

import numpy as np
import pytest
from spacy.strings import get_string_id
from vectors import (
    Block,
    capitalised,
    chained,
    entries,
    narrowed,
    read,
    save,
    side_by_side,
    table,
    titled,
)


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


def test_a_table_is_saved_with_its_words(tmp_path: Path) -> None:
    words = ["sea", "Rome", "Łódź", "fr mer"]
    made = table(Block(words, np.eye(4, dtype=np.float32)), 10)
    save(made, words, tmp_path / "made")

    found = read(tmp_path / "made")

    assert found.key2row == made.key2row
    assert (found.data == made.data).all()


def test_a_word_has_the_row_that_comes_first() -> None:
    block = Block(["a", "b"], np.array([[1, 0], [0, 1]], np.float32))
    found = entries(block, [("x", 1), ("y", 0), ("x", 0)])
    assert found.words == ["x", "y"]
    assert found.vectors.tolist() == [[0, 1], [1, 0]]
    again = chained([found, Block(["y", "z"], np.array([[5, 5], [6, 6]], np.float32))])
    assert again.words == ["x", "y", "z"]
    assert again.vectors.tolist() == [[0, 1], [1, 0], [6, 6]]


def test_titled_leaves_out_what_begins_with_no_letter() -> None:
    found = titled(Block(["rome", "1944", "new-york"], np.eye(3, dtype=np.float32)))
    assert found.words == ["Rome", "New-York"]
    assert found.vectors.argmax(axis=1).tolist() == [0, 2]
