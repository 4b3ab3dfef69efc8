from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq

from pipelines.state import empty_state
from pipelines.stream_commit import Staged, index_early, window_of, withdraw_stale
from pipelines.stream_flight import Pending
from transforms.document import Document, Rejected
from transforms.keys import keys_of
from transforms.ledger import kept_row, rejected_row, write_ledger
from transforms.letters import write_dead_letters
from transforms.parquet import document_table, encode
from transforms.published import write_fingerprints
from transforms.read.slices import SourceFile
from transforms.run import Run
from transforms.sqlite import SqliteIndex
from transforms.stream.orders import Order
from transforms.stream.staging import Receipt, staged_run

STARTED = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def document(name: str) -> Document:
    text = f"{name} says what no other document has said before it."
    return Document(name * 16, f"file:///in/{name}", "1", text=text, content_hash=name * 16)


def stage(session: Path, number: int, *names: str) -> Pending:
    """An order of these files, staged as one part; what is called ``x…`` has failed."""
    run = staged_run(str(session), STARTED)
    part = f"{number:05d}-000"
    kept = [document(name) for name in names if not name.startswith("xx")]
    failed = tuple(
        Rejected(name * 16, f"file:///in/{name}", "1", "failed", "broken", "read", "OSError", "raw")
        for name in names
        if name.startswith("xx")
    )
    if kept:
        path = Path(run.part("documents", part, ".parquet"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(document_table(kept, run.run_id, STARTED)))
        prints = run.part("fingerprints", part, ".parquet")
        write_fingerprints(prints, kept, keys_of(kept, near=True), range(len(kept)))
        write_ledger(run, part, "kept", tuple(map(kept_row, kept)))
    if failed:
        write_ledger(run, part, "read", tuple(map(rejected_row, failed)))
        write_dead_letters(run, part, "read", failed)
    files = tuple(SourceFile(f"file:///in/{name}", 1, "1") for name in names)
    receipts = {part: Receipt(part, number, len(kept))}
    return Pending(Order(number, STARTED, files), {}, 1, receipts)


def rows(run: Run, kind: str) -> list[dict[str, object]]:
    paths = sorted(Path(run.directory(kind)).glob("*.parquet"))
    return [row for path in paths for row in pq.ParquetFile(path).read().to_pylist()]


def test_a_window_is_few_files_of_the_run_without_what_is_stale(tmp_path: Path) -> None:
    session = tmp_path / "session"
    ones = [stage(session, 3, "aa", "bb"), stage(session, 4, "cc", "xx"), stage(session, 5, "dd")]
    staging = staged_run(str(session), STARTED)
    window, files = window_of(staging, ones, {"file:///in/aa"}, STARTED, NOW)
    assert [file.uri for file in files] == [
        f"file:///in/{name}" for name in ("bb", "cc", "dd", "xx")
    ]
    assert window.uris == {file.uri for file in files}
    told = window.manifest["stream"]
    assert (told["first_order"], told["last_order"]) == (3, 5)
    run = Run(str(tmp_path / "store"), "000001-x", NOW)
    window.write(run)
    documents, ledger = rows(run, "documents"), rows(run, "ledger")
    assert [row["source"] for row in documents] == [
        "file:///in/bb",
        "file:///in/cc",
        "file:///in/dd",
    ]
    assert {(row["run_id"], row["ingested_at"]) for row in documents} == {("000001-x", NOW)}
    assert [row["source"] for row in ledger] == [file.uri for file in files]
    assert {(row["run_id"], row["recorded_at"]) for row in ledger} == {("000001-x", NOW)}
    prints = rows(run, "fingerprints")
    assert [(row["row"], row["id"]) for row in prints] == list(
        enumerate(row["id"] for row in documents)
    )
    (letters,) = Path(run.directory("dead-letters")).iterdir()
    assert '"payload":"raw"' in letters.read_text()
    for kind in ("documents", "ledger", "fingerprints"):
        assert len(list(Path(run.directory(kind)).iterdir())) == 1


def test_what_is_found_early_and_stale_is_withdrawn(tmp_path: Path) -> None:
    one = stage(tmp_path / "session", 0, "aa", "bb")
    staging = staged_run(str(tmp_path / "session"), STARTED)
    with SqliteIndex(tmp_path / "search.db") as index, empty_state() as state:
        assert index_early(index, Staged(staging, [one], ())) == 2
        assert index.runs() == frozenset()
        withdraw_stale(index, state, Staged(staging, [one], {"file:///in/aa"}))
        assert [row[0] for row in index.entries()] == ["bb" * 16]


def test_a_window_of_stale_files_alone_has_none_that_count(tmp_path: Path) -> None:
    one = stage(tmp_path / "session", 0, "aa")
    staging = staged_run(str(tmp_path / "session"), STARTED)
    _, files = window_of(staging, [one], {"file:///in/aa"}, STARTED, NOW)
    assert files == ()
