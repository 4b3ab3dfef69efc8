from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from transforms.document import Document
from transforms.keys import keys_of
from transforms.published import FINGERPRINT_SCHEMA, published_part, write_fingerprints

TEXTS = ["one two three four five six", "", "!!", "hello there my dear friend of mine"]


def test_only_canonicals_that_still_stand_are_kept(
    tmp_path: Path, make_document: Callable[..., Document]
) -> None:
    """Of a batch of five, the second is gone; of the four published, the first is no canonical."""
    batch = [
        make_document(str(number), text, content_hash=f"{number + 1:08x}" + "0" * 24)
        for number, text in enumerate([TEXTS[0], "gone", *TEXTS[1:]])
    ]
    keys = keys_of(batch, near=True)
    published = [replace(batch[0], duplicate_of=batch[4].id), *batch[2:]]
    path = str(tmp_path / "part.parquet")
    write_fingerprints(path, published, keys, places=[0, 2, 3, 4])
    table = pq.ParquetFile(path).read()
    assert table.schema == FINGERPRINT_SCHEMA
    assert table.column("row").to_pylist() == [1, 2, 3]
    part = published_part(7, "documents.parquet", table, np.array([True, False, True]))
    assert part.rows.tolist() == [1, 3]
    assert part.keys.contents.tolist() == [3, 5]
    assert part.keys.filled.tolist() == [False, True]
    assert np.array_equal(part.keys.bands[1], keys.bands[4])


def test_a_part_without_canonicals_leaves_no_file(
    tmp_path: Path, make_document: Callable[..., Document]
) -> None:
    duplicate = make_document("a", duplicate_of="b" * 32, content_hash="0" * 32)
    keys = keys_of([duplicate], near=True)
    write_fingerprints(str(tmp_path / "x"), [duplicate], keys, places=[0])
    assert not (tmp_path / "x").exists()
