from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from pipelines.stop_signals import StopSignals


def test_signals_to_stop_are_counted_and_end_a_wait() -> None:
    with StopSignals() as stop:
        assert not stop.is_set()
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), number)
            began = time.monotonic()
            stop.wait(20)
            assert time.monotonic() - began < 10
        assert stop.is_set()
        assert stop.count == 2


def test_the_end_of_a_child_ends_a_wait_and_is_no_signal_to_stop() -> None:
    with StopSignals() as stop:
        child = subprocess.Popen([sys.executable, "-c", "pass"])
        while child.poll() is None:
            stop.wait(20)
        assert not stop.is_set()


def test_a_wait_ends_by_itself() -> None:
    with StopSignals() as stop:
        stop.wait(0.01)
        stop.wait(-1)


def test_afterwards_signals_are_handled_as_before() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with StopSignals():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
    assert signal.set_wakeup_fd(-1) == -1
