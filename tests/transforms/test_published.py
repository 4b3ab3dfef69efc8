from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from transforms import files
from transforms.band_tables import BandTable, hexadecimal, keys_and_numbers
from transforms.document import Document
from transforms.fingerprint import BANDS
from transforms.keys import keys_of
from transforms.parquet import document_table, encode
from transforms.published import FINGERPRINT_SCHEMA, write_band_table, write_fingerprints
from transforms.run import Run

TEXTS = ["one two three four five six", "", "!!", "hello there my dear friend of mine"]


def hashed(
    make_document: Callable[..., Document], texts: Sequence[str], **fields: object
) -> list[Document]:
    """Documents whose contents have the keys 1, 2, …"""
    return [
        make_document(str(number), text, content_hash=f"{number + 1:08x}" + "0" * 24, **fields)
        for number, text in enumerate(texts)
    ]


def test_only_canonicals_leave_fingerprints(
    tmp_path: Path, make_document: Callable[..., Document]
) -> None:
    """Of a batch of five, the second is gone; of the four published, the first is no canonical."""
    batch = hashed(make_document, [TEXTS[0], "gone", *TEXTS[1:]])
    keys = keys_of(batch, near=True)
    published = [replace(batch[0], duplicate_of=batch[4].id), *batch[2:]]
    path = str(tmp_path / "part.parquet")
    write_fingerprints(path, published, keys, places=[0, 2, 3, 4])
    table = pq.ParquetFile(path).read()
    assert table.schema == FINGERPRINT_SCHEMA
    assert table.column("row").to_pylist() == [1, 2, 3]
    assert table.column("bands").to_pylist() == [[], [], keys.bands[4].tolist()]


def test_a_band_table_has_what_the_election_weighs(
    run: Run, make_document: Callable[..., Document]
) -> None:
    """Of two parts; the first document of the first is no canonical."""
    dated = hashed(make_document, TEXTS, published_at=datetime(1970, 1, 1, 0, 1, tzinfo=UTC))
    other = [replace(dated[0], id="0" * 32, text="other", published_at=None)]
    parts = []
    for name, documents in (("00000-000", dated), ("00003-001", other)):
        published = [replace(documents[0], duplicate_of="f" * 32), *documents]
        of = run.part("documents", name, ".parquet")
        files.write(of, encode(document_table(published, run.run_id, run.started_at)))
        parts.append((run.part("fingerprints", name, ".parquet"), of))
        places = [0, *range(len(documents))]
        write_fingerprints(parts[-1][0], published, keys_of(documents, near=True), places)
    path = f"{run.store}/bands/1.bands"
    assert write_band_table(path, [run.run_id], parts, "as of now") == 5
    with BandTable(path) as table:
        found = table.documents()
        assert table.footer.state == "as of now"
        assert table.footer.runs == [run.run_id]
        assert table.footer.parts == [
            f"run={run.run_id}/part-00000-000.parquet",
            f"run={run.run_id}/part-00003-001.parquet",
        ]
        contents, _ = keys_and_numbers(table.column(0))
        assert sorted(contents.tolist()) == [1, 1, 2, 3, 4]
        bands = [keys_and_numbers(table.column(number + 1)) for number in range(BANDS)]
    assert found["date"].tolist() == [60_000_000] * 4 + [np.iinfo(np.int64).max]
    # by date, then the longest first
    assert found["characters"].tolist() == [len(TEXTS[3]), len(TEXTS[0]), 2, 0, len("other")]
    assert found["part"].tolist() == [0, 0, 0, 0, 1]
    assert found["row"].tolist() == [4, 1, 3, 2, 1]
    assert hexadecimal(found["id"]) == [dated[n].id for n in (3, 0, 2, 1)] + ["0" * 32]
    keys = keys_of([dated[3], dated[0], other[0]], near=True)
    for number, (values, numbers) in enumerate(bands):
        pairs = dict(zip(numbers.tolist(), values.tolist(), strict=True))
        expected = keys.bands[:, number].tolist()
        assert pairs == dict(zip((0, 1, 4), expected, strict=True))


def test_parts_without_documents_make_an_empty_table(run: Run) -> None:
    path = f"{run.store}/bands/1.bands"
    assert write_band_table(path, [run.run_id], [], "") == 0
    with BandTable(path) as table:
        assert len(table.documents()) == 0
        assert len(table.column(BANDS)) == 0


def test_a_part_without_canonicals_leaves_no_file(
    tmp_path: Path, make_document: Callable[..., Document]
) -> None:
    duplicate = make_document("a", duplicate_of="b" * 32, content_hash="0" * 32)
    keys = keys_of([duplicate], near=True)
    write_fingerprints(str(tmp_path / "x"), [duplicate], keys, places=[0])
    assert not (tmp_path / "x").exists()
