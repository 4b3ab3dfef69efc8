"""What ``docsluice schedule`` and ``docsluice watch`` share.

Runs one after the other, told of in the log, the status file and the metrics, until a signal
comes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipelines.attempt import Attempt, Outcome, Request
from pipelines.console import ExitCode, count
from pipelines.rhythm import BackOff
from pipelines.service_status import Status, StatusFile, StatusFileError
from pipelines.stop_signals import StopSignals
from transforms import files

log = logging.getLogger(__name__)

STEP = 10.0
"""Seconds after which a wait looks at the clock again, which someone may have set."""
PATIENCE = 20.0
"""Seconds in which a run that is told to stop must have ended."""


class WrongUsageError(ValueError):
    """The very first run cannot be done as it was asked for; one line for the user."""


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """How the scheduler itself behaves.

    ``grace`` is what a run may still take after the first signal. Without ``status_file`` it is
    in the store, if that is local. ``metrics_port`` None opens none.
    """

    grace: timedelta = timedelta(seconds=60)
    back_off: BackOff = field(default_factory=BackOff)
    status_file: str | None = None
    metrics_port: int | None = None
    metrics_address: str = "127.0.0.1"


class Service:
    """Does runs, one at a time."""

    def __init__(
        self,
        request: Request,
        options: ServiceOptions,
        status: Status,
        file: StatusFile | None,
        signals: StopSignals,
        store: str,
    ) -> None:
        self.signals = signals
        self.status = status
        self._request, self._options, self._file = request, options, file
        self._store = store

    def show(self, status: Status) -> None:
        """From now on this is the status."""
        self.status = status
        if self._file is not None:
            self._file.write(status)

    def run(self) -> Outcome:
        """Do a run in a child process, to its end or until it has to be abandoned.

        Raises:
            WrongUsageError: the first one was asked for wrongly; further ones are tried again.
        """
        is_first = not self.status.runs
        started = datetime.now(UTC)
        self.show(self.status.running())
        try:
            outcome = self._wait_for(Attempt(self._request))
        except OSError as error:
            outcome = Outcome("failed", 3, f"cannot start the process of the run: {error.strerror}")
        self.show(self.status.after(outcome, started, datetime.now(UTC)))
        if is_first and outcome.exit_code == ExitCode.USAGE and not _may_have_runs(self._store):
            raise WrongUsageError(outcome.error)
        return outcome

    def _wait_for(self, attempt: Attempt) -> Outcome:
        told = 0
        limit = float("inf")
        while (outcome := attempt.outcome()) is None:
            self.signals.wait(min(STEP, limit - time.monotonic()))
            late = time.monotonic() >= limit
            if told == 0 and self.signals.is_set():
                told, limit = 1, time.monotonic() + self._options.grace.total_seconds()
                log.info("stopping after the batch in hand; a second signal abandons it")
                attempt.finish()
            elif told == 1 and (late or self.signals.count > 1):
                told, limit = 2, time.monotonic() + PATIENCE
                log.info("abandoning the run")
                attempt.abandon()
            elif late:
                limit = float("inf")
                attempt.kill()
        return outcome

    def rest_until(self, due: datetime) -> bool:
        """Wait until then; False if the service is to stop.

        A clock that is set back does not lengthen the wait, one that is set forth shortens it.
        """
        limit = time.monotonic() + (due - datetime.now(UTC)).total_seconds()
        while not self.signals.is_set():
            left = min((due - datetime.now(UTC)).total_seconds(), limit - time.monotonic())
            if left <= 0:
                return True
            self.signals.wait(min(STEP, left))
        return False

    def retry_at(self) -> datetime:
        """When to try again after the failures that there were."""
        return datetime.now(UTC) + self._options.back_off.wait(self.status.consecutive_failures)

    def report(self, outcome: Outcome, due: datetime, or_changes: bool = False) -> None:
        """Tell in the log and the status what became of a run, and when the next one is due.

        ``or_changes`` says that one will not wait for that if there is something new.
        """
        self.show(self.status.waiting(due))
        waits_for_changes = or_changes and outcome.result == "done" and not outcome.young
        then = "waiting for changes" if waits_for_changes else f"next run {_clock(due)}"
        then = "stopping" if self.signals.is_set() else then
        match outcome.result:
            case "done":
                log.info("%s; %s", _done(outcome), then)
            case "busy":
                log.warning("%s; %s", outcome.error, then)
            case "abandoned":
                log.warning("%s; the next run does the rest", outcome.error)
            case "failed":
                failures = count(self.status.consecutive_failures, "failure")
                log.error("%s (%s in succession); %s", outcome.error, failures, then)


@contextmanager
def service(request: Request, options: ServiceOptions, store: str) -> Iterator[Service]:
    """A service with its status file and its endpoint, for the block.

    Raises:
        StatusFileError: the status file cannot be written.
        MetricsError: the address of the endpoint is taken.
        WrongUsageError: see ``Service.run``.
    """
    logging.getLogger("pipelines").setLevel(
        logging.DEBUG if request.verbose else logging.ERROR if request.quiet else logging.INFO
    )
    with ExitStack() as stack:
        file = _status_file(request.command, options, store)
        signals = stack.enter_context(StopSignals())
        made = Service(request, options, Status(request.command), file, signals, store)
        if options.metrics_port is not None:
            from pipelines.metrics import endpoint

            address = options.metrics_address
            port = stack.enter_context(endpoint(lambda: made.status, address, options.metrics_port))
            name = f"[{address}]" if ":" in address else address
            log.info("metrics at http://%s:%d/metrics", name, port)
        made.show(made.status)
        try:
            yield made
        finally:
            made.show(made.status.stopped())
        log.info("stopped")


def _status_file(command: str, options: ServiceOptions, store: str) -> StatusFile | None:
    if options.status_file:
        return StatusFile(Path(options.status_file))
    if files.is_remote(store):
        return None
    try:
        return StatusFile(Path(store, f"{command}.json"))
    except StatusFileError as error:
        log.warning("%s; this one goes on without", error)
        return None


def _may_have_runs(store: str) -> bool:
    """Whether runs may be committed: then what is missing was there once, and may come back."""
    if files.is_remote(store):
        return True
    try:
        return bool(files.names(str(Path(store, "runs")), ".json"))
    except OSError as error:
        return not isinstance(error, NotADirectoryError)


def _done(outcome: Outcome) -> str:
    young = f", {count(outcome.young, 'file')} may still be written" if outcome.young else ""
    if not outcome.run_ids:
        return f"nothing new: {count(outcome.unchanged, 'file')} unchanged{young}"
    runs = outcome.run_ids[0] if len(outcome.run_ids) == 1 else f"{len(outcome.run_ids)} runs"
    counts = ", ".join(f"{number:,} {kind}" for kind, number in outcome.outcomes.items())
    return f"{runs}: {counts}{young}"


def _clock(due: datetime) -> str:
    if due <= datetime.now(UTC):
        return "now"
    return due.astimezone().strftime("at %Y-%m-%d %H:%M:%S %Z")
