"""``docsluice schedule`` as it is deployed: a process that is left alone, and signals."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sys
from itertools import pairwise
from pathlib import Path

import httpx
import pyarrow.parquet as pq
import pytest

from pipelines.lock import writer_lock
from tests.integration.command import docsluice
from tests.integration.schedulers import Scheduler, children, is_alive, texts, wait_for
from tests.integration.texts import english

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")

RIVER = "The sluice keeps the water of the canal at one height for the boats from the river. "
BREAD = "Bread needs flour, water, salt and time; the baker who hurries gets a poor loaf. "


@pytest.fixture(scope="module")
def much(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Text that keeps one process busy for some seconds."""
    sentences = [part for text in english(40) for part in re.split(r"(?<=\.)\s+", text.body)]
    pick = random.Random(3)
    path = tmp_path_factory.mktemp("much") / "many.jsonl"
    with path.open("w") as file:
        for number in range(2_000):
            file.write(json.dumps({"id": number, "text": " ".join(pick.choices(sentences, k=18))}))
            file.write("\n")
    return path


def sources_in(store: Path) -> list[str]:
    """Name of the file of each published document."""
    tables = [pq.ParquetFile(p).read(["source"]) for p in store.glob("documents/run=*/*.parquet")]
    return sorted(Path(row["source"]).name for table in tables for row in table.to_pylist())


def test_a_growing_directory_is_read_run_by_run_never_two_at_once(tmp_path: Path) -> None:
    source = texts(tmp_path / "source", a=RIVER)
    arguments = ("schedule", source, "--every", "2s", "--metrics-port", 0)
    with Scheduler(*arguments, cwd=tmp_path) as scheduler:
        scheduler.until_done(1)
        texts(source, b=BREAD)
        status = scheduler.until(
            lambda status: status["documents"] == {"kept": 2} and status["state"] == "waiting"
        )
        assert status["pid"] == scheduler.process.pid
        assert status["published"] == 2
        assert status["next_run_at"] > status["last_run"]["started_at"]
        assert status["last_run"]["exit_code"] == 0
        samples = httpx.get(f"{scheduler.metrics_url()}/metrics").text
        assert 'docsluice_documents_total{outcome="kept"} 2.0\n' in samples
        assert "docsluice_documents_published 2.0\n" in samples
        assert "docsluice_consecutive_failures 0.0\n" in samples
        assert re.search(r'^docsluice_runs_total\{result="done"\} \d+\.0$', samples, re.MULTILINE)
        assert re.search(r"^docsluice_last_success_timestamp_seconds 1\.", samples, re.MULTILINE)
        assert httpx.get(f"{scheduler.metrics_url()}/healthz").status_code == 200
        scheduler.stop()
        assert scheduler.status["state"] == "stopped"
    assert sources_in(scheduler.store) == ["a.txt", "b.txt"]
    manifests = scheduler.manifests()
    assert len(manifests) == 2
    for earlier, later in pairwise(manifests):
        assert earlier["committed_at"] <= later["started_at"]


def test_failures_back_off_and_are_told_until_the_source_is_back(tmp_path: Path) -> None:
    source = texts(tmp_path / "source")
    arguments = ("schedule", "source", "--every", "2s", "--metrics-port", 0)
    more = ("--retry-after", "1s", "--retry-at-most", "2s")
    with Scheduler(*arguments, *more, cwd=tmp_path) as scheduler:
        scheduler.until_done(1)
        source.rmdir()
        status = scheduler.until(lambda status: status["consecutive_failures"] == 2)
        assert status["last_run"]["error"] == "source not found: source"
        assert status["last_run"]["exit_code"] == 2
        scheduler.until(lambda status: status["state"] == "backing off")
        health = httpx.get(f"{scheduler.metrics_url()}/healthz")
        assert health.status_code == 503
        assert health.json()["consecutive_failures"] >= 2
        done = scheduler.status["runs"]["done"]
        texts(source)
        status = scheduler.until_done(done + 1)
        assert status["consecutive_failures"] == 0
        assert httpx.get(f"{scheduler.metrics_url()}/healthz").status_code == 200
        scheduler.until(lambda status: status["state"] == "waiting")
        scheduler.stop(signal.SIGINT)
        assert "ERROR: source not found: source (2 failures in succession); next run" in (
            scheduler.log
        )


