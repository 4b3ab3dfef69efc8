"""A run as a child process of the scheduler.

Each has a clean process, so that memory stays flat and a crash harms nobody. The child
(``pipelines.scheduled_run``) reads a ``Request`` from stdin and prints an ``Outcome``; its
messages go to the scheduler's stderr. It is in a process group of its own: Ctrl-C reaches the
scheduler alone, which decides what becomes of the run.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson

Result = Literal["done", "failed", "busy", "abandoned"]

FINISH = signal.SIGUSR1
"""Tells the child to begin no further batch."""
STOPPED = "stopped before all was done"

_START = (
    "import sys; sys.path.append(sys.argv[1]); from pipelines.scheduled_run import main; main()"
)
_ROOT = str(Path(__file__).parents[1])


@dataclass(frozen=True, slots=True)
class Request:
    """What each run shall do: the settings that flags give, and a file with others.

    The child reads the file and the environment anew at each run. ``command`` is what others are
    told of who holds the lock of the store.
    """

    command: str
    flags: dict[str, Any]
    config: str | None = None
    verbose: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run.

    ``busy``: another process was writing to the store. ``abandoned``: it was stopped, and what
    it had not committed is as if it had not been. ``young`` files are left for the next run, for
    they may still be written; ``published`` is the number of published documents in the store.
    """

    result: Result
    exit_code: int
    error: str = ""
    run_ids: tuple[str, ...] = ()
    outcomes: dict[str, int] = field(default_factory=dict)
    unchanged: int = 0
    young: int = 0
    published: int | None = None


class Attempt:
    """A child process at work."""

    def __init__(self, request: Request) -> None:
        """Start it.

        Raises:
            OSError: the system lets no process start.
        """
        self._stopped = False
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  not a pipe: nobody reads meanwhile
        self._process = subprocess.Popen(  # noqa: S603  our own program
            [sys.executable, "-P", "-c", _START, _ROOT],
            stdin=subprocess.PIPE,
            stdout=self._output,
            process_group=0,
        )
        pipe = self._process.stdin
        if pipe is not None:
            with suppress(BrokenPipeError), pipe:  # if it is gone already, its exit code tells
                pipe.write(orjson.dumps(asdict(request)))

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def outcome(self) -> Outcome | None:
        """What became of it; None while it works."""
        code = self._process.poll()
        if code is None:
            return None
        with self._output as file:
            file.seek(0)
            said = file.read()
        if code >= 0 and said:
            told = orjson.loads(said)
            return Outcome(**{**told, "run_ids": tuple(told["run_ids"])})
        if self._stopped:
            return Outcome("abandoned", code, STOPPED)
        return Outcome("failed", code, _ending(code))

    def finish(self) -> None:
        """Have it stop after the batch in hand."""
        self._stopped = True
        self._process.send_signal(FINISH)

    def abandon(self) -> None:
        """Have it stop now, cleanly; what is not committed is lost."""
        self._stopped = True
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it, where it does not stop."""
        self._stopped = True
        self._process.kill()


def _ending(code: int) -> str:
    if code < 0:
        number = -code
        name = signal.Signals(number).name if number in set(signal.Signals) else str(number)
        return f"the process of the run was killed by signal {name}, perhaps for want of memory"
    return f"the process of the run crashed with exit code {code}; the log shows where"
