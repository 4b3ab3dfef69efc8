"""The direct runner on several processes, which end with it, whatever happens.

Beam waits for ever for a worker process that was killed (for want of memory, say), and finishes
the work in flight after Ctrl-C. Here a lost worker fails the run at once, and an interrupted run
stops its workers.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import apache_beam as beam

CAN_FORK = sys.platform == "linux"
"""Elsewhere forking a process that has loaded numerical libraries is not safe."""


LOST = "a worker process was killed, perhaps for want of memory; try fewer --workers"


class WorkerLostError(RuntimeError):
    """A worker process ended before its work was done."""


@contextmanager
def direct_pipeline(workers: int, prepare: Callable[[], None]) -> Iterator[beam.Pipeline]:
    """A pipeline on the direct runner with this many processes, to be run inside the block.

    Args:
        workers: number of processes; one works in this process.
        prepare: loads what the workers need, called before they are forked.

    Raises:
        WorkerLostError: a worker process was killed or crashed.
        KeyboardInterrupt: SIGINT or SIGTERM came; the workers are gone.
    """
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    options = [f"--direct_num_workers={workers}"]
    if workers == 1:
        yield beam.Pipeline(FnApiRunner(), PipelineOptions(options))
    elif CAN_FORK:
        prepare()
        with _forked_runner(workers) as runner:
            yield beam.Pipeline(runner, PipelineOptions(options))
    else:
        options.append("--direct_running_mode=multi_processing")
        yield beam.Pipeline(FnApiRunner(), PipelineOptions(options))


@contextmanager
def _forked_runner(workers: int) -> Iterator[beam.runners.PipelineRunner]:
    """A runner on forked workers, which are gone when the block ends, however it ends."""
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner
    from apache_beam.transforms.environments import python_sdk_capabilities

    from pipelines.forked import ForkedEnvironment, WorkerPool

    ignore_lost_connections()
    lost = threading.Event()

    def on_loss() -> None:
        lost.set()
        os.kill(os.getpid(), signal.SIGINT)  # the main thread waits for the worker

    pool = WorkerPool(workers, on_loss)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        pool.kill()
        raise KeyboardInterrupt

    signals = (signal.SIGINT, signal.SIGTERM)
    handlers = [signal.signal(number, interrupt) for number in signals]
    try:
        yield FnApiRunner(ForkedEnvironment(python_sdk_capabilities(), ()))
    except KeyboardInterrupt:
        if lost.is_set():
            raise WorkerLostError(LOST) from None
        raise
    finally:
        pool.kill()
        for number, handler in zip(signals, handlers, strict=True):
            signal.signal(number, handler)


def ignore_lost_connections() -> None:
    """Keep Beam's threads from printing how their connections to what has ended broke."""
    from grpc import RpcError

    show = threading.excepthook

    def hook(failure: threading.ExceptHookArgs) -> None:
        if not isinstance(failure.exc_value, RpcError):
            show(failure)

    threading.excepthook = hook
