"""The driver of a stream at work with one pipeline: gives orders, sees to what is staged, ends."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipelines.brokers import Broker
from pipelines.console import ExitCode
from pipelines.settings import ConfigurationError, Settings
from pipelines.stop_signals import StopSignals
from pipelines.stream_flight import Flight
from pipelines.stream_intake import Intake
from pipelines.stream_pipeline import Ending, PipelineProcess
from pipelines.stream_sources import Sources
from pipelines.stream_windows import Windows
from transforms.read.slices import SourceFile
from transforms.stream.orders import write_end, write_order

log = logging.getLogger(__name__)

_TICK = 0.05
_SHARE = 4
"""A look for messages is followed by a pause of so many times its duration."""
_END_SECONDS = 10.0
"""Seconds in which a pipeline that has nothing left to do must have ended."""


class StreamError(RuntimeError):
    """The stream cannot go on; the message is one line for the user."""


class PipelineLostError(StreamError):
    """The pipeline has failed; what it had staged is committed.

    ``reason`` is one line. For ``has_begun`` see :class:`pipelines.stream_pipeline.Ending`.
    """

    def __init__(self, ending: Ending, has_ordered: bool) -> None:
        then = "; what the stream had read is committed, the rest is read at the next start"
        super().__init__(ending.error + (then if has_ordered and ending.has_begun else ""))
        self.reason, self.has_begun = ending.error, ending.has_begun


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """How the driver behaves.

    ``grace`` is the time in which what was ordered may be finished after the first signal.
    ``intake`` takes lines, if there are any to take; without sources the stream ends with them.
    ``brokers`` are sources whose messages are taken.
    ``ours`` are paths whose changes say nothing. ``verbose`` is for the log of the pipeline.
    """

    grace: timedelta = timedelta(seconds=60)
    intake: Intake | None = None
    brokers: tuple[Broker, ...] = ()
    ours: tuple[str, ...] = ()
    verbose: bool = False


class Driver:
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
        self._messages_at = 0.0
        self.is_settled = False
        """Whether all that was staged is committed."""

    def drive(self, pipeline: PipelineProcess, taking: Sequence[PipelineProcess] = ()) -> None:
        """Keep the pipeline at work until the end, and those that take messages of brokers.

        Raises:
            PipelineLostError: the pipeline failed.
            StreamError: not all was done when it had to be.
            ConfigurationError: the pipeline cannot be run with these settings.
        """
        failed: Ending | None = None
        while not self._is_over and pipeline.ending() is None and failed is None:
            self._windows.turn()
            self._order()
            self._signals.wait(_TICK)
            failed = next((ending for one in taking if (ending := one.ending())), None)
        if pipeline.ending() is None:
            why = "stopping" if self._signals.is_set() else "no more is to come"
            log.info("%s: finishing what was read; a second signal abandons it", why)
        for process in taking:
            process.stop()
        self._drain(pipeline)
        if failed is not None:
            kind = ConfigurationError if failed.exit_code == ExitCode.USAGE else StreamError
            raise kind(f"taking messages: {failed.error or 'the pipeline has ended'}")

    @property
    def _is_over(self) -> bool:
        intake = self._options.intake
        others = self._settings.sources or self._options.brokers
        if intake is not None and not others and intake.has_ended:
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
            if self._taken_in or self._are_messages_due():
                self._taken_in = False
                began = time.monotonic()
                self._wait_for(self._sources.taken_in().files, {})
                spent = time.monotonic() - began
                pause = max(self._settings.stream.poll_seconds, _SHARE * spent)
                self._messages_at = began + spent + pause
            if self._sources.is_due():
                self.look()
        for order in self._flight.take(self._waiting, self._known, datetime.now(UTC)):
            self._has_ordered = True
            write_order(self._session, order)

    def _are_messages_due(self) -> bool:
        return bool(self._options.brokers) and time.monotonic() >= self._messages_at

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
        is_lost = ending is not None and not self._signals.is_set()
        while not self._windows.commit():
            if self._is_late(limit) and (self._signals.is_set() or not is_lost):
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
            ending = Ending("it did not end in time", ExitCode.FAILED, has_begun=True)
        if ending.exit_code == ExitCode.USAGE:
            raise ConfigurationError(ending.error)
        if ending.error:
            raise PipelineLostError(ending, self._has_ordered)

    def _is_late(self, limit: float) -> bool:
        return time.monotonic() >= limit or self._signals.count > 1
