"""Finding changed files by looking at all of them, where the system does not tell."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator

from pipelines.settling import Stamp
from transforms.read.globs import is_hidden

PAUSE = 1.0
"""Least seconds between two looks."""

_SHARE = 10
"""A look that takes long is followed by a pause of this many times its duration."""


class Looks:
    """Files below some roots, each look compared with the one before; links are not followed."""

    def __init__(self, roots: Iterable[str]) -> None:
        self._roots = tuple(roots)
        self._stamps = dict(_stamps(self._roots))
        self._next = time.monotonic() + PAUSE

    def changed(self) -> set[str]:
        """The files that are new, changed or gone; none before it is time for another look."""
        began = time.monotonic()
        if began < self._next:
            return set()
        before, self._stamps = self._stamps, dict(_stamps(self._roots))
        ended = time.monotonic()
        self._next = ended + max(PAUSE, _SHARE * (ended - began))
        return {path for path, _ in before.items() ^ self._stamps.items()}


def _stamps(roots: Iterable[str]) -> Iterator[tuple[str, Stamp]]:
    for root in roots:
        if os.path.isfile(root):  # noqa: PTH113
            yield root, file_stamp(root)
        for directory, inner, names in os.walk(root):
            inner[:] = [name for name in inner if not is_hidden(name)]
            for name in names:
                if not is_hidden(name):
                    path = f"{directory.rstrip('/')}/{name}"
                    yield path, file_stamp(path)


def file_stamp(path: str) -> Stamp:
    """Size and time of change of a file as they are now."""
    try:
        status = os.stat(path)  # noqa: PTH116  names that are no valid text pass through
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns)
