from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from transforms import files
from transforms.read.slices import SourceFile
from transforms.stream.orders import Order, write_order
from transforms.stream.staging import (
    LEDGER_STAGES,
    LETTER_STAGES,
    Receipt,
    delete_spool,
    forget,
    parts_of,
    receipts,
    staged_run,
    write_read,
    write_receipt,
)

AT = datetime(2026, 1, 2, tzinfo=UTC)


def test_receipts_come_in_the_order_of_their_parts_and_once(tmp_path: Path) -> None:
    stream = str(tmp_path)
    parts = ["99999-000", "100000-000", "00002-1000", "00002-999", "00002-001"]
    made = [Receipt(part, int(part.split("-")[0]), 3) for part in parts]
    for receipt in made:
        write_receipt(stream, receipt)
    assert [receipt.part for receipt in receipts(stream, ())] == [
        "00002-001", "00002-999", "00002-1000", "99999-000", "100000-000",
    ]  # fmt: skip
    assert receipts(stream, set(parts[:-1])) == [made[-1]]
    assert receipts(str(tmp_path / "absent"), ()) == []


def test_how_many_parts_an_order_has_is_known_when_it_is_read(tmp_path: Path) -> None:
    assert parts_of(str(tmp_path), 4) is None
    write_read(str(tmp_path), 4, 0)
    assert parts_of(str(tmp_path), 4) == 0


@pytest.mark.parametrize("place", ["local", "bucket"])
def test_an_order_is_forgotten_but_for_its_spool(tmp_path: Path, bucket: str, place: str) -> None:
    stream = str(tmp_path / "stream") if place == "local" else bucket
    run = staged_run(stream, AT)
    for number, part in ((1, "00001-000"), (1, "00001-001"), (2, "00002-000")):
        for kind, suffixes in {
            "documents": [".parquet"],
            "fingerprints": [".parquet"],
            "ledger": [f"-{stage}.parquet" for stage in LEDGER_STAGES],
            "dead-letters": [f"-{stage}.jsonl" for stage in LETTER_STAGES],
            "verdicts": [".json"],
            "spool": [".arrow", ".keys"],
        }.items():
            for suffix in suffixes:
                files.write(run.part(kind, part, suffix), b"x")
        write_receipt(stream, Receipt(part, number, 1))
        write_read(stream, number, 1)
        file = SourceFile("file:///a", 1, "v")
        write_order(stream, Order(number, AT, (file,)))
    forget(stream, 1, ["00001-000", "00001-001"])
    forget(stream, 1, ["00001-000", "00001-001"])
    assert [receipt.order for receipt in receipts(stream, ())] == [2]
    assert parts_of(stream, 1) is None
    assert files.names(files.join(stream, "orders")) == ["00000002.json"]
    for kind in ("documents", "fingerprints", "ledger", "dead-letters", "verdicts"):
        assert {name[:14] for name in files.names(run.directory(kind))} == {"part-00002-000"}
    assert len(files.names(run.directory("spool"))) == 6


@pytest.mark.parametrize("place", ["local", "bucket"])
def test_the_spool_is_deleted_by_its_age(tmp_path: Path, bucket: str, place: str) -> None:
    stream = str(tmp_path / "stream") if place == "local" else bucket
    run = staged_run(stream, AT)
    for part in ("00001-000", "00002-000"):
        files.write(run.part("spool", part, ".arrow"), b"x")
    root = tmp_path / ("stream" if place == "local" else "bucket/b")
    old = root / "spool/run=staged/part-00001-000.arrow"
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    os.utime(old, (hour_ago.timestamp() - 1,) * 2)
    delete_spool(stream, hour_ago)
    assert files.names(run.directory("spool")) == ["part-00002-000.arrow"]
    delete_spool(str(tmp_path / "absent"), hour_ago)
