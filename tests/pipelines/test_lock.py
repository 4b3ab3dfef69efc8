from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.lock import StoreBusyError, writer_lock


def test_a_second_writer_is_told_who_holds_the_store(tmp_path: Path) -> None:
    program = (
        "import sys, time\nfrom pipelines.lock import writer_lock\n"
        "with writer_lock(sys.argv[1]):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(StoreBusyError, match=f"process {holder.pid}"),
            writer_lock(str(tmp_path)),
        ):
            pass
        holder.kill()
    with writer_lock(str(tmp_path)):  # a lock does not outlive its holder
        pass


def test_the_lock_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with writer_lock(str(tmp_path)):
            pass


def test_a_remote_store_has_no_lock() -> None:
    with writer_lock("gs://bucket/store"), writer_lock("gs://bucket/store"):
        pass
