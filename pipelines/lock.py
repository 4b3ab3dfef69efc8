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

_BRIEF = 60.0
"""Seconds for which anybody waits for a holder that says it will not be long."""


class StoreBusyError(RuntimeError):
    """Another process writes to the store; the message names it."""


@contextmanager
def writer_lock(store: str, wait: float = 0.0, brief: bool = False) -> Iterator[None]:
    """Hold the store's lock; the operating system frees it however the process ends.

    A remote store has no lock: its filesystem offers none.

    Args:
        store: path of the store, a directory that exists.
        wait: seconds to wait for another process to be done; infinity waits as long as it takes.
        brief: whether the lock is held for moments only; others then wait also where they were
            not told to.

    Raises:
        StoreBusyError: another process holds it.
    """
    if files.is_remote(store):
        yield
        return
    with Path(store, ".lock").open("a+b") as file:
        _acquire(file, store, wait)
        file.truncate(0)
        file.write(orjson.dumps({**_holder(), "brief": brief}))
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
    began = time.monotonic()
    is_said = False
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            is_brief = _told(file).get("brief", False)
            if time.monotonic() - began >= (max(wait, _BRIEF) if is_brief else wait):
                raise StoreBusyError(
                    f"another run is writing to {store} ({_in_words(file)}); "
                    "try again when it is done, or wait for it with --wait"
                ) from None
        else:
            return
        if not is_said and not is_brief:
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
    try:
        return "process {pid} on {host} since {since}: {command}".format(**_told(file))
    except KeyError:
        return "process unknown"


def _told(file: IO[bytes]) -> dict[str, Any]:
    """What the holder has written."""
    file.seek(0)
    try:
        told = orjson.loads(file.read())
    except orjson.JSONDecodeError:  # between its lock and its writing
        return {}
    return told if isinstance(told, dict) else {}
