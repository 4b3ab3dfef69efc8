from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import grpc
import pytest
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc

from pipelines.direct import WorkerLostError
from pipelines.worker_pool import worker_pool

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are found in /proc")

NOWHERE = "localhost:9"
OWNER = """
import sys, time
from tests.pipelines.test_worker_pool import start
from pipelines.worker_pool import worker_pool
with worker_pool() as endpoint:
    start(endpoint, "one")
    print("started", flush=True)
    time.sleep(600)
"""


def start(endpoint: str, worker: str) -> None:
    """What a runner does that wants a worker; it need not be there itself."""
    with grpc.insecure_channel(endpoint) as channel:
        stub = beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolStub(channel)
        request = beam_fn_api_pb2.StartWorkerRequest(worker_id=worker)
        request.control_endpoint.url = NOWHERE
        assert not stub.StartWorker(request).error


def stop(endpoint: str, worker: str) -> None:
    with grpc.insecure_channel(endpoint) as channel:
        stub = beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolStub(channel)
        stub.StopWorker(beam_fn_api_pb2.StopWorkerRequest(worker_id=worker))


def children(pid: int) -> list[int]:
    """Process numbers of all that this process started and that still are."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):
            found += map(int, (task / "children").read_text().split())
    return found


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_workers_start_and_stop_as_the_runner_asks_and_end_with_the_pool() -> None:
    before = set(children(os.getpid()))
    with worker_pool() as endpoint:
        start(endpoint, "one")
        start(endpoint, "other")
        assert len(set(children(os.getpid())) - before) == 2
        stop(endpoint, "one")
        assert len(set(children(os.getpid())) - before) == 1
    assert set(children(os.getpid())) == before


def test_a_block_that_fails_after_a_worker_was_killed_says_so() -> None:
    def fail() -> None:
        before = set(children(os.getpid()))
        with worker_pool() as endpoint:
            start(endpoint, "one")
            (worker,) = set(children(os.getpid())) - before
            os.kill(worker, signal.SIGKILL)
            time.sleep(0.2)
            stop(endpoint, "one")
            raise RuntimeError("the runner's own words")

    with pytest.raises(WorkerLostError, match="killed"):
        fail()


def test_a_block_that_fails_by_itself_says_so() -> None:
    def fail() -> None:
        with worker_pool() as endpoint:
            start(endpoint, "one")
            raise RuntimeError("its own words")

    with pytest.raises(RuntimeError, match="its own words"):
        fail()


def test_workers_end_with_a_driver_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE) as owner:
        assert owner.stdout
        assert owner.stdout.readline() == b"started\n"
        (worker,) = children(owner.pid)
        os.kill(owner.pid, signal.SIGKILL)
    eventually(lambda: not Path(f"/proc/{worker}").exists())
