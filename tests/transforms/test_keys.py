from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from transforms.document import Document
from transforms.fingerprint import BANDS, content_hash, fingerprints
from transforms.keys import COLUMNS, column, concatenate, keys_of, read_keys, write_keys

TEXTS = ["one two three four five six", "", "!!", "One, two, three, four, five, six."]


def documents(make_document: Callable[..., Document]) -> list[Document]:
    return [
        make_document(str(number), text, content_hash=content_hash(text))
        for number, text in enumerate(TEXTS)
    ]


def test_keys_survive_in_their_file(tmp_path: Path, make_document: Callable[..., Document]) -> None:
    keys = keys_of(documents(make_document), near=True)
    write_keys(str(tmp_path / "keys"), keys)
    found = read_keys(str(tmp_path / "keys"))
    assert np.array_equal(found.contents, keys.contents)
    assert np.array_equal(found.bands, fingerprints(TEXTS)[0])
    assert found.filled.tolist() == [True, False, False, True]


def test_the_columns_are_the_contents_and_the_bands_of_texts_with_words(
    make_document: Callable[..., Document],
) -> None:
    keys = keys_of(documents(make_document), near=True)
    assert COLUMNS == BANDS + 1
    contents, places = column(keys, 0)
    assert contents.tolist() == keys.contents.tolist()
    assert places.tolist() == [0, 1, 2, 3]
    for number in range(1, COLUMNS):
        band, places = column(keys, number)
        assert places.tolist() == [0, 3]
        assert band.tolist() == [keys.bands[0, number - 1]] * 2


def test_without_near_there_are_contents_alone(make_document: Callable[..., Document]) -> None:
    keys = keys_of(documents(make_document), near=False)
    assert len(column(keys, 0)[0]) == 4
    assert len(column(keys, 1)[0]) == 0


def test_lots_are_joined_in_their_order(make_document: Callable[..., Document]) -> None:
    keys = keys_of(documents(make_document), near=True)
    joined = concatenate([keys, keys])
    assert joined.bands.shape == (8, BANDS)
    assert joined.contents.tolist() == keys.contents.tolist() * 2
    assert concatenate([]).bands.shape == (0, BANDS)
