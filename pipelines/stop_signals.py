"""SIGTERM and SIGINT as something to wait for, in a process that has its own loop."""

from __future__ import annotations

import select
import signal
import socket
from types import FrameType, TracebackType
from typing import Any, Self

STOP = (signal.SIGTERM, signal.SIGINT)


class StopSignals:
    """Counts the signals to stop that come while the block runs; of the main thread only.

    A wait also ends when a child process does. Signals wake it through a socket, not through a
    lock, which a handler must not take.
    """

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Self:
        self._read, self._write = socket.socketpair()
        for end in (self._read, self._write):
            end.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        self._handlers: dict[signal.Signals, Any] = {
            number: signal.signal(number, self._note) for number in (*STOP, signal.SIGCHLD)
        }
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._read.close()
        self._write.close()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.count += number in STOP

    def is_set(self) -> bool:
        """Whether one has come."""
        return self.count > 0

    def wait(self, seconds: float) -> None:
        """Wait so long, or until a signal comes or a child process ends."""
        ready, _, _ = select.select([self._read], [], [], max(0.0, seconds))
        if ready:
            self._read.recv(4096)
