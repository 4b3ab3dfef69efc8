from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from transforms.document import Document
from transforms.fingerprint import BANDS, fingerprints
from transforms.published import (
    FINGERPRINT_SCHEMA,
    band_array,
    band_matrix,
    published_part,
    write_fingerprints,
)

TEXTS = ["one two three four five six", "", "!!", "hello there my dear friend of mine"]


def test_band_keys_survive_as_an_arrow_array() -> None:
    expected, expected_filled = fingerprints(TEXTS)
    matrix, filled = band_matrix(band_array(TEXTS))
    assert filled.tolist() == expected_filled.tolist() == [True, False, False, True]
    assert matrix.shape == (2, BANDS)
    assert np.array_equal(matrix, expected[expected_filled])


def test_texts_without_words_alone_have_no_keys() -> None:
    matrix, filled = band_matrix(band_array(["", "..."]))
    assert matrix.shape == (0, BANDS)
    assert not filled.any()


def test_only_canonicals_that_still_stand_are_published(
    tmp_path: Path, make_document: Callable[..., Document]
) -> None:
    documents = [
        make_document(str(number), text, content_hash=f"{number:032x}")
        for number, text in enumerate(TEXTS)
    ]
    documents[0] = replace(documents[0], duplicate_of=documents[3].id)
    path = str(tmp_path / "part.parquet")
    write_fingerprints(path, documents, band_array(TEXTS))
    table = pq.ParquetFile(path).read()
    assert table.schema == FINGERPRINT_SCHEMA
    assert table.column("row").to_pylist() == [1, 2, 3]
    part = published_part(7, "documents.parquet", table, np.array([True, False, True]))
    assert part.rows.tolist() == [1, 3]
    assert part.content_hashes == (f"{1:032x}", f"{3:032x}")
    assert band_matrix(part.bands)[1].tolist() == [False, True]


def test_a_part_without_canonicals_leaves_no_file(
    tmp_path: Path, make_document: Callable[..., Document]
) -> None:
    write_fingerprints(
        str(tmp_path / "x"), [make_document("a", duplicate_of="b")], band_array([""])
    )
    assert not (tmp_path / "x").exists()
