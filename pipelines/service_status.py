"""What a scheduler is doing, as values, and the file that tells others."""

from __future__ import annotations

import fcntl
import logging
import os
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import orjson

from pipelines.attempt import Outcome, Result
from transforms import files

log = logging.getLogger(__name__)

State = Literal["starting", "waiting", "running", "backing off", "stopped"]


class StatusFileError(RuntimeError):
    """The status file cannot be written; one line for the user."""


@dataclass(frozen=True, slots=True)
class LastRun:
    """The run that ended last; ``seconds`` is its duration."""

    started_at: datetime
    ended_at: datetime
    seconds: float
    result: Result
    exit_code: int
    error: str
    run_ids: tuple[str, ...]
    outcomes: dict[str, int]


@dataclass(frozen=True, slots=True)
class Status:
    """What a scheduler is doing and has done since it started; times are in UTC.

    ``runs`` counts runs by result, ``documents`` those by outcome. ``published`` is the number
    of published documents in the store, once a run has told it.
    """

    command: str
    pid: int = field(default_factory=os.getpid)
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    state: State = "starting"
    next_run_at: datetime | None = None
    consecutive_failures: int = 0
    last_success_at: datetime | None = None
    last_run: LastRun | None = None
    runs: dict[str, int] = field(default_factory=dict)
    documents: dict[str, int] = field(default_factory=dict)
    published: int | None = None

    def running(self) -> Status:
        """A run has begun."""
        return replace(self, state="running", next_run_at=None)

    def stopped(self) -> Status:
        """The scheduler ends."""
        return replace(self, state="stopped", next_run_at=None)

    def waiting(self, due: datetime | None) -> Status:
        """The next run is due then, or, if None, when there is something to do."""
        state: State = "backing off" if self.consecutive_failures else "waiting"
        at = due and due.astimezone(UTC)
        return replace(self, state=state, next_run_at=at)

    def after(self, outcome: Outcome, started: datetime, ended: datetime) -> Status:
        """A run has ended; one that found the store busy is no failure and no success."""
        done, failed = outcome.result == "done", outcome.result == "failed"
        last = LastRun(
            started,
            ended,
            round((ended - started).total_seconds(), 3),
            outcome.result,
            outcome.exit_code,
            outcome.error,
            outcome.run_ids,
            outcome.outcomes,
        )
        return replace(
            self,
            consecutive_failures=0 if done else self.consecutive_failures + failed,
            last_success_at=ended if done else self.last_success_at,
            last_run=last,
            runs=dict(Counter(self.runs) + Counter([outcome.result])),
            documents=dict(Counter(self.documents) + Counter(outcome.outcomes)),
            published=self.published if outcome.published is None else outcome.published,
        )


class StatusFile:
    """The file that tells what one scheduler does; another one does not write over it."""

    def __init__(self, path: Path) -> None:
        """Claim the file until the process ends.

        Raises:
            StatusFileError: it cannot be written, or another scheduler writes it.
        """
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = path.with_name(f".{path.name}.lock").open("a")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StatusFileError(
                f"another scheduler writes the status file {path}; name one for this one with "
                "--status-file"
            ) from None
        except OSError as error:
            raise StatusFileError(
                f"cannot write the status file {path}: {error.strerror}; name another with "
                "--status-file"
            ) from None

    def write(self, status: Status) -> None:
        """Write it whole; a disk that is full now is no reason to end."""
        content = orjson.dumps(asdict(status), option=orjson.OPT_INDENT_2) + b"\n"
        try:
            files.write(str(self._path), content)
        except OSError as error:
            log.warning("cannot write the status file %s: %s", self._path, error.strerror)
