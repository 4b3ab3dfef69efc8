"""``docsluice stream``: documents are searched seconds after they arrive, and committed in windows.

This process, the driver, lists and commits; the pipeline works (see ``pipelines.stream_graph``).
It writes *orders*, numbered files that say what is to be read, and sees *receipts* of what is
staged: that goes into the index at once, and once per window everything staged becomes a run. The
lock of the store is held for moments only, so other runs get in between.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipelines.console import ExitCode
from pipelines.execute import check_entity_models, discard, patience
from pipelines.lock import StoreBusyError, lock_holder, writer_lock
from pipelines.publish import catch_up, open_index
from pipelines.runners import runner_of
from pipelines.settings import ConfigurationError, Settings
from pipelines.state import open_state, state_file
from pipelines.stop_signals import StopSignals
from pipelines.store import Store
from pipelines.stream_flight import Flight
from pipelines.stream_intake import Intake
from pipelines.stream_pipeline import Ending, Job, PipelineProcess
from pipelines.stream_published import write_snapshot
from pipelines.stream_recovery import first_order, recover
from pipelines.stream_report import Reporter
from pipelines.stream_sources import Sources
from pipelines.stream_windows import Windows
from transforms import files
from transforms.read.slices import SourceFile
from transforms.stream.orders import write_end, write_order

log = logging.getLogger(__name__)

_TICK = 0.05
_END_SECONDS = 10.0
"""Seconds in which a pipeline that has nothing left to do must have ended."""


class StreamError(RuntimeError):
    """The stream cannot go on; the message is one line for the user."""


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """How the driver behaves.

    ``grace`` is the time in which what was ordered may be finished after the first signal.
    ``intake`` takes lines, if there are any to take; without sources the stream ends with them.
    ``ours`` are paths whose changes say nothing. ``verbose`` is for the log of the pipeline.
    """

    grace: timedelta = timedelta(seconds=60)
    intake: Intake | None = None
    ours: tuple[str, ...] = ()
    verbose: bool = False


def stream(
    settings: Settings,
    options: StreamOptions,
    signals: StopSignals,
    reporting: AbstractContextManager[Reporter],
) -> None:
    """Ingest what arrives until a signal comes, or until the lines to take have ended.

    Raises:
        ConfigurationError: no sources, or settings that contradict each other.
        ModelNotInstalled: a configured model that is not there.
        SourceError: a source that does not exist.
        StoreError: a store that cannot be used.
        StoreBusyError: another stream is on the store, or a run writes to it at the start.
        SearchIndexError: an index that cannot be used.
        RunFailedError: a window cannot be committed.
        StreamError: the pipeline failed, or was abandoned.
    """
    if not settings.sources and options.intake is None:
        raise ConfigurationError("name at least one source: a file, directory, glob, URI or -")
    check_entity_models(settings)
    runner = runner_of(settings, streaming=True)
    # What the driver does itself, such as electing anew, is too little for a cluster.
    own = settings.model_copy(
        update={"runner": "direct", "runner_options": [], "reprocess": False, "workers": 1}
    )
    working = settings.model_copy(update={"runner": runner, "reprocess": False})
    store = Store(settings.store)
    store.create()
    with one_stream(store), reporting as report, state_file(store) as state_path:
        started = datetime.now(UTC)
        session = files.join(store.path, "stream", f"{started:%Y%m%dT%H%M%SZ}-{os.getpid()}")
        with writer_lock(store.path, patience(settings), brief=True):
            discard(store)
            with open_index(own) as index:
                if index is not None:
                    catch_up(store, index)
            recover(own, store, state_path, report)
            with open_state(store, state_path) as state:
                write_snapshot(store, state, session)
        sources = Sources(own, store, state_path, options.ours)
        first = first_order(store)
        flight = Flight(session, first, own.stream.in_flight, own.batch_bytes)
        windows = Windows(own, store, state_path, session, started, flight, sources, report)
        driver = _Driver(own, options, signals, session, sources, flight, windows)
        with ExitStack() as stack:
            stack.enter_context(sources.watched())
            if sources.is_due():
                driver.look()  # says what is wrong with the sources, before anything is started
            stack.enter_context(windows.index())
            stack.callback(lambda: files.delete_tree(session) if driver.is_settled else None)
            pipeline = PipelineProcess(Job(working, session, first, started, options.verbose))
            stack.callback(pipeline.stop)
            _load()  # while the pipeline starts
            driver.drive(pipeline)


def _load() -> None:
    """Load now what the first commit needs; it would hold up all that arrives meanwhile."""
    import pipelines.ingest  # noqa: F401  brings Beam and all transforms


@contextmanager
def one_stream(store: Store) -> Iterator[None]:
    """Make sure that no other stream is on the store while the block runs.

    Raises:
        StoreBusyError: there is one.
    """
    place = files.join(store.path, "stream")
    if not files.is_remote(store.path):
        Path(place).mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(writer_lock(place))
        except StoreBusyError:
            told = lock_holder(place) or {}
            who = ", ".join(f"{name} {told[name]}" for name in ("pid", "host") if name in told)
            raise StoreBusyError(
                f"another stream is on {store.path} ({who or 'process unknown'}); stop it first, "
                "or give this one a store of its own"
            ) from None
        yield


class _Driver:
    """Gives orders, sees to what is staged, ends."""

    def __init__(
        self,
        settings: Settings,
        options: StreamOptions,
        signals: StopSignals,
        session: str,
        sources: Sources,
        flight: Flight,
        windows: Windows,
    ) -> None:
        self._settings, self._options, self._signals = settings, options, signals
        self._session, self._sources = session, sources
        self._flight, self._windows = flight, windows
        self._waiting: deque[SourceFile] = deque()
        self._known: Mapping[str, str] = {}
        self._taken_in = True
        self._has_ordered = False
        self.is_settled = False
        """Whether all that was staged is committed."""

    def drive(self, pipeline: PipelineProcess) -> None:
        """Keep the pipeline at work until the end.

        Raises:
            StreamError: the pipeline failed, or not all was done when it had to be.
            ConfigurationError: the pipeline cannot be run with these settings.
        """
        while not self._is_over and pipeline.ending() is None:
            self._windows.turn()
            self._order()
            self._signals.wait(_TICK)
        if pipeline.ending() is None:
            log.info("stopping: finishing what was read; a second signal abandons it")
        self._drain(pipeline)

    @property
    def _is_over(self) -> bool:
        intake = self._options.intake
        if intake is not None and not self._settings.sources and intake.has_ended:
            return not self._taken_in and not self._waiting
        return self._signals.is_set()

    def look(self) -> None:
        """Look at the sources, and keep what is to be read."""
        look = self._sources.look()
        self._windows.seen(look)
        self._wait_for(look.files, look.known)

    def _order(self) -> None:
        intake = self._options.intake
        if not self._waiting:
            if intake is not None and intake.write():
                self._taken_in = True
            if self._taken_in:
                self._taken_in = False
                self._wait_for(self._sources.taken_in().files, {})
            if self._sources.is_due():
                self.look()
        for order in self._flight.take(self._waiting, self._known, datetime.now(UTC)):
            self._has_ordered = True
            write_order(self._session, order)

    def _wait_for(self, found: Sequence[SourceFile], known: Mapping[str, str]) -> None:
        self._known = {**self._known, **known} if self._waiting else known
        self._waiting.extend(file for file in found if file.uri not in self._flight)

    def _drain(self, pipeline: PipelineProcess) -> None:
        """Let the pipeline finish what was ordered, and commit it."""
        write_end(self._session, self._flight.next)
        limit = time.monotonic() + self._options.grace.total_seconds()
        ending = pipeline.ending()
        while ending is None and self._flight.is_working and not self._is_late(limit):
            self._windows.turn()
            self._signals.wait(_TICK)
            ending = pipeline.ending()
        if self._signals.count > 1:
            raise StreamError("abandoned; what was staged is committed when a stream starts again")
        while not self._windows.commit():
            if self._is_late(limit):
                raise StreamError(
                    "another run holds the store; what was staged is committed when a stream "
                    "starts again"
                )
            self._signals.wait(1.0)
        self.is_settled = True
        if self._flight.is_empty:
            pipeline.wait(_END_SECONDS)
        ending = pipeline.ending() or Ending()
        if not ending.error and not self._flight.is_empty:
            ending = Ending("it did not end in time", ExitCode.FAILED)
        if ending.exit_code == ExitCode.USAGE:
            raise ConfigurationError(ending.error)
        if ending.error:
            then = "; what the stream had read is committed, the rest is read at the next start"
            raise StreamError(ending.error + (then if self._has_ordered else ""))

    def _is_late(self, limit: float) -> bool:
        return time.monotonic() >= limit or self._signals.count > 1
