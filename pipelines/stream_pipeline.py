"""The pipeline of a stream, in a child process of the driver.

The driver lists, indexes and commits; what Beam, Python's lock and a crash of either do must not
hold it up. The child reads a pickled ``Job`` from stdin, runs it, and prints how it ended as JSON.
It is in a process group of its own: signals reach the driver alone. When stdin closes, the driver
is gone, and all that the child has started goes as well.
"""

from __future__ import annotations

import logging
import os
import pickle
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, NoReturn

import orjson

from pipelines.console import ExitCode, end_process, exit_code, set_up_logging
from pipelines.settings import Settings

if TYPE_CHECKING:
    from pipelines.brokers import Broker

log = logging.getLogger(__name__)

_STOP_SECONDS = 15.0
_LONGEST = 300
_OF_GRPC = re.compile(r'^\s*details = "(.*)"$', re.MULTILINE)
_STACK = re.compile(r"^goroutine |\.go:\d+|^created by |^[\w./*()\[\]]+\(.*\)( in goroutine.*)?$")
_START = (
    "import sys; sys.path.append(sys.argv[1]); from pipelines.stream_pipeline import main; main()"
)
_ROOT = str(Path(__file__).parents[1])


@dataclass(frozen=True, slots=True)
class Job:
    """What the pipeline has to do.

    ``session`` is the directory in which orders come and results are staged, ``first`` the number
    of the first order, ``started_at`` (UTC) the start of the session. With a ``broker`` its
    messages are written as files instead.
    """

    settings: Settings
    session: str
    first: int
    started_at: datetime
    verbose: bool = False
    broker: Broker | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How the pipeline ended.

    ``error`` is one line, and empty where all went well. ``has_begun`` says whether the runner had
    taken the job: what fails then may go well another time.
    """

    error: str = ""
    exit_code: int = 0
    has_begun: bool = False


class PipelineProcess:
    """The child at work."""

    def __init__(self, job: Job) -> None:
        """Start it.

        Raises:
            OSError: the system lets no process start.
        """
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  not a pipe: nobody reads meanwhile
        self._process = subprocess.Popen(  # noqa: S603  our own program
            [sys.executable, "-P", "-c", _START, _ROOT],
            stdin=subprocess.PIPE,
            stdout=self._output,
            process_group=0,
        )
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):  # if it is gone already, its exit code tells
                pickle.dump(job, self._process.stdin)
                self._process.stdin.flush()

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def ending(self) -> Ending | None:
        """How it ended; None while it works."""
        code = self._process.poll()
        if code is None:
            return None
        self._output.seek(0)
        said = self._output.read()
        if said:
            return Ending(**orjson.loads(said))
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return Ending(f"the process of the pipeline ended with {how}", ExitCode.FAILED, True)

    def wait(self, seconds: float) -> bool:
        """Whether it has ended, after so many seconds at most."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self._process.poll() is not None

    def stop(self) -> None:
        """End it: its job is cancelled; whatever does not end then is killed."""
        if self._process.poll() is None:
            self._process.terminate()
            self.wait(_STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        self._output.close()


def main() -> NoReturn:
    """Run the job on stdin and print its ending."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    ending = Ending()
    begun = threading.Event()
    try:
        job: Job = pickle.load(sys.stdin.buffer)  # noqa: S301  it comes from our own driver
        threading.Thread(target=_end_with_driver, name="driver", daemon=True).start()
        set_up_logging(job.verbose)
        run(job, begun.set)
    except KeyboardInterrupt:
        ending = Ending("the pipeline was stopped", ExitCode.FAILED)
    except Exception as error:
        logging.getLogger(__name__).debug("the pipeline failed", exc_info=True)
        code = exit_code(error)
        said = _cause(error) if code is None else str(error)  # what is for the user stays whole
        ending = Ending(said, ExitCode.FAILED if code is None else code, begun.is_set())
    told = asdict(ending) | {"exit_code": int(ending.exit_code)}
    sys.stdout.buffer.write(orjson.dumps(told))
    end_process(int(ending.exit_code))


def run(job: Job, begun: Callable[[], None]) -> None:
    """Run the pipeline of a session until the end of its orders.

    Args:
        job: what it has to do.
        begun: called when the runner has taken the job.

    Raises:
        ConfigurationError: options that the runner does not take.
        RuntimeError: the pipeline failed.
    """
    from pipelines.keepalive import ping_seldom
    from pipelines.runners import open_pipeline
    from pipelines.stream_graph import build_stream
    from pipelines.stream_published import FreshlyPublished

    settings = job.settings
    ping_seldom()
    if job.broker is not None:
        from pipelines.brokers import take

        take(job.broker, settings)
        return
    with open_pipeline(settings, settings.batch_bytes, streaming=True) as pipeline:
        build_stream(
            pipeline,
            settings,
            job.session,
            job.first,
            job.started_at,
            FreshlyPublished(job.session),
            ttl_seconds=settings.stream.duplicate_ttl_seconds,
            poll_seconds=settings.stream.poll_seconds,
        )
        result = pipeline.run()
        begun()
        result.wait_until_finish()


def _end_with_driver() -> NoReturn:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)  # the job is cancelled, on a server too
    threading.Event().wait(_STOP_SECONDS)
    os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(ExitCode.FAILED)


def _cause(error: BaseException) -> str:
    """The innermost error that workers report, in one line, without any stack of Python or Go."""
    text = str(error).strip()
    if told := _OF_GRPC.search(text):
        return shorten(f"the runner does not answer any more: {told[1]}", _LONGEST)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line for line in lines if not _STACK.search(line)]
    return shorten(said[-1], _LONGEST, placeholder=" …") if said else type(error).__name__
