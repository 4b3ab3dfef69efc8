"""``docsluice watch`` over a real directory, by events and by looking."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.integration.command import docsluice
from tests.integration.schedulers import Scheduler, texts, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")

RIVER = "The sluice keeps the water of the canal at one height for the boats from the river. "
LINES = [f"Line {number} says what no other line has said before it.\n" for number in range(20)]


def ledger(store: Path) -> list[tuple[str, str]]:
    """(file name, outcome) of each ledger row, oldest run first."""
    parts = sorted(store.glob("ledger/run=*/*.parquet"))
    rows = [row for part in parts for row in pq.ParquetFile(part).read().to_pylist()]
    return [(Path(row["source"]).name, row["outcome"]) for row in rows]


def published(store: Path, name: str) -> list[str]:
    """Texts of all documents that were ever published of a file."""
    parts = sorted(store.glob("documents/run=*/*.parquet"))
    rows = [row for part in parts for row in pq.ParquetFile(part).read().to_pylist()]
    return [row["text"] for row in rows if row["source"].endswith(name)]


def idle(status: dict[str, Any]) -> bool:
    return status["state"] == "waiting" and status["last_run"] is not None


def rests_after(status: dict[str, Any], runs: int) -> bool:
    return status["state"] in ("waiting", "backing off") and sum(status["runs"].values()) == runs


def test_new_files_are_read_once_they_are_complete(tmp_path: Path) -> None:
    source = texts(tmp_path / "source")
    arguments = ("watch", "source", "--settle", "1s", "--max-wait", "2s", "--exclude", "*.log")
    with Scheduler(*arguments, "-v", cwd=tmp_path, store="source/store") as watcher:
        watcher.until(idle)
        with (source / "slow.txt").open("w") as slow:
            for number, line in enumerate(LINES):
                slow.write(line)
                slow.flush()
                time.sleep(0.4)
                if number == 3:  # another file comes and is complete meanwhile
                    texts(source, quick=RIVER)
        watcher.until(lambda status: status["documents"] == {"kept": 2} and idle(status))
        runs = sum(watcher.status["runs"].values())
        (source / "noise.log").write_text("not asked for")
        (source / ".hidden").write_text("not asked for")
        time.sleep(2.5)
        assert sum(watcher.status["runs"].values()) == runs  # nor did the store, which is below
        watcher.stop()
    assert published(watcher.store, "slow.txt") == ["".join(LINES)]
    assert ledger(watcher.store) == [("quick.txt", "kept"), ("slow.txt", "kept")]


def test_a_source_that_goes_and_comes_back_is_watched_again(tmp_path: Path) -> None:
    source = texts(tmp_path / "source")
    never = ("--retry-after", "1h", "--retry-at-most", "1h")
    with Scheduler("watch", "source", "--settle", "1s", *never, cwd=tmp_path) as watcher:
        watcher.until(idle)
        source.rmdir()
        watcher.until(lambda status: rests_after(status, runs=2))
        source.mkdir()
        watcher.until(lambda status: rests_after(status, runs=3))
        texts(source, river=RIVER)
        wait_for(lambda: ledger(watcher.store) == [("river.txt", "kept")])
        watcher.stop(signal.SIGINT)


def test_what_cannot_be_watched_is_one_line(tmp_path: Path) -> None:
    done = docsluice("watch", "gs://bucket/texts", cwd=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line == (
        "docsluice: gs://bucket/texts tells of no changes; only files on this machine can be "
        "watched: use docsluice schedule"
    )
