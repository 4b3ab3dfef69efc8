"""``docsluice watch``: a run when files have changed.

The system tells of changes (watchfiles, over inotify, FSEvents and the like), also of those
during a run, which wait for the next. Such events can be lost, on network drives above all, so
there is a run every ``sweep`` at least.
"""

from __future__ import annotations

import logging
import os
import stat
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING

from pipelines.looks import Looks, file_stamp
from pipelines.service import Service
from pipelines.settling import Settling
from pipelines.stop_signals import StopSignals

if TYPE_CHECKING:
    from watchfiles.main import FileChange

    from pipelines.attempt import Outcome

log = logging.getLogger(__name__)

TICK = 0.5
"""Seconds between two looks at files that change, and at whether the roots are there."""


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How changes become batches.

    A file is taken when it has not changed for ``settle``; a batch is gathered for ``max_wait``
    at most; without any change there is a run every ``sweep``. ``poll`` looks at the files in turn
    where there are no events.
    """

    settle: timedelta = timedelta(seconds=2)
    max_wait: timedelta = timedelta(seconds=10)
    sweep: timedelta = timedelta(hours=1)
    poll: bool = False


class Changes:
    """Paths that change below some files and directories, which may go and come back."""

    def __init__(self, roots: Sequence[str], poll: bool, stop: StopSignals | Event) -> None:
        self._roots, self._stop = tuple(dict.fromkeys(roots)), stop
        self._identities: dict[str, tuple[int, int] | None] = {}
        self._looks = Looks(self._roots) if poll else None
        self._events: Generator[set[FileChange], None, None] | None = None
        self._is_partial = False

    def gather(self) -> set[str]:
        """What changed since the last call; waits up to ``TICK`` for something.

        Where the system cannot tell of changes, the files are looked at from then on.
        """
        identities = {root: _identity(root) for root in self._roots}
        moved = {root for root in self._roots if identities[root] != self._identities.get(root)}
        self._identities = identities
        if self._looks is not None:
            self._stop.wait(TICK)
            return moved | self._looks.changed()
        if moved:
            self._watch([root for root in self._roots if identities[root]])
        if self._events is None:
            self._stop.wait(TICK)
            return moved
        try:
            return moved | {path for _, path in next(self._events, ())}
        except FileNotFoundError:  # gone between the look and the watch
            self._stop.wait(TICK)
        except PermissionError as error:
            log.warning("changes where we may not look are not heard of: %s", error)
            self._is_partial = True
        except (OSError, RuntimeError) as error:  # such as too many watches
            log.warning("looking at all files in turn, for the system cannot watch: %s", error)
            self._looks = Looks(self._roots)
        self._events, self._identities = None, {}
        return moved

    def close(self) -> None:
        """Watch no more."""
        if self._events is not None:
            self._events.close()

    def _watch(self, roots: list[str]) -> None:
        from watchfiles import watch

        self.close()
        self._events = None
        if roots:
            self._events = watch(
                *roots,
                watch_filter=None,
                debounce=1000,
                step=100,
                rust_timeout=int(TICK * 1000),
                yield_on_timeout=True,
                stop_event=self._stop,
                raise_interrupt=False,
                ignore_permission_denied=self._is_partial,
            )


def keep_watch(
    service: Service,
    roots: Sequence[str],
    matters: Callable[[str, bool], bool],
    options: WatchOptions,
) -> None:
    """Do a run now, and then whenever something has changed, until a signal comes."""
    changes = Changes(roots, options.poll, service.signals)
    settle, max_wait = options.settle.total_seconds(), options.max_wait.total_seconds()
    settling = Settling(settle, max_wait, file_stamp)
    changes.gather()  # from here on nothing is missed
    due = datetime.now(UTC)
    service.show(service.status.waiting(due))
    while not service.signals.is_set():
        failing = service.status.consecutive_failures > 0
        now = time.monotonic()
        if datetime.now(UTC) >= due or (settling.ready(now) and not failing):
            settling.take(now)
            outcome = service.run()
            unseen = outcome.young > 0 and not settling.pending
            due = _next(service, outcome, options, unseen)
            service.report(outcome, due, or_changes=True)
            continue
        changed = changes.gather()
        if failing and changed & set(roots):  # a source is back, perhaps the one that was missing
            due = datetime.now(UTC) + options.settle
        ours = [path for path in changed if matters(path, is_file(path))]
        if ours:
            log.debug("changed: %s", ", ".join(ours))
        settling.note(ours, time.monotonic())
    changes.close()


def _next(service: Service, outcome: Outcome, options: WatchOptions, unseen: bool) -> datetime:
    """When there is to be a run, even if nothing changes.

    ``unseen`` says that it left files that may still be written, of which no change was heard.
    """
    if outcome.result == "failed":
        return service.retry_at()
    if outcome.result == "busy" or unseen:
        return datetime.now(UTC) + options.max_wait
    return datetime.now(UTC) + options.sweep


def is_file(path: str) -> bool:
    """Whether there is a regular file."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116
    except OSError:
        return False


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return (status.st_dev, status.st_ino)
