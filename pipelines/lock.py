"""One writer at a time per store."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from transforms import files


class StoreBusyError(RuntimeError):
    """Another process writes to the store; the message names it."""


@contextmanager
def writer_lock(store: str) -> Iterator[None]:
    """Hold the store's lock; the operating system frees it however the process ends.

    A remote store has no lock: its filesystem offers none.

    Raises:
        StoreBusyError: another process holds it.
    """
    if files.is_remote(store):
        yield
        return
    path = Path(store, ".lock")
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise StoreBusyError(
                f"another run is writing to {store} (process {holder}); try again when it is done"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
