"""Worker processes for a runner on this machine, started as it asks and gone with the driver.

Beam's ``LOOPBACK`` works in threads of the driver, of which Python lets one compute at a time; and
Beam's own pool of processes listens to the whole network and outlives a driver that is killed.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc

from pipelines.direct import LOST, WorkerLostError
from pipelines.settings import Settings
from pipelines.worker_group import WorkerGroup

_STOP_SECONDS = 5
_START = "import sys; sys.path.append(sys.argv.pop(1)); from pipelines.worker import main; main()"
_ROOT = str(Path(__file__).parents[1])


class WorkerPool(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """Starts and stops worker processes for the runner (Beam's Fn API, external environment)."""

    def __init__(self, group: int, settings: Settings | None) -> None:
        """Have no workers yet; each that is asked for will be so many processes."""
        self._group = group
        self._settings = settings
        self._groups: dict[str, WorkerGroup] = {}
        self._processes: dict[str, list[subprocess.Popen[bytes]]] = {}
        self._started = 0
        self._lock = threading.Lock()
        self._closed = False
        self._lost = False

    def StartWorker(self, request: Any, _context: Any) -> Any:  # noqa: N802  the name is Beam's
        """Start a worker that serves the runner at the address it gives."""
        control, worker = request.control_endpoint.url, request.worker_id
        with self._lock:
            if self._closed:
                return beam_fn_api_pb2.StartWorkerResponse(error="the driver ends")
            group = WorkerGroup(control, worker, self._group, first=self._group * self._started)
            self._started += 1
            self._groups[worker] = group
            self._processes[worker] = [
                _work(endpoint, worker, self._settings) for endpoint in group.endpoints
            ]
            for process in self._processes[worker]:
                _watch(process, group)
        return beam_fn_api_pb2.StartWorkerResponse()

    def StopWorker(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Stop a worker."""
        self._end(request.worker_id)
        return beam_fn_api_pb2.StopWorkerResponse()

    def has_lost(self) -> bool:
        """Whether a worker was killed or crashed."""
        with self._lock:
            return self._lost or any(map(_has_crashed, self._processes.values()))

    def close(self) -> None:
        """Stop all workers, and start no more."""
        with self._lock:
            self._closed = True
            workers = list(self._processes)
        for worker in workers:
            self._end(worker)

    def _end(self, worker: str) -> None:
        with self._lock:
            processes = self._processes.pop(worker, [])
            group = self._groups.pop(worker, None)
            self._lost |= _has_crashed(processes)
        if group:
            group.close()
        for process in processes:
            process.terminate()
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
            process.kill()
            process.communicate()


def _work(endpoint: str, worker: str, settings: Settings | None) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, "-P", "-c", _START, _ROOT, endpoint, worker],
        stdin=subprocess.PIPE,  # it ends when this closes
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C goes to all; the driver decides
    )
    if process.stdin:
        with suppress(BrokenPipeError):  # if it is gone already, its exit code tells
            pickle.dump(settings, process.stdin)
            process.stdin.flush()
    return process


def _watch(process: subprocess.Popen[bytes], group: WorkerGroup) -> None:
    """Let the runner know of a process that ends, also of one that ends before it has connected."""

    def wait() -> None:
        process.wait()
        group.close()

    threading.Thread(target=wait, name="watch worker", daemon=True).start()


def _has_crashed(processes: list[subprocess.Popen[bytes]]) -> bool:
    return any(process.poll() for process in processes)


@contextmanager
def worker_pool(group: int = 1, settings: Settings | None = None) -> Iterator[str]:
    """A pool on loopback for the block; gives its ``HOST:PORT``. Its workers end with the block.

    Args:
        group: number of processes that each worker is made of.
        settings: of the run, whose models each process loads before it works.

    Raises:
        WorkerLostError: the block failed, and a worker had been killed or had crashed.
    """
    pool = WorkerPool(group, settings)
    server = grpc.server(ThreadPoolExecutor(2))
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(pool, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"localhost:{port}"
    except Exception as error:
        if pool.has_lost():
            raise WorkerLostError(LOST) from error
        raise
    finally:
        server.stop(0)
        pool.close()
