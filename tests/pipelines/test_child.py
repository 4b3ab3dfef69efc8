from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.child import ChildLostError, in_child
from pipelines.store import StoreError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks")


def test_what_the_child_returns_comes_back() -> None:
    pid, large = in_child(lambda: (os.getpid(), b"x" * 1_000_000))
    assert pid != os.getpid()
    assert len(large) == 1_000_000


def test_what_the_child_raises_is_raised_with_its_traceback() -> None:
    def fail() -> None:
        raise StoreError("it is damaged")

    with pytest.raises(StoreError) as failure:
        in_child(fail)
    assert str(failure.value) == "it is damaged"
    assert "in fail" in failure.value.__notes__[0]


def test_an_error_that_cannot_be_sent_is_told_in_words() -> None:
    class LocalError(Exception):
        pass

    def fail() -> None:
        raise LocalError("of this test")

    with pytest.raises(RuntimeError, match="LocalError: of this test"):
        in_child(fail)


def test_a_child_that_is_killed_is_an_error_in_words() -> None:
    with pytest.raises(ChildLostError, match=r"lost \(-9\).*--batch-bytes"):
        in_child(lambda: os.kill(os.getpid(), signal.SIGKILL))


PROGRAM = """
import signal, sys, time
from pathlib import Path
from pipelines.child import in_child
def work():
    try:
        Path(sys.argv[1]).write_text("begun")
        time.sleep(60)
    finally:
        Path(sys.argv[1]).write_text("cleaned up")
signal.signal(signal.SIGTERM, signal.default_int_handler)
in_child(work)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_child_cleans_up_before_its_parent_goes_on(
    tmp_path: Path, number: signal.Signals
) -> None:
    with started(tmp_path / "file") as parent:
        parent.send_signal(number)
        _, said = parent.communicate(timeout=20)
    assert "KeyboardInterrupt" in said
    assert (tmp_path / "file").read_text() == "cleaned up"


def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    with started(tmp_path / "file") as parent:
        (child,) = children(parent.pid)
        parent.kill()
        parent.wait()
        until = time.monotonic() + 10
        while Path(f"/proc/{child}").exists():
            assert time.monotonic() < until
            time.sleep(0.05)
    assert (tmp_path / "file").read_text() == "begun"


def started(file: Path) -> subprocess.Popen[str]:
    parent = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(file)], stderr=subprocess.PIPE, text=True
    )
    while not (file.exists() and file.read_text()):
        assert parent.poll() is None
        time.sleep(0.05)
    return parent


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
