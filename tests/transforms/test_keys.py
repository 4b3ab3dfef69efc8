from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from transforms.document import Document
from transforms.fingerprint import BANDS, content_hash, fingerprints
from transforms.keys import alike, concatenate, keys_of, read_keys, write_keys

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


def test_documents_with_the_same_words_meet_in_every_band(
    make_document: Callable[..., Document],
) -> None:
    found = list(alike(np.array([10, 11, 12, 13]), keys_of(documents(make_document), near=True)))
    assert len(found) == BANDS + 1
    assert found[0].rows.tolist() == []
    assert all(bucket.rows.tolist() == [10, 13] for bucket in found[1:])


def test_without_near_only_contents_can_meet(make_document: Callable[..., Document]) -> None:
    all_ = documents(make_document)
    keys = keys_of([*all_, all_[2]], near=False)
    found = list(alike(np.arange(5), keys))
    assert found[0].rows.tolist() == [2, 4]
    assert not any(len(bucket.rows) for bucket in found[1:])


def test_lots_are_joined_in_their_order(make_document: Callable[..., Document]) -> None:
    keys = keys_of(documents(make_document), near=True)
    joined = concatenate([keys, keys])
    assert joined.bands.shape == (8, BANDS)
    assert joined.contents.tolist() == keys.contents.tolist() * 2
    assert concatenate([]).bands.shape == (0, BANDS)
