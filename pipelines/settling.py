"""Which changes make a batch: files that have stopped changing. Pure; times are in seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

Stamp = tuple[int, int] | None
"""Size in bytes and time of change in nanoseconds; None for a file that is not there."""


@dataclass(slots=True)
class _Seen:
    stamp: Stamp
    since: float


class Settling:
    """Files that were seen to change, until they are taken as settled.

    A file has settled when its stamp has been the same for ``settle`` seconds. A batch is ready
    when all files have settled, or some have and the first change is ``max_wait`` seconds ago.
    """

    def __init__(self, settle: float, max_wait: float, stamp: Callable[[str], Stamp]) -> None:
        self._settle, self._max_wait, self._stamp = settle, max_wait, stamp
        self._files: dict[str, _Seen] = {}
        self._first = 0.0

    def note(self, paths: Iterable[str], now: float) -> None:
        """These files were seen to change; the others are looked at again."""
        if not self._files:
            self._first = now
        for path in {*paths, *self._files}:
            stamp = self._stamp(path)
            seen = self._files.get(path)
            if seen is None or seen.stamp != stamp:
                self._files[path] = _Seen(stamp, now)

    @property
    def pending(self) -> bool:
        """Whether there are files that were not taken yet."""
        return bool(self._files)

    def ready(self, now: float) -> bool:
        """Whether there is a batch to do."""
        settled = len(self._settled(now))
        if settled == len(self._files):
            return settled > 0
        return settled > 0 and now - self._first >= self._max_wait

    def take(self, now: float) -> None:
        """The settled files are being dealt with; the others wait for the next batch."""
        for path in self._settled(now):
            del self._files[path]
        self._first = now

    def _settled(self, now: float) -> list[str]:
        return [path for path, seen in self._files.items() if now - seen.since >= self._settle]
