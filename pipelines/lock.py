"""One writer at a time per store."""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import orjson

from transforms import files

log = logging.getLogger(__name__)

_PAUSE = 0.2
"""Seconds between two looks at a lock that is waited for."""


class StoreBusyError(RuntimeError):
    """Another process writes to the store; the message names it."""


@contextmanager
def writer_lock(store: str, wait: float = 0.0) -> Iterator[None]:
    """Hold the store's lock; the operating system frees it however the process ends.

    A remote store has no lock: its filesystem offers none.

    Args:
        store: path of the store, a directory that exists.
        wait: seconds to wait for another process to be done; infinity waits as long as it takes.

    Raises:
        StoreBusyError: another process holds it.
    """
    if files.is_remote(store):
        yield
        return
    with Path(store, ".lock").open("a+b") as file:
        _acquire(file, store, wait)
        file.truncate(0)
        file.write(orjson.dumps(_holder()))
        file.flush()
        yield
        file.truncate(0)


def lock_holder(store: str) -> dict[str, Any] | None:
    """Who writes to a store, as the lock file has it: pid, host, since and command; None if nobody.

    The lock itself is not tried: that could stop a run that starts at this moment. A process of
    this machine that is no more, and left the file as it was, holds nothing.
    """
    if files.is_remote(store):
        return None
    try:
        found = orjson.loads(Path(store, ".lock").read_bytes())
        told = {name: found[name] for name in ("pid", "host", "since", "command")}
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return None
    if told["host"] == socket.gethostname() and not is_alive(told["pid"]):
        return None
    return told


def is_alive(pid: int) -> bool:
    """Whether there is such a process on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    return True


def _acquire(file: IO[bytes], store: str, wait: float) -> None:
    until = time.monotonic() + wait
    is_said = False
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise StoreBusyError(
                    f"another run is writing to {store} ({_in_words(file)}); "
                    "try again when it is done, or wait for it with --wait"
                ) from None
        else:
            return
        if not is_said:
            log.warning("waiting for another run on %s (%s)", store, _in_words(file))
            is_said = True
        time.sleep(_PAUSE)


def _holder() -> dict[str, object]:
    """Who holds the lock, for others to read."""
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }


def _in_words(file: IO[bytes]) -> str:
    file.seek(0)
    try:
        told = orjson.loads(file.read())
        return "process {pid} on {host} since {since}: {command}".format(**told)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return "process unknown"
