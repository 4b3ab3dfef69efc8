"""The child process in which the scheduler has a run done (see ``pipelines.attempt``)."""

from __future__ import annotations

import ctypes
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import NoReturn

import orjson

from pipelines.attempt import FINISH, STOPPED, Outcome, Request
from pipelines.console import ExitCode, end_process, exit_code, set_up_logging

_PR_SET_PDEATHSIG = 1


class _Enough:
    """Set by ``FINISH``: no further batch is to be begun."""

    def __init__(self) -> None:
        self.is_set = False
        signal.signal(FINISH, self._set)

    def _set(self, _number: int, _frame: FrameType | None) -> None:
        self.is_set = True

    def announce(self, _batch: str) -> None:
        """Called before each batch of several."""
        if self.is_set:
            raise KeyboardInterrupt


def main() -> NoReturn:
    """Read a request from stdin, do the run, print what became of it as JSON.

    SIGTERM abandons the run; ``FINISH`` ends it after the batch in hand.
    """
    enough = _Enough()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if sys.platform == "linux":  # without a scheduler nobody would know of this run
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    try:
        request = Request(**orjson.loads(sys.stdin.buffer.read()))
        sys.argv[:] = ["docsluice", request.command]
        set_up_logging(request.verbose, request.quiet)
        outcome = attempt(request, enough.announce)
    except KeyboardInterrupt:
        outcome = Outcome("abandoned", ExitCode.FAILED, STOPPED)
    sys.stdout.buffer.write(orjson.dumps(asdict(outcome)))
    end_process(int(outcome.exit_code))


def attempt(request: Request, announce: Callable[[str], None]) -> Outcome:
    """Do a run; errors that a user can mend are told in the outcome.

    Args:
        request: what to do.
        announce: called before each batch, if there are several.

    Raises:
        Exception: any other error.
        KeyboardInterrupt: SIGTERM came.
    """
    from pipelines.execute import execute
    from pipelines.lock import StoreBusyError
    from pipelines.progress import follower
    from pipelines.settings import load
    from pipelines.state import read_state
    from pipelines.store import Store

    try:
        settings = load(request.flags, Path(request.config) if request.config else None)
        summary = execute(settings, follower(silent=True), announce)
        with read_state(Store(settings.store)) as state:
            published = state.published()
    except StoreBusyError as error:
        return Outcome("busy", ExitCode.FAILED, str(error))
    except (RuntimeError, ValueError, OSError) as error:
        code = exit_code(error)
        if code is None:
            raise
        return Outcome("failed", code, str(error))
    failed = settings.strict and summary.failed
    return Outcome(
        "done",
        ExitCode.SOME_FAILED if failed else ExitCode.WELL,
        run_ids=summary.run_ids,
        outcomes=summary.outcomes,
        unchanged=summary.unchanged,
        young=summary.young,
        published=published,
    )
