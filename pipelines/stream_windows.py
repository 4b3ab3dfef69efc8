"""The windows of a stream: what is staged goes into the index at once, and in time into a run."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipelines.batches import Work, cut
from pipelines.execute import run_all, warn_of_guard
from pipelines.lock import StoreBusyError, writer_lock
from pipelines.publish import keep_activity
from pipelines.selection import Selection, select
from pipelines.settings import Settings
from pipelines.single_run import Summary, run_once
from pipelines.state import open_state
from pipelines.store import Store
from pipelines.stream_commit import Staged, index_early, stale_files, window_of, withdraw_stale
from pipelines.stream_flight import Flight, Pending
from pipelines.stream_published import write_snapshot
from pipelines.stream_report import Reporter
from pipelines.stream_sources import Look, Sources
from transforms.index import Index
from transforms.run import Run
from transforms.stream.staging import delete_spool, forget, staged_run

log = logging.getLogger(__name__)

_SHORTEST = 5.0
"""Seconds for which a window is open at least, also when a file in it has changed again."""
_SPOOL_SECONDS = 600.0


class Windows:
    """Takes what is staged into the index and into runs."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        state_path: Path,
        session: str,
        started: datetime,
        flight: Flight,
        sources: Sources,
        report: Reporter,
    ) -> None:
        self._settings, self._store, self._state_path = settings, store, state_path
        self._session, self._staging = session, staged_run(session, started)
        self._flight, self._sources, self._report = flight, sources, report
        self._index: Index | None = None
        self._open()
        self._last = Selection()
        self._told_busy = False

    @contextmanager
    def index(self) -> Iterator[None]:
        """Keep the index open for what is found before its window closes."""
        with ExitStack() as stack:
            self._index = stack.enter_context(early_index(self._settings, self._store))
            yield

    def seen(self, look: Look) -> None:
        """Take note of a look: files that are gone, and those that have changed on their way."""
        if look.selection.not_deleted not in (0, self._last.not_deleted):
            warn_of_guard(self._settings, look.selection)
        self._last = look.selection
        if any(map(self._flight.is_rewritten, look.files)):
            self._is_pressing = True
            self._sources.look_again()

    def turn(self) -> None:
        """Take up what was staged since the last time; close the window if it is time.

        Raises:
            StoreError: the store is damaged, or cannot be written.
            SearchIndexError: the index cannot be written.
            RunFailedError: the window cannot be committed.
        """
        self._flight.collect()
        complete = self._flight.complete()
        fresh = [one for one in complete if not one.is_indexed]
        if fresh:
            with self._locked() as is_ours:
                if is_ours:
                    self._index_early(fresh)
        self._report.on_its_way(self._flight.files, self._flight.documents)
        if self._is_due(complete):
            self.commit()

    def commit(self) -> bool:
        """Close the window; False if another process writes to the store, which then goes first.

        Raises:
            As ``turn``.
        """
        self._flight.collect()
        ones = self._flight.complete()
        with self._locked() as is_ours:
            if not is_ours:
                return False
            began = datetime.now(UTC)
            self._store.refresh()
            summaries = [self._window(ones)] if ones else []
            if self._last.gone or self._last.problems or summaries:
                summaries += self._rest()
            self._store.refresh()
            with open_state(self._store, self._state_path) as state:
                write_snapshot(self._store, state, self._session)
                published = state.published()
        self._flight.committed(ones)
        self._report.on_its_way(self._flight.files, self._flight.documents)
        for one in ones:
            forget(self._session, one.order.number, one.receipts)
        keep = max(_SPOOL_SECONDS, 2 * self._settings.stream.duplicate_ttl_seconds)
        delete_spool(self._session, datetime.now(UTC) - timedelta(seconds=keep))
        made = [summary for summary in summaries if summary is not None]
        if made:
            keep_activity(self._settings, sum(summary.unindexed for summary in made))
            self._report.window(made, began, published, self._flight.files)
        self._open()
        return True

    def _open(self) -> None:
        """A window begins with the first file that is ordered from now on."""
        self._opened, self._opened_at = time.monotonic(), datetime.now(UTC)
        self._is_pressing = False

    def _is_due(self, complete: list[Pending]) -> bool:
        has_more = self._last.gone or self._last.problems
        if self._flight.is_empty and not has_more:
            self._open()
        if not (complete or has_more):
            return False
        open_for = time.monotonic() - self._opened
        window = self._settings.stream.window_seconds
        if self._is_pressing or self._flight.uncommitted_bytes >= self._settings.batch_bytes:
            window = min(window, _SHORTEST)
        return open_for >= window

    def _index_early(self, fresh: list[Pending]) -> None:
        if self._index is not None:
            with open_state(self._store, self._state_path) as state:
                stale = stale_files(state, fresh)
            index_early(self._index, Staged(self._staging, fresh, stale))
        self._flight.indexed(fresh)

    def _window(self, ones: list[Pending]) -> Summary | None:
        """Commit orders as a run; None if other runs have read all their files."""
        with open_state(self._store, self._state_path) as state:
            stale = stale_files(state, ones)
            if stale and self._index is not None:
                withdraw_stale(self._index, state, Staged(self._staging, ones, stale))
        return commit_orders(
            self._settings, self._store, self._state_path, self._staging, ones, stale,
            self._opened_at,
        )  # fmt: skip

    def _rest(self) -> list[Summary]:
        """Delete what is gone, and elect anew what has lost its canonical, as a batch does."""
        self._store.refresh()
        found = self._sources.survey()
        with open_state(self._store, self._state_path) as state:
            selection = select(self._settings, state, found)
            selection = replace(selection, new=(), changed=())
            works = cut(selection, state, found, self._settings.batch_bytes)
        self._last = Selection()
        return run_all(
            self._settings, self._store, self._state_path, works,
            lambda _run, _sizes: nullcontext(), lambda _batch: None,
        )  # fmt: skip

    @contextmanager
    def _locked(self) -> Iterator[bool]:
        """Whether the store is ours for the block, which is not waited for."""
        with ExitStack() as stack:
            try:
                stack.enter_context(writer_lock(self._store.path, brief=True))
            except StoreBusyError as error:
                if not self._told_busy:
                    log.info("%s; going on when it is done", str(error).partition(";")[0])
                self._told_busy = True
                yield False
                return
            self._told_busy = False
            yield True


def commit_orders(
    settings: Settings,
    store: Store,
    state_path: Path,
    staging: Run,
    ones: list[Pending],
    stale: set[str],
    opened: datetime,
) -> Summary | None:
    """Commit orders that are staged whole as one run; None if none of their files counts.

    Raises:
        As ``pipelines.single_run.run_once``.
    """
    window, counting = window_of(staging, ones, stale, opened, datetime.now(UTC))
    if not counting:
        return None
    work = Work(counting, planned=window.uris)
    return run_once(settings, store, state_path, work, lambda _run, _sizes: nullcontext(), window)


@contextmanager
def early_index(settings: Settings, store: Store) -> Iterator[Index | None]:
    """The index, for documents of which no run speaks yet; what it refuses the run will tell."""
    if settings.index == "none":
        yield None
        return
    if settings.index == "elasticsearch":
        from pipelines.elasticsearch import open_elasticsearch

        with open_elasticsearch(settings, lambda _failed: None) as server:
            yield server
        return
    from transforms.sqlite import SqliteIndex

    with SqliteIndex(store.index_path) as embedded:
        yield embedded
