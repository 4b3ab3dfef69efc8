"""What a stream has to read: looks at its sources, made when something may have changed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipelines.places import WatchError, matters, places
from pipelines.selection import Selection, select, survey_sources
from pipelines.settings import Settings
from pipelines.state import State
from pipelines.state_database import opened
from pipelines.store import Store
from pipelines.stream_intake import taken_in
from pipelines.watch import Changes, is_file
from transforms.read.slices import SourceFile
from transforms.read.survey import Survey

log = logging.getLogger(__name__)

SWEEP = 60.0
"""Seconds after which there is a look also where no change is heard of: events can be lost."""
_REMOTE = 5.0
"""Least seconds between two looks at sources that tell of no changes."""
_SHARE = 4
"""A look is followed by a pause of so many times its duration."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a look has found: files to be read, the versions that the state has of them."""

    files: tuple[SourceFile, ...] = ()
    known: Mapping[str, str] = field(default_factory=dict)
    selection: Selection = field(default_factory=Selection)


class Sources:
    """The sources of a stream.

    One that cannot be listed any more is never taken for empty, nor is one that has gone.

    Args:
        settings: name the sources, and say how long a file must not have changed.
        store: the store.
        state_path: file of its state.
        ours: paths of files of our own.
    """

    def __init__(
        self, settings: Settings, store: Store, state_path: Path, ours: tuple[str, ...] = ()
    ) -> None:
        self._settings, self._store, self._state_path = settings, store, state_path
        self._ours = ours
        self._changed = threading.Event()
        self._changed.set()
        self._tells = False
        self._absent: frozenset[str] = frozenset()
        self._not_before = self._sweep_at = 0.0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Hear of changes while the block runs, where the sources are on this machine."""
        try:
            watched = places(self._settings.sources)
        except WatchError:
            yield
            return
        stop = threading.Event()
        ours = [self._settings.store, *self._ours]
        wanted = matters(watched, self._settings.include, self._settings.exclude, ours)
        changes = Changes([place.root for place in watched], False, stop)

        def listen() -> None:
            while not stop.is_set():
                if any(wanted(path, is_file(path)) for path in changes.gather()):
                    self._changed.set()
            changes.close()

        self._tells = True
        thread = threading.Thread(target=listen, name="changes", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(5)

    def is_due(self) -> bool:
        """Whether there is to be a look now."""
        now = time.monotonic()
        if now < self._not_before or not self._settings.sources:
            return False
        return self._changed.is_set() or not self._tells or now >= self._sweep_at

    def look(self) -> Look:
        """Compare what there is with the state; files on their way are among what is found.

        Raises:
            SourceError: a source cannot be listed, of which the store knows nothing.
            StoreError: the state cannot be read.
        """
        began = time.monotonic()
        self._changed.clear()  # before the look: what changes meanwhile is for the next one
        found = self.survey()
        with opened(self._state_path, "ro") as state:
            selection = select(self._settings, state, found)
            files = (*selection.new, *selection.changed)
            known = state.versions_of(file.uri for file in files)
        if selection.young:
            self._changed.set()
        now = time.monotonic()
        pause = self._settings.stream.poll_seconds
        if not self._tells:
            pause = max(pause, _REMOTE)
        self._not_before = now + max(pause, _SHARE * (now - began))
        self._sweep_at = now + SWEEP
        return Look(files, known, selection)

    def look_again(self) -> None:
        """There is something that the last look could not give."""
        self._changed.set()

    def taken_in(self) -> Look:
        """The files of lines that were taken in and are not known to the state.

        Raises:
            SourceError: they cannot be listed.
            StoreError: the state cannot be read.
        """
        files, _ = taken_in(self._store.path)
        with opened(self._state_path, "ro") as state:
            known = state.versions_of(file.uri for file in files)
        return Look(tuple(file for file in files if file.uri not in known))

    def survey(self) -> Survey:
        """What is found under the sources that can be listed.

        Raises:
            SourceError: one cannot be listed, of which the store knows nothing.
        """
        found = survey_sources(self._settings)
        absent = frozenset(one.scope.source for one in found.unlisted)
        if absent != self._absent:
            with opened(self._state_path, "ro") as state:
                self._tell(found, state)
        self._absent = absent
        return replace(found, unlisted=())

    def _tell(self, found: Survey, state: State) -> None:
        for one in found.unlisted:
            if one.scope.source in self._absent:
                continue
            if not any(one.scope.covers(uri) for uri, _ in state.versions()):
                raise one.error
            log.warning("%s; nothing is deleted of it, waiting for it to be back", one.error)
        if back := self._absent - {one.scope.source for one in found.unlisted}:
            log.info("%s can be listed again", ", ".join(sorted(back)))
