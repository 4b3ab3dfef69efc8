"""Work in a process of its own, forked from this one, which takes its memory with it.

The fork must come before this process opens connections or starts threads that hold locks: see
``pipelines.forked``, which forks the workers of a run from such a child.
"""

from __future__ import annotations

import ctypes
import gc
import os
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

_PATIENCE = 20.0
"""Seconds that a child has to clean up when this process is told to stop."""

_PAUSE = 0.05

_PR_SET_PDEATHSIG = 1
_SIGNALS = (signal.SIGINT, signal.SIGTERM)

T = TypeVar("T")


class ChildLostError(RuntimeError):
    """The process that worked ended without an answer; the message is one line for the user."""


def in_child(work: Callable[[], T]) -> T:
    """What ``work`` returns, or raises, in a forked process.

    SIGINT and SIGTERM end that process first: it cleans up, then this one goes on with its
    ``KeyboardInterrupt``. However this process ends, the other one ends with it.

    Raises:
        ChildLostError: the process was killed.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    read_end, write_end = os.pipe()
    gc.freeze()  # what the collector touched later would be copied
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        _work(work, write_end, parent)
    os.close(write_end)
    gc.unfreeze()
    try:
        with os.fdopen(read_end, "rb") as pipe:
            answer = pipe.read()
        _, status = os.waitpid(pid, 0)
    except BaseException:
        _end(pid)
        raise
    if not answer:
        code = os.waitstatus_to_exitcode(status)
        raise ChildLostError(
            f"the process of a batch was lost ({code}), perhaps for want of memory; nothing of the "
            "batch was committed; try a smaller --batch-bytes or fewer --workers"
        )
    result, error = pickle.loads(answer)  # noqa: S301  it comes from our own child
    if error is not None:
        raise error
    value: T = result
    return value


def _work(work: Callable[[], Any], write_end: int, parent: int) -> NoReturn:
    """What the child does; handlers and locks that the parent had are not its to release."""
    try:
        for number in _SIGNALS:
            signal.signal(number, signal.default_int_handler)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
        answer: tuple[Any, BaseException | None]
        try:
            answer = (work(), None)
        except BaseException as error:
            answer = (None, _portable(error))
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        with os.fdopen(write_end, "wb") as pipe:
            pickle.dump(answer, pipe)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(0)


def _portable(error: BaseException) -> BaseException:
    """The error as it can be sent to another process, with its traceback as a note."""
    error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _end(pid: int) -> None:
    """End a child: gently, then not."""
    with suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            if os.waitpid(pid, os.WNOHANG)[0]:
                return
            time.sleep(_PAUSE)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
