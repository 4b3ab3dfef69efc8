"""The direct runner on several processes, which end with it, whatever happens.

Beam waits for ever for a worker process that was killed (for want of memory, say), and finishes
the work in flight after Ctrl-C. Here a lost worker fails the run at once, and an interrupted run
stops its workers.
"""

from __future__ import annotations

import logging
import os
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import TYPE_CHECKING

from pipelines import worker

if TYPE_CHECKING:
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

log = logging.getLogger(__name__)


class WorkerLostError(RuntimeError):
    """A worker process ended before its work was done."""


@contextmanager
def direct_runner(workers: int) -> Iterator[FnApiRunner]:
    """A runner with this many processes, to run one pipeline inside the block.

    Raises:
        WorkerLostError: a worker process was killed or crashed.
        KeyboardInterrupt: SIGINT or SIGTERM came; the workers are gone.
    """
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner
    from apache_beam.transforms.environments import SubprocessSDKEnvironment

    if workers == 1:
        yield FnApiRunner()
        return
    command = f"exec {shlex.quote(sys.executable)} -m {worker.__name__}"
    with TemporaryDirectory(prefix="docsluice-") as pids, _guard(Path(pids)):
        yield FnApiRunner(SubprocessSDKEnvironment.from_command_string(command))


@contextmanager
def _guard(pids: Path) -> Iterator[None]:
    """End the workers when one is lost or a signal comes, and say which it was."""
    lost = threading.Event()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        _kill(pids)
        raise KeyboardInterrupt

    def notice(failure: threading.ExceptHookArgs) -> None:
        if "Worker subprocess exited" in str(failure.exc_value) and not lost.is_set():
            lost.set()
            os.kill(os.getpid(), signal.SIGINT)
        else:
            log.debug("a thread of the runner failed", exc_info=failure.exc_value)

    os.environ[worker.PIDS] = str(pids)
    if log.isEnabledFor(logging.DEBUG):
        os.environ[worker.VERBOSE] = "1"
    signals = (signal.SIGINT, signal.SIGTERM)
    handlers = [signal.signal(number, interrupt) for number in signals]
    hook, threading.excepthook = threading.excepthook, notice
    try:
        yield
    except KeyboardInterrupt:
        if lost.is_set():
            raise WorkerLostError(
                "a worker process was killed, perhaps for want of memory; try fewer --workers"
            ) from None
        raise
    finally:
        _kill(pids)
        threading.excepthook = hook
        for number, handler in zip(signals, handlers, strict=True):
            signal.signal(number, handler)
        for name in (worker.PIDS, worker.VERBOSE):
            os.environ.pop(name, None)


def _kill(pids: Path) -> None:
    for file in pids.iterdir():
        try:
            os.kill(int(file.name), signal.SIGKILL)
        except ProcessLookupError:
            file.unlink()
