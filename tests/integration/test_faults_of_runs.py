"""Faults of disk, clock, manifest, source and server; what comes after is as if none had been."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipelines.store import Store
from tests.integration.command import COMMAND, docsluice
from tests.integration.kills import World
from tests.integration.same_store import assert_same, assert_whole
from tests.integration.servers.fault_proxy import FaultProxy
from tests.integration.texts import english
from transforms.index import Query
from transforms.sqlite import SqliteIndex

MB = 1_000_000
FILES = 6

Mount = Callable[[str, int], Path]


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """Mounts a disk of so many bytes below the test's directory."""
    mounted: list[Path] = []

    def call(name: str, size: int) -> Path:
        directory = tmp_path / name
        directory.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"this machine lets nobody but root mount a disk: {error}")
        mounted.append(directory)
        return directory

    yield call
    for directory in mounted:
        subprocess.run(["umount", str(directory)], check=False, capture_output=True)


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Some files, for several small batches."""
    directory = tmp_path / "sources"
    directory.mkdir()
    for number, text in enumerate(english(FILES)):
        (directory / f"{number}.txt").write_text(text.body)
    return directory


def indexed(store: Path) -> set[str]:
    """Names of the files in the embedded index."""
    with closing(SqliteIndex(store / "search.db")) as index:
        return {Path(hit.source).name for hit in index.search(Query(source="/", limit=99)).hits}


def size_of(directory: Path) -> int:
    return int(subprocess.check_output(["du", "-s", "-B1", directory]).split()[0])


def test_a_disk_that_fills_in_one_of_several_batches(tmp_path: Path, mount: Mount) -> None:
    (tmp_path / "world").mkdir()
    world = World(tmp_path / "world")
    undisturbed = world.undisturbed()
    before = world.root / "before"
    grown = size_of(undisturbed) - size_of(before)
    small = mount("small", size_of(before) + grown // 2 + 2 * MB)
    store = small / "store"
    subprocess.run(["cp", "-a", before, store], check=True)
    filled = world.run(store)
    assert filled.returncode == 3, filled.stderr
    said, reason = filled.stderr.strip().splitlines()[-2:]
    assert "batches are committed" in said
    assert re.search(r"No space left on device|The disk is full", reason)
    assert str(store) in reason
    runs = len(list(store.glob("runs/*.json")))
    assert 1 < runs < len(list(undisturbed.glob("runs/*.json"))), "the disk is of a wrong size"
    subprocess.run(["mount", "-o", f"remount,size={100 * MB}", str(small)], check=True)
    world.finish(store)
    assert_same(store, undisturbed)
    assert_whole(store)


AHEAD = """
import datetime, sys
import pipelines.store
class Ahead(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return super().now(tz) + datetime.timedelta(days=400)
pipelines.store.datetime = Ahead
from pipelines.cli import main
main()
"""
"""The command with a clock that is ahead: a real one cannot be set in a test, so the name by which
the store asks for the time is another."""


def test_the_newest_version_counts_when_the_clock_jumps_back(sources: Path, tmp_path: Path) -> None:
    arguments = ("run", str(sources), "--no-entities", "--workers", "1", "--quiet")
    ahead = [sys.executable, "-c", AHEAD, *arguments]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"}
    subprocess.run(ahead, check=True, timeout=120, cwd=tmp_path, env=environment)
    (sources / "0.txt").write_text("By now about something else: the keepers of bees.")
    (sources / "1.txt").unlink()
    (sources / "2-again.txt").write_text((sources / "2.txt").read_text().upper())
    assert docsluice(*arguments, cwd=tmp_path).returncode == 0
    (sources / "0.txt").write_text("And once more about something else: ferries and fares.")
    assert docsluice(*arguments, cwd=tmp_path).returncode == 0
    runs = list(Store(str(tmp_path / "store")).manifests)
    assert [run_id.split("-")[0] for run_id in runs] == ["000001", "000002", "000003"]
    assert runs[0].split("-")[1] > runs[1].split("-")[1]
    assert_whole(tmp_path / "store")
    with closing(SqliteIndex(tmp_path / "store" / "search.db")) as index:
        assert index.search(Query("ferries fares")).total == 1
        assert index.search(Query("keepers bees")).total == 0


def test_a_truncated_manifest_is_named_and_what_it_named_is_read_anew(tmp_path: Path) -> None:
    (tmp_path / "world").mkdir()
    world = World(tmp_path / "world")
    undisturbed = world.undisturbed()
    store = world.root / "truncated"
    subprocess.run(["cp", "-a", undisturbed, store], check=True)
    last = max(store.glob("runs/*.json"))
    last.write_bytes(last.read_bytes()[:100])
    stopped = world.run(store)
    assert stopped.returncode == 3
    (line,) = stopped.stderr.splitlines()
    assert last.name in line
    assert "move it away" in line
    last.rename(tmp_path / "damaged.json")
    world.finish(store)
    assert_same(store, undisturbed)
    assert_whole(store)


def test_an_unmounted_source_deletes_nothing(tmp_path: Path, mount: Mount) -> None:
    disk = mount("disk", 10 * MB)
    for number, text in enumerate(english(FILES)):
        (disk / f"{number}.txt").write_text(text.body)
    arguments = ("run", disk, "--no-entities", "--workers", 1)
    assert docsluice(*arguments, cwd=tmp_path).returncode == 0
    known = indexed(tmp_path / "store")
    assert len(known) == FILES
    subprocess.run(["umount", str(disk)], check=True)
    assert list(disk.iterdir()) == []
    unmounted = docsluice(*arguments, cwd=tmp_path)
    assert unmounted.returncode == 0
    assert f"nothing is deleted: the sources of {FILES} documents are gone" in unmounted.stderr
    disk.rmdir()
    removed = docsluice(*arguments, cwd=tmp_path)
    assert "nothing is deleted" in removed.stderr
    assert indexed(tmp_path / "store") == known
    assert_whole(tmp_path / "store")


def test_an_index_out_of_reach_in_one_run_is_complete_after_the_next(
    sources: Path, tmp_path: Path, fault_proxy: FaultProxy, elasticsearch_url: str
) -> None:
    settings: dict[str, Any] = {
        "sources": [str(sources)],
        "store": str(tmp_path / "store"),
        "entities": False,
        "workers": 1,
        "batch_bytes": 1,
        "elasticsearch": {"url": fault_proxy.url, "index": "test-away", "total_seconds": 2},
    }
    config = tmp_path / "settings.json"
    config.write_text(json.dumps(settings))
    command = ("run", "--config", config, "--quiet")
    runs = tmp_path / "store" / "runs"
    fault_proxy.outage()
    unreachable = docsluice(*command, cwd=tmp_path)
    assert unreachable.returncode == 3
    assert "no Elasticsearch answers" in unreachable.stderr
    assert not list(runs.glob("*.json"))
    fault_proxy.recover()
    with subprocess.Popen(
        [*COMMAND, *map(str, command)], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    ) as process:
        watcher = threading.Thread(target=cut_off_after, args=(fault_proxy, runs, 3, process))
        watcher.start()
        _, said = process.communicate(timeout=120)
        watcher.join()
    assert process.returncode == 3, said
    assert "Parquet files are safe" in said
    assert 3 <= len(list(runs.glob("*.json"))) < FILES
    fault_proxy.recover()
    assert docsluice(*command, cwd=tmp_path).returncode == 0
    assert_whole(tmp_path / "store", elasticsearch={"url": elasticsearch_url, "index": "test-away"})


def cut_off_after(
    proxy: FaultProxy, runs: Path, number: int, process: subprocess.Popen[str]
) -> None:
    """Let the server go away as soon as so many runs are committed."""
    while len(list(runs.glob("*.json"))) < number and process.poll() is None:
        time.sleep(0.001)
    proxy.outage()
