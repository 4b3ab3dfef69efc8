"""Worker processes forked from the driver, as a Beam environment.

Beam's own worker processes each import all modules and load all models anew, several seconds of
work; forked ones start with what the driver has, in memory that they share. They must be forked
before the runner opens its first connection or starts its first thread.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from apache_beam.portability.api import endpoints_pb2
from apache_beam.runners.portability.fn_api_runner.worker_handlers import (
    GrpcWorkerHandler,
    WorkerHandler,
)
from apache_beam.transforms.environments import Environment
from google.protobuf import json_format, text_format

URN = "docsluice:env:forked:v1"
_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class ForkedWorker:
    """A child process that waits, on the other end of ``pipe``, for a runner to serve."""

    pid: int
    pipe: int


class WorkerPool:
    """Children forked at once, handed out one by one to the runner; one pool at a time."""

    current: WorkerPool | None = None

    def __init__(self, count: int, on_loss: Callable[[], None]) -> None:
        """Fork ``count`` children; ``on_loss`` is called when one ends that should not."""
        gc.freeze()  # what the collector touched later would be copied to every child
        self._stopping = False
        self._on_loss = on_loss
        self._waiting: list[ForkedWorker] = []
        for _ in range(count):
            self._waiting.append(self._fork())
        gc.unfreeze()
        self._workers = list(self._waiting)
        self._watchers = {worker.pid: self._watch(worker.pid) for worker in self._workers}
        WorkerPool.current = self

    def _fork(self) -> ForkedWorker:
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            for other in (write_end, *(worker.pipe for worker in self._waiting)):
                os.close(other)
            _serve(read_end)
        os.close(read_end)
        return ForkedWorker(pid, write_end)

    def _watch(self, pid: int) -> threading.Thread:
        def wait() -> None:
            _, status = os.waitpid(pid, 0)
            if status and not self._stopping:
                self._on_loss()

        thread = threading.Thread(target=wait, name=f"watch worker {pid}", daemon=True)
        thread.start()
        return thread

    def start(self, environment: dict[str, str]) -> int:
        """Give one waiting child the addresses it shall serve; returns its process id."""
        worker = self._waiting.pop()
        with os.fdopen(worker.pipe, "w") as pipe:
            json.dump(environment, pipe)
        return worker.pid

    def join(self, pid: int) -> None:
        """Wait until a child that was told to stop has ended."""
        self._watchers[pid].join()

    def kill(self) -> None:
        """End all children now."""
        self._stopping = True
        for worker in self._workers:
            if self._watchers[worker.pid].is_alive():  # else the number may be another's by now
                os.kill(worker.pid, signal.SIGKILL)
        for worker in self._waiting:
            os.close(worker.pipe)
        self._waiting.clear()
        WorkerPool.current = None


def _serve(read_end: int) -> NoReturn:
    """What a child does: wait for an environment, serve the runner, end without clean-up.

    Handlers and locks that the driver had registered are not the child's to release.
    """
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the driver decides
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        with os.fdopen(read_end) as pipe:
            given = pipe.read()
        if given:
            os.environ.update(json.loads(given))
            from apache_beam.runners.worker import sdk_worker_main

            sdk_worker_main.main(sys.argv)
        status = 0
    finally:
        os._exit(status)


@Environment.register_urn(URN, bytes)
class ForkedEnvironment(Environment):
    """The environment of steps that run in the children of ``WorkerPool.current``."""

    def to_runner_api_parameter(self, _context: Any) -> tuple[str, bytes]:
        """The environment needs no parameters."""
        return URN, b""

    @staticmethod
    def from_runner_api_parameter(
        _payload: bytes,
        capabilities: Any,
        artifacts: Any,
        resource_hints: Any,
        _context: Any,
    ) -> ForkedEnvironment:
        """The environment of a pipeline that was serialised."""
        return ForkedEnvironment(capabilities, artifacts, resource_hints)


@WorkerHandler.register_environment(URN, bytes)
class ForkedWorkerHandler(GrpcWorkerHandler):
    """The runner's side of one child."""

    def __init__(self, _payload: bytes, state: Any, provision_info: Any, server: Any) -> None:
        super().__init__(state, provision_info, server)

    def start_worker(self) -> None:
        """Tell a waiting child where the runner listens."""
        if WorkerPool.current is None:
            raise RuntimeError("there is no pool of forked workers")
        self._pool = WorkerPool.current
        control = endpoints_pb2.ApiServiceDescriptor(url=self.control_address)
        logging = self.logging_api_service_descriptor()
        provision = self.provision_info.provision_info
        self._pid = self._pool.start(
            {
                "CONTROL_API_SERVICE_DESCRIPTOR": text_format.MessageToString(control),
                "LOGGING_API_SERVICE_DESCRIPTOR": text_format.MessageToString(logging),
                "PIPELINE_OPTIONS": json_format.MessageToJson(provision.pipeline_options),
                "WORKER_ID": self.worker_id,
            }
        )

    def stop_worker(self) -> None:
        """Wait for the child, which ends when its connections do."""
        self._pool.join(self._pid)
