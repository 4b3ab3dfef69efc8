"""A run that is stopped, however it is stopped, leaves nothing that counts and nobody behind."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.integration.command import docsluice, start
from tests.integration.texts import english

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are found in /proc")

PATIENCE = 15
"""Seconds in which a stopped run must have ended."""
START = 90
"""Seconds that a run on a loaded machine may take to its first spool files."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 MB of text, which keep two workers busy with entities for a while."""
    sentences = [part for text in english(40) for part in re.split(r"(?<=\.)\s+", text.body)]
    pick = random.Random(3)
    path = tmp_path_factory.mktemp("source") / "many.jsonl"
    with path.open("w") as file:
        for number in range(1500):
            text = " ".join(pick.choices(sentences, k=18))
            file.write(json.dumps({"id": number, "text": text}) + "\n")
    return path


@pytest.fixture(scope="module")
def undisturbed(source: Path, tmp_path_factory: pytest.TempPathFactory) -> list[pa.Table]:
    """What a run without entities makes of it."""
    directory = tmp_path_factory.mktemp("undisturbed")
    done = docsluice("run", source, "--no-entities", "--workers", 1, cwd=directory)
    assert done.returncode == 0, done.stderr
    return content(directory / "store")


@pytest.fixture
def midway(source: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run on two workers that has spooled documents and not finished."""
    process = start("run", source, "--workers", 2, cwd=tmp_path)
    try:
        wait_for(lambda: list(tmp_path.glob("store/spool/run=*/*.arrow")), START, process)
        assert len(children(process.pid)) == 2
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for(
    condition: Callable[[], object], seconds: float, process: subprocess.Popen[str] | None = None
) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    """Processes whose parent has this number."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(status.parent.name))
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def content(store: Path) -> list[pa.Table]:
    """What is published and why, without what only says when."""
    return [
        pq.ParquetFile(path).read().drop_columns(["run_id", column])
        for kind, column in (("documents", "ingested_at"), ("ledger", "recorded_at"))
        for path in sorted(store.glob(f"{kind}/run=*/part-*.parquet"))
    ]


def assert_stopped(process: subprocess.Popen[str], workers: list[int], store: Path) -> str:
    """It ended soon, with 3 and one line on stderr, without workers, and left no run behind."""
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 3, err
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("docsluice: ")
    wait_for(lambda: not any(map(is_alive, workers)), 5)
    assert list(store.glob("runs/*.json")) == []
    assert list(store.glob("*/run=*")) == []
    return line


def assert_next_run_is_as_if_nothing_had_been(
    directory: Path, source: Path, undisturbed: list[pa.Table]
) -> str:
    """It works, and gives what an undisturbed run gives; returns what it says on stderr."""
    done = docsluice("run", source, "--no-entities", "--workers", 1, "--json", cwd=directory)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outcomes"]["kept"] > 1000
    store = directory / "store"
    assert all(len(list(store.glob(f"{kind}/run=*"))) == 1 for kind in ("documents", "ledger"))
    assert list(store.glob("spool/run=*")) == []
    again = content(store)
    assert len(again) == len(undisturbed)
    assert all(map(pa.Table.equals, again, undisturbed))
    return done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_run(
    midway: subprocess.Popen[str],
    source: Path,
    undisturbed: list[pa.Table],
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    workers = children(midway.pid)
    midway.send_signal(number)
    line = assert_stopped(midway, workers, tmp_path / "store")
    assert line == "docsluice: interrupted; nothing of this run was committed"
    assert_next_run_is_as_if_nothing_had_been(tmp_path, source, undisturbed)


def test_ctrl_c_reaches_all_processes_and_says_one_line(
    midway: subprocess.Popen[str], tmp_path: Path
) -> None:
    workers = children(midway.pid)
    os.killpg(midway.pid, signal.SIGINT)
    assert_stopped(midway, workers, tmp_path / "store")


def test_a_killed_worker_fails_the_run(
    midway: subprocess.Popen[str], source: Path, undisturbed: list[pa.Table], tmp_path: Path
) -> None:
    workers = children(midway.pid)
    os.kill(workers[0], signal.SIGKILL)
    line = assert_stopped(midway, workers, tmp_path / "store")
    assert "a worker process was killed" in line
    assert_next_run_is_as_if_nothing_had_been(tmp_path, source, undisturbed)


def test_a_killed_driver_leaves_no_worker_and_nothing_that_counts(
    midway: subprocess.Popen[str], source: Path, undisturbed: list[pa.Table], tmp_path: Path
) -> None:
    workers = children(midway.pid)
    midway.kill()
    midway.wait(PATIENCE)
    wait_for(lambda: not any(map(is_alive, workers)), 5)
    assert list(tmp_path.glob("store/runs/*.json")) == []
    (left,) = tmp_path.glob("store/spool/run=*")
    status = docsluice("status", cwd=tmp_path)
    assert status.returncode != 0
    assert "there is no run" in status.stderr
    said = assert_next_run_is_as_if_nothing_had_been(tmp_path, source, undisturbed)
    assert left.name.removeprefix("run=") in said
    assert not left.exists()


def test_one_worker_is_interrupted_as_well(source: Path, tmp_path: Path) -> None:
    process = start("run", source, "--workers", 1, cwd=tmp_path)
    try:
        wait_for(lambda: list(tmp_path.glob("store/spool/run=*/*.arrow")), START, process)
        process.send_signal(signal.SIGTERM)
        line = assert_stopped(process, [], tmp_path / "store")
    finally:
        process.kill()
        process.communicate()
    assert "interrupted" in line