def test_a_signal_lets_the_batch_in_hand_finish(much: Path, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    for name in ("one", "two"):
        (tmp_path / "source" / f"{name}.jsonl").symlink_to(much)
    config = tmp_path / "settings.yaml"
    config.write_text(f"batch_bytes: {much.stat().st_size}\n")
    arguments = ("schedule", "source", "--config", config, "--every", "1h")
    with Scheduler(*arguments, cwd=tmp_path) as scheduler:
        wait_for(lambda: list(scheduler.store.glob("spool/run=*")))
        scheduler.stop()
        assert scheduler.status["last_run"]["result"] == "abandoned"
        assert "1 of 2 batches are committed" in scheduler.log
    (manifest,) = scheduler.manifests()
    assert manifest["outcomes"]["kept"] > 1000
    assert list(scheduler.store.glob("spool/run=*")) == []


@pytest.mark.parametrize(
    ("grace", "signals"),
    [("1s", [signal.SIGTERM]), ("60s", [signal.SIGTERM, signal.SIGTERM])],
    ids=["grace", "second signal"],
)
def test_a_run_that_takes_too_long_is_abandoned(
    much: Path, tmp_path: Path, grace: str, signals: list[signal.Signals]
) -> None:
    with Scheduler("schedule", much, "--every", "1h", "--grace", grace, cwd=tmp_path) as scheduler:
        wait_for(lambda: list(scheduler.store.glob("spool/run=*")))
        scheduler.stop(*signals)
        assert scheduler.status["last_run"]["result"] == "abandoned"
        assert scheduler.status["state"] == "stopped"
    assert scheduler.manifests() == []
    assert list(scheduler.store.glob("*/run=*")) == []


def test_a_killed_run_is_a_failure_and_is_done_again(tmp_path: Path) -> None:
    source = texts(tmp_path / "source", a=RIVER)
    arguments = ("schedule", source, "--every", "1h", "--retry-after", "1s")
    with Scheduler(*arguments, cwd=tmp_path) as scheduler:
        wait_for(lambda: (scheduler.store / ".lock").exists())
        os.kill(scheduler.child(), signal.SIGKILL)
        status = scheduler.until(lambda status: status["consecutive_failures"])
        assert "killed by signal SIGKILL" in status["last_run"]["error"]
        scheduler.until_done(1)
        scheduler.stop()
    assert sources_in(scheduler.store) == ["a.txt"]


def test_the_run_ends_with_a_scheduler_that_is_killed(much: Path, tmp_path: Path) -> None:
    with Scheduler("schedule", much, "--every", "1h", cwd=tmp_path) as scheduler:
        wait_for(lambda: list(scheduler.store.glob("spool/run=*")))
        run = scheduler.child()
        scheduler.process.kill()
        wait_for(lambda: not is_alive(run))
    assert scheduler.manifests() == []
    with writer_lock(str(scheduler.store)):
        pass


def test_a_busy_store_is_told_and_tried_again_at_the_next_time(tmp_path: Path) -> None:
    source = texts(tmp_path / "source", a=RIVER)
    (tmp_path / "store").mkdir()
    with writer_lock(str(tmp_path / "store")):
        scheduler = Scheduler("schedule", source, "--every", "2s", cwd=tmp_path)
        with scheduler:
            status = scheduler.until(lambda status: status["runs"].get("busy"))
            assert f"process {os.getpid()}" in status["last_run"]["error"]
            assert status["consecutive_failures"] == 0
            scheduler.stop()
    assert scheduler.manifests() == []


def test_two_schedulers_share_a_store(tmp_path: Path) -> None:
    before = children(os.getpid())  # servers of other tests
    source = texts(tmp_path / "source", a=RIVER)
    arguments = ("schedule", source, "--every", "2s")
    with Scheduler(*arguments, cwd=tmp_path) as one:
        one.until(lambda status: status["pid"] == one.process.pid)
        with Scheduler(*arguments, cwd=tmp_path) as other:
            other.until_said("another scheduler writes the status file store/schedule.json")
            texts(source, b=BREAD)
            wait_for(lambda: sources_in(one.store) == ["a.txt", "b.txt"])
            wait_for(lambda: re.search(r"INFO: nothing new|WARNING: another run", other.log))
            other.stop()
            assert one.status["pid"] == one.process.pid
        one.until(lambda status: status["state"] == "waiting")
        one.stop()
    assert sources_in(one.store) == ["a.txt", "b.txt"]
    assert children(os.getpid()) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--every", "soon"], "--every: 'soon' is no length of time; write 90s, 15m, 2h or 1d"),
        (["--every", "15"], "--every: '15' is no length of time; write 90s, 15m, 2h or 1d"),
        (["--cron", "* * *"], "'* * *' has 3 fields; a crontab line has five: "),
        (["--cron", "0 0 31 2 *"], "'0 0 31 2 *' names a day that never comes"),
        ([], 'say when: either --every 15m or --cron "*/15 * * * *"'),
        (["--every", "1h", "--cron", "* * * * *"], "say when: either --every 15m or --cron"),
        (["--every", "1h", "--timezone", "Europe/Paris"], "--timezone is for --cron"),
        (["--cron", "* * * * *", "--timezone", "Mars"], "there is no time zone 'Mars' here"),
        (["--every", "1h", "--index", "papyrus"], "index: Input should be"),
        (["--every", "1h", "--grace", "-"], "--grace: '-' is no length of time"),
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = docsluice("schedule", "source", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"docsluice: {said}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [("watch",), ("schedule", "--every", "5s")], ids=" ".join)
def test_a_first_run_of_wrong_usage_ends_it_in_one_line(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    texts(tmp_path / "source", a=RIVER)
    for source, store, said in [
        ("nowhere", "store", "source not found: nowhere"),
        ("source", "file", "store: file is a file; name a directory"),
    ]:
        done = docsluice(*command, source, "--store", store, "--no-entities", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (2, f"docsluice: {said}\n")


def test_deletions_are_limited_as_the_option_says(tmp_path: Path) -> None:
    source = texts(tmp_path / "source", a=RIVER, b=BREAD)
    docsluice("run", source, "--no-entities", cwd=tmp_path)
    (source / "a.txt").unlink()
    arguments = ("schedule", source, "--every", "1h", "--max-delete-fraction", "1")
    with Scheduler(*arguments, cwd=tmp_path) as scheduler:
        assert scheduler.until_done(1)["documents"] == {"deleted": 1}
        scheduler.stop()


def test_a_taken_port_or_a_status_file_out_of_reach_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    arguments = ("schedule", "source", "--every", "1h")
    for more, said in [
        (("--status-file", "file/status.json"), "cannot write the status file file/status.json: "),
        (("--metrics-port", 9, "--metrics-address", "192.0.2.1"), "cannot serve metrics at 192"),
    ]:
        done = docsluice(*arguments, *more, cwd=tmp_path)
        assert done.returncode == 3
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"docsluice: {said}")
