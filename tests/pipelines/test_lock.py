from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipelines.lock import StoreBusyError, writer_lock
from tests.integration.command import COMMAND, docsluice

PROGRAM = (
    "import sys, time\nfrom pipelines.lock import writer_lock\n"
    "with writer_lock(sys.argv[1]):\n"
    "    print('held', flush=True)\n    time.sleep(float(sys.argv[2]))\n"
)


@contextmanager
def held(store: Path, seconds: float = 60) -> Iterator[subprocess.Popen[str]]:
    """Another process holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(store), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        yield holder
        holder.kill()


def test_a_second_writer_is_told_who_holds_the_store(tmp_path: Path) -> None:
    with held(tmp_path) as holder:
        said = rf"process {holder.pid} on \S+ since \d{{4}}-.* UTC: -c {tmp_path} 60.*--wait"
        with pytest.raises(StoreBusyError, match=said), writer_lock(str(tmp_path)):
            pass
        holder.kill()
        holder.wait()
        with writer_lock(str(tmp_path)):  # a lock does not outlive its holder
            pass


def test_a_lock_can_be_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with held(tmp_path, seconds=1) as holder, writer_lock(str(tmp_path), wait=30):
        assert holder.wait() == 0
    assert caplog.text.count("waiting for another run") == 1


def test_waiting_ends(tmp_path: Path) -> None:
    before = time.monotonic()
    with held(tmp_path), pytest.raises(StoreBusyError), writer_lock(str(tmp_path), wait=0.5):
        pass
    assert time.monotonic() - before >= 0.5


def test_a_lock_file_of_an_older_version_is_understood(tmp_path: Path) -> None:
    with held(tmp_path):
        (tmp_path / ".lock").write_text("1234")
        with pytest.raises(StoreBusyError, match="process unknown"), writer_lock(str(tmp_path)):
            pass


def test_the_lock_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with writer_lock(str(tmp_path)):
            pass


def test_a_remote_store_has_no_lock() -> None:
    with writer_lock("gs://bucket/store"), writer_lock("gs://bucket/store"):
        pass


def test_of_two_commands_one_runs_and_the_other_says_so_or_waits(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "a.txt").write_text("A text about ferries, which cross where no bridge is.")
    arguments = ("run", "a.txt", "--no-entities")
    with held(tmp_path / "store", seconds=12):
        refused = docsluice(*arguments, cwd=tmp_path)
        assert refused.returncode == 3
        assert refused.stderr.startswith("docsluice: another run is writing to store (process ")
        limited = docsluice(*arguments, "--wait-seconds", "0.1", cwd=tmp_path)
        assert limited.returncode == 3
        with subprocess.Popen(
            [*COMMAND, *arguments, "--wait", "--json"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as waiting:
            out, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    assert b'"kept":1' in out


def test_a_holder_that_will_not_be_long_is_waited_for_unasked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = PROGRAM.replace("writer_lock(sys.argv[1])", "writer_lock(sys.argv[1], brief=True)")
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), "1"], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with writer_lock(str(tmp_path)):
            assert holder.wait() == 0
    assert not caplog.text
