"""``docsluice run`` on Prism and on Flink: the store of the direct runner, and clear ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc
from grpc import insecure_channel

from tests.conftest import SEEDS
from tests.integration.command import COMMAND, docsluice, start
from tests.integration.conftest import skipping
from tests.integration.many import FAILED, write_many
from tests.integration.same_store import assert_same, assert_whole
from tests.integration.servers.prism import prism_binary

BEGIN = 90
"""Seconds that a run on a loaded machine may take to its first spool files."""
PATIENCE = 30
"""Seconds in which a stopped run must have ended."""

RUNNERS = ("prism", "flink")
Flags = Callable[[str], list[str]]


@pytest.fixture
def flags(request: pytest.FixtureRequest) -> Flags:
    """What a user types for each runner; the server starts when it is asked for."""

    def of(runner: str) -> list[str]:
        server = request.getfixturevalue({"prism": "prism", "flink": "flink_endpoint"}[runner])
        option = {"prism": "prism_location", "flink": "job_endpoint"}[runner]
        return ["--runner", runner, "--runner-option", f"{option}={server}"]

    return of


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_many(tmp_path_factory.mktemp("many") / "sources")


@pytest.fixture(scope="module")
def direct(many: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of 5,000 documents that one process of the direct runner makes."""
    directory = tmp_path_factory.mktemp("direct")
    done = docsluice("run", many, "--no-entities", "--workers", 1, "--json", cwd=directory)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outcomes"]["failed"] == FAILED
    assert_whole(directory / "store")
    return directory / "store"


@pytest.mark.parametrize("runner", RUNNERS)
def test_the_seeds_with_entities_make_the_same_store(
    runner: str, flags: Flags, tmp_path: Path
) -> None:
    for store, how in (("expected", ["--workers", "1", "--no-cache"]), ("store", flags(runner))):
        done = docsluice("run", SEEDS, "--store", store, "--quiet", *how, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    assert_same(tmp_path / "store", tmp_path / "expected")
    assert_whole(tmp_path / "store")


@pytest.mark.parametrize("here", [[], ["--runner-option", "environment_type=LOOPBACK"]])
@pytest.mark.parametrize("runner", RUNNERS)
def test_5000_documents_make_the_same_store(
    runner: str, here: list[str], many: Path, direct: Path, flags: Flags, tmp_path: Path
) -> None:
    """In processes of their own, and in threads of one that they share with the driver."""
    options = ["--no-entities", "--workers", 2, "--quiet", *flags(runner), *here]
    done = docsluice("run", many, *options, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list(tmp_path.glob("store/documents/run=*/*"))) > 2, "one work unit shows nothing"
    assert_same(tmp_path / "store", direct)
    assert_whole(tmp_path / "store")


@pytest.fixture(params=RUNNERS)
def midway(
    request: pytest.FixtureRequest, many: Path, flags: Flags, tmp_path: Path
) -> Iterator[subprocess.Popen[str]]:
    """A run with entities, which has spooled documents and has not finished."""
    if sys.platform != "linux":
        pytest.skip("workers are found in /proc")
    options = ("--workers", 2, "--no-cache", *flags(request.param))
    process = start("run", many, *options, cwd=tmp_path)
    try:
        wait_for(lambda: list(tmp_path.glob("store/spool/run=*/*.arrow")), BEGIN, process)
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_a_killed_worker_is_one_clear_line(midway: subprocess.Popen[str], tmp_path: Path) -> None:
    os.kill(workers_of(midway.pid)[0], signal.SIGKILL)
    _, said = midway.communicate(timeout=PATIENCE)
    assert midway.returncode == 3
    assert re.search(
        r"^docsluice: the run failed, nothing was committed: a worker", said, re.MULTILINE
    )
    assert "Traceback" not in said
    assert_nothing_remains(midway, tmp_path)


def test_ctrl_c_cancels_the_job(
    midway: subprocess.Popen[str], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    os.kill(midway.pid, signal.SIGINT)
    _, said = midway.communicate(timeout=PATIENCE)
    assert midway.returncode == 3
    assert said.endswith("docsluice: interrupted; nothing of this run was committed\n")
    assert "Traceback" not in said
    assert_nothing_remains(midway, tmp_path)
    if "flink" in request.node.name:
        endpoint = request.getfixturevalue("flink_endpoint")
        wait_for(lambda: not running_jobs(endpoint), PATIENCE)


def test_a_driver_that_is_killed_takes_all_with_it(
    midway: subprocess.Popen[str], tmp_path: Path
) -> None:
    started = children(midway.pid)
    assert started
    os.kill(midway.pid, signal.SIGKILL)
    midway.communicate(timeout=PATIENCE)
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started), PATIENCE)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_step_that_fails_is_one_clear_line(
    workers: int, many: Path, flags: Flags, tmp_path: Path
) -> None:
    options = ["--no-entities", "--workers", str(workers), "--quiet", *flags("prism")]
    small = ["/bin/sh", "-c", 'ulimit -f 100; exec "$@"', "sh"]  # 100 blocks: no spool file fits
    done = subprocess.run(
        [*small, *COMMAND, "run", str(many), *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=BEGIN,
    )
    assert done.returncode == 3
    assert done.stderr.startswith("docsluice: the run failed, nothing was committed: ")
    assert "File too large" in done.stderr
    assert done.stderr.count("\n") == 1


def test_prism_named_by_the_environment_is_found(tmp_path: Path) -> None:
    with skipping():
        program = prism_binary()
    options = ["--quiet", "--no-entities", "--runner", "prism"]
    done = docsluice("run", SEEDS, *options, cwd=tmp_path, env={"PRISM": str(program)})
    assert (done.returncode, done.stderr) == (0, "")


def wait_for(
    condition: Callable[[], object], seconds: float, process: subprocess.Popen[str] | None = None
) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):
            found += map(int, (task / "children").read_text().split())
    return found


def workers_of(pid: int) -> list[int]:
    commands = {child: Path(f"/proc/{child}/cmdline").read_bytes() for child in children(pid)}
    return [child for child, command in commands.items() if b"pipelines.worker" in command]


def running_jobs(endpoint: str) -> list[str]:
    with insecure_channel(endpoint) as channel:
        stub = beam_job_api_pb2_grpc.JobServiceStub(channel)
        jobs = stub.GetJobs(beam_job_api_pb2.GetJobsRequest()).job_info
    states = beam_job_api_pb2.JobState
    return [job.job_id for job in jobs if job.state in (states.RUNNING, states.STARTING)]


def assert_nothing_remains(process: subprocess.Popen[str], directory: Path) -> None:
    assert not list((directory / "store" / "runs").glob("*.json"))
    assert not list(directory.glob("store/*/run=*"))
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
