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
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pipelines.brokers import check_broker
from pipelines.execute import check_entity_models, discard, patience
from pipelines.lock import StoreBusyError, lock_holder, writer_lock
from pipelines.publish import catch_up, open_index
from pipelines.runners import runner_of
from pipelines.settings import ConfigurationError, Settings
from pipelines.state import open_state, state_file
from pipelines.stop_signals import StopSignals
from pipelines.store import Store
from pipelines.stream_driver import Driver, PipelineLostError, StreamOptions
from pipelines.stream_flight import Flight
from pipelines.stream_pipeline import Job, PipelineProcess
from pipelines.stream_published import write_snapshot
from pipelines.stream_recovery import first_order, recover
from pipelines.stream_report import Reporter
from pipelines.stream_restarts import Restarts
from pipelines.stream_sources import Sources
from pipelines.stream_windows import Windows
from transforms import files

log = logging.getLogger(__name__)

_BUSY_SECONDS = 1.0
"""Time from one try to get the store for a new session to the next."""


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
        MissingForBrokerError: what a broker needs is not there.
        SourceError: a source that does not exist.
        StoreError: a store that cannot be used.
        StoreBusyError: another stream is on the store, or a run writes to it at the start.
        SearchIndexError: an index that cannot be used.
        RunFailedError: a window cannot be committed.
        StreamError: the pipeline failed again and again, or was abandoned.
    """
    if not (settings.sources or options.intake or options.brokers):
        raise ConfigurationError("name at least one source: a file, directory, glob, URI or -")
    check_entity_models(settings)
    for broker in options.brokers:
        check_broker(broker, settings)
    runner = runner_of(settings, streaming=True)
    # What the driver does itself, such as electing anew, is too little for a cluster.
    own = settings.model_copy(
        update={"runner": "direct", "runner_options": [], "reprocess": False, "workers": 1}
    )
    working = settings.model_copy(update={"runner": runner, "reprocess": False})
    store = Store(settings.store)
    store.create()
    with one_stream(store), reporting as report, state_file(store) as state_path:
        restarts = Restarts()
        while True:
            began = time.monotonic()
            try:
                _session(own, working, options, signals, store, state_path, report)
            except PipelineLostError as error:
                pause = restarts.pause(error.has_begun, time.monotonic() - began)
                if signals.is_set() or pause is None:
                    raise
                log.warning("%s; starting the pipeline again in %g s", error.reason, pause)
                signals.wait(pause)
            except StoreBusyError:
                if signals.is_set() or not restarts.in_a_row:
                    raise
                signals.wait(_BUSY_SECONDS)
            else:
                return


def _session(
    own: Settings,
    working: Settings,
    options: StreamOptions,
    signals: StopSignals,
    store: Store,
    state_path: Path,
    report: Reporter,
) -> None:
    """The stream with one pipeline: ``own`` are the settings of the driver, ``working`` its.

    Raises:
        PipelineLostError: it failed; what it had staged is committed.
        As ``stream``.
    """
    started = datetime.now(UTC)
    session = files.join(store.path, "stream", f"{started:%Y%m%dT%H%M%S.%fZ}-{os.getpid()}")
    with writer_lock(store.path, patience(own), brief=True):
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
    driver = Driver(own, options, signals, session, sources, flight, windows)
    with ExitStack() as stack:
        stack.enter_context(sources.watched())
        if sources.is_due():
            driver.look()  # says what is wrong with the sources, before anything is started
        stack.enter_context(windows.index())
        stack.callback(lambda: files.delete_tree(session) if driver.is_settled else None)
        told = (working.runner, store.path)
        log.info("starting the pipeline on %s; documents go into %s; Ctrl-C stops", *told)
        job = Job(working, session, first, started, options.verbose)
        pipeline = PipelineProcess(job)
        stack.callback(pipeline.stop)
        taking = []
        for broker in options.brokers:
            taking.append(PipelineProcess(replace(job, broker=broker)))
            stack.callback(taking[-1].stop)
        _load()  # while the pipeline starts
        driver.drive(pipeline, taking)


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
