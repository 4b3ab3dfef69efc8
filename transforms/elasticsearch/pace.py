"""How many requests go out at once, and how long it is waited for a server that takes nothing."""

from __future__ import annotations

import time
from threading import Condition


class Pace:
    """A window of requests in flight, after TCP's congestion control (AIMD, RFC 5681).

    Each round of accepted requests widens it by one, up to ``limit``; a refusal halves it, once
    for all requests that were under way by then. One request may always go. A request goes inside
    ``with pace as sent_at:``.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._window = float(limit)
        self._narrowed_at = float("-inf")
        self._in_flight = 0
        self._changed = Condition()
        self.most_in_flight = 0

    @property
    def window(self) -> int:
        """Requests that may be in flight now."""
        return int(self._window)

    def __enter__(self) -> float:
        """Wait until one more may be in flight; return when it is sent (monotonic, seconds)."""
        with self._changed:
            self._changed.wait_for(lambda: self._in_flight < self.window)
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
            return time.monotonic()

    def __exit__(self, *_: object) -> None:
        """One less is in flight."""
        with self._changed:
            self._in_flight -= 1
            self._changed.notify_all()

    def accepted(self) -> None:
        """The server took a request as it was."""
        with self._changed:
            self._window = min(float(self._limit), self._window + 1 / self._window)
            self._changed.notify_all()

    def refused(self, sent_at: float) -> None:
        """The server refused some or all of a request that was sent at ``sent_at``."""
        with self._changed:
            if sent_at > self._narrowed_at:
                self._window = max(1.0, self._window / 2)
                self._narrowed_at = time.monotonic()


class Patience:
    """How long it is waited for a server that takes nothing at all."""

    def __init__(self, total_seconds: float) -> None:
        self._total_seconds = total_seconds
        self.progress_at = float("-inf")

    def progress(self) -> None:
        """The server took something."""
        self.progress_at = time.monotonic()

    def is_over(self, since: float) -> bool:
        """Whether the server has taken nothing for too long; waiting began at ``since``."""
        return time.monotonic() - max(since, self.progress_at) > self._total_seconds
