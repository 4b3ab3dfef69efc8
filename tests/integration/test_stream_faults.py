"""What harms a stream: nothing is lost, nothing is doubled, and memory does not grow."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import time
from pathlib import Path

from elasticsearch import Elasticsearch

from pipelines.stream_restarts import PAUSES
from tests.integration.command import docsluice
from tests.integration.schedulers import children, command_of, is_alive, wait_for
from tests.integration.servers.fault_proxy import FaultProxy
from tests.integration.servers.faults import slow
from tests.integration.streams import (
    Stream,
    assert_sound,
    committed,
    indexed,
    kept,
    ordered,
    outcomes,
    text_of,
    write,
)


def resident(pid: int) -> int:
    """Memory of a process in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_a_driver_that_is_killed_goes_on_where_it_was(prism: Path, tmp_path: Path) -> None:
    source = tmp_path / "in"
    for number in range(100):
        write(source / f"{number}.txt", text_of(number))
    store = tmp_path / "store"
    with Stream("in", cwd=tmp_path, prism=prism) as stream:
        stream.until_committed(100)
        for number in range(100, 300):
            write(source / f"{number}.txt", text_of(number))
        stream.until(lambda: len(indexed(store)) > 100)  # found, and in no run yet
        pipeline = stream.pipeline()
        stream.kill()
        wait_for(lambda: not is_alive(pipeline))  # nobody is left to work for nobody
    write(source / "0.txt", text_of(1000))
    with Stream("in", cwd=tmp_path, prism=prism) as stream:
        stream.until_committed(301)
        assert stream.stop() == 0
    assert indexed(store) == {f"{n}.txt": text_of(n or 1000) for n in range(300)}
    assert kept(store) == {f"{n}.txt": 1 if n else 2 for n in range(300)}
    assert_sound(store, tmp_path)


def test_what_was_found_early_and_is_gone_at_the_restart_is_deleted(
    prism: Path, tmp_path: Path
) -> None:
    source = tmp_path / "in"
    for number in range(20):
        write(source / f"{number}.txt", text_of(number))
    with Stream("in", "--window", "1h", cwd=tmp_path, prism=prism) as stream:
        stream.until_found(20)
        told = docsluice("verify", "--store", stream.store, cwd=tmp_path).stderr
        assert f"process {stream.process.pid} on" in told
        assert told.endswith("; 20 documents wait for its window\n")
        stream.kill()
        left = docsluice("status", "--store", stream.store, cwd=tmp_path).stderr
        assert "was not ended in order; 20 documents wait to be committed" in left
    (source / "7.txt").unlink()
    with Stream("in", cwd=tmp_path, prism=prism) as stream:
        stream.until(lambda: outcomes(stream.store).get("7.txt") == "deleted")
        assert stream.stop() == 0
    assert len(indexed(stream.store)) == 19
    assert_sound(stream.store, tmp_path)


def test_a_thousand_files_delivered_three_times_in_any_order(prism: Path, tmp_path: Path) -> None:
    source, chance = tmp_path / "in", random.Random(7)
    deliveries = [number for number in range(1000) for _ in range(3)]
    chance.shuffle(deliveries)
    seen: set[int] = set()
    with Stream("in", "--window", "5s", cwd=tmp_path, prism=prism) as stream:
        for number in deliveries:
            path = source / f"{number}.txt"
            how = chance.choice(("touch", "write", "move")) if number in seen else "write"
            if how == "touch":
                path.touch()
            elif how == "move":
                aside = tmp_path / "aside"
                path.rename(aside)
                aside.rename(path)
            else:
                write(path, text_of(number))
            seen.add(number)
            time.sleep(0.003)
        stream.until(lambda: len(outcomes(stream.store)) == 1000)
        stream.until(lambda: not ordered(stream.store))
        assert stream.stop() == 0
    assert indexed(stream.store) == {f"{n}.txt": text_of(n) for n in range(1000)}
    assert set(outcomes(stream.store).values()) == {"kept"}
    assert_sound(stream.store, tmp_path)


def test_a_burst_is_taken_bit_by_bit(prism: Path, tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    with Stream(
        "in", "--in-flight", 300, "--window", "2s", "--workers", 2, cwd=tmp_path, prism=prism
    ) as stream:
        for number in range(5000):
            (source / f"{number}.txt").write_text(text_of(number))
        most = 0

        def all_committed() -> bool:
            nonlocal most
            on_their_way = ordered(stream.store)  # looked at first: the index goes on
            found = indexed(stream.store).keys()
            most = max(most, len(on_their_way - found))
            return len(found) == 5000

        stream.until(all_committed, 150)
        assert stream.stop() == 0
    assert 0 < most <= 300
    assert set(kept(stream.store).values()) == {1}
    assert sum(kept(stream.store).values()) == 5000
    assert_sound(stream.store, tmp_path)


def test_files_half_written_broken_and_a_source_that_goes_and_comes(
    prism: Path, tmp_path: Path
) -> None:
    source = tmp_path / "in"
    for number in range(10):
        write(source / f"{number}.txt", text_of(number))
    with Stream("in", "--settle", 1, cwd=tmp_path, prism=prism) as stream:
        stream.until_committed(10)
        with (source / "slow.txt").open("w") as file:
            for number in range(8):
                file.write(f"Line {number} of a text that someone still writes.\n")
                file.flush()
                time.sleep(0.4)
        whole = gzip.compress(text_of(50).encode())
        (source / "broken.txt.gz").write_bytes(whole[: len(whole) // 2])
        write(source / "after.txt", text_of(51))
        stream.until_found(12)
        assert kept(stream.store)["slow.txt"] <= 1  # not read before it was whole
        stream.until(lambda: outcomes(stream.store).get("broken.txt.gz") == "failed")
        aside = tmp_path / "aside"
        source.rename(aside)
        stream.until(lambda: "waiting for it to be back" in stream.log)
        time.sleep(4)
        aside.rename(source)
        write(source / "back.txt", text_of(52))
        stream.until_found(13)
        (source / "broken.txt.gz").write_bytes(whole)
        stream.until_found(14)
        assert stream.stop() == 0
    assert "deleted" not in outcomes(stream.store).values()
    letters = list(stream.store.glob("dead-letters/run=*/*.jsonl"))
    assert len(letters) == 1
    assert "broken.txt.gz" in letters[0].read_text()
    assert set(kept(stream.store).values()) == {1}
    assert_sound(stream.store, tmp_path)


def test_a_lost_prism_worker_or_pipeline_is_started_again_mid_window(
    prism: Path, tmp_path: Path
) -> None:
    source = tmp_path / "in"
    source.mkdir()
    with Stream("in", "--window", "1h", cwd=tmp_path, prism=prism) as stream:
        written: dict[str, str] = {}

        def more(files: int) -> None:
            for number in range(len(written), len(written) + files):
                written[f"{number}.txt"] = text_of(number)
                write(source / f"{number}.txt", text_of(number))

        for times, lost in enumerate((_prism_of, _worker_of, Stream.pipeline), 1):
            more(50)
            stream.until_found(len(written))
            more(50)
            os.kill(lost(stream), signal.SIGKILL)
            more(10)
            stream.until_found(len(written))
            assert stream.log.count("starting the pipeline again in") == times
        assert stream.stop() == 0
    assert indexed(stream.store) == written
    assert set(outcomes(stream.store).values()) == {"kept"}
    assert kept(stream.store) == dict.fromkeys(written, 1)
    assert_sound(stream.store, tmp_path)


def _prism_of(stream: Stream) -> int:
    (found,) = (pid for pid in children(stream.pipeline()) if "--job_port" in command_of(pid))
    return found


def _worker_of(stream: Stream) -> int:
    found = (pid for pid in children(stream.pipeline()) if "pipelines.worker" in command_of(pid))
    return next(found)


def test_a_pipeline_that_is_lost_again_and_again_is_given_up(prism: Path, tmp_path: Path) -> None:
    source = tmp_path / "in"
    write(source / "one.txt", text_of(1))
    with Stream("in", cwd=tmp_path, prism=prism) as stream:
        stream.until_found(1)
        while stream.process.poll() is None:
            for pid in children(stream.process.pid):
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.2)
        assert stream.process.returncode == 3
        (said,) = [line for line in stream.log.splitlines() if line.startswith("docsluice: ")]
        assert "the process of the pipeline ended with signal 9" in said
        assert stream.log.count("starting the pipeline again in") == len(PAUSES)
        assert "Traceback" not in stream.log
    assert committed(stream.store)  # what was staged
    told = json.loads((stream.store / "stream.json").read_text())
    assert (told["state"], told["consecutive_failures"]) == ("stopped", 1)
    last = told["last_run"]
    assert (last["result"], last["exit_code"]) == ("failed", 3)
    assert said == f"docsluice: {last['error']}"
    shown = docsluice("status", "--store", stream.store, cwd=tmp_path).stdout
    assert f"is not running; it failed: {last['error']}" in shown
    write(source / "two.txt", text_of(2))
    with Stream("in", cwd=tmp_path, prism=prism) as stream:
        stream.until_committed(2)
        assert stream.stop() == 0
    assert_sound(stream.store, tmp_path)


def test_a_worker_that_is_killed_on_flink_loses_and_doubles_nothing(
    flink_endpoint: str, tmp_path: Path
) -> None:
    source = tmp_path / "in"
    source.mkdir()
    option = ("--runner", "flink", "--runner-option", f"job_endpoint={flink_endpoint}")
    with Stream("in", *option, "--window", "10s", cwd=tmp_path) as stream:
        for number in range(50):
            write(source / f"{number}.txt", text_of(number))
        stream.until_found(50)
        workers = children(stream.pipeline())
        for number in range(50, 150):
            write(source / f"{number}.txt", text_of(number))
        time.sleep(1)  # some are read, none is committed
        assert len(kept(stream.store)) < 150
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        stream.until(lambda: len(indexed(stream.store)) == 150, 150)
        assert set(children(stream.pipeline())).isdisjoint(workers)
        assert stream.stop() == 0
    assert set(outcomes(stream.store).values()) == {"kept"}
    assert set(kept(stream.store).values()) == {1}
    assert_sound(stream.store, tmp_path)


def test_a_slow_index_slows_reading_and_not_memory(
    prism: Path,
    tmp_path: Path,
    fault_proxy: FaultProxy,
    es_client: Elasticsearch,
    alias: str,
) -> None:
    source = tmp_path / "in"
    source.mkdir()
    settings = {"index": alias, "url": fault_proxy.url}
    (tmp_path / "docsluice.yaml").write_text(json.dumps({"elasticsearch": settings}))
    server = ("--config", "docsluice.yaml")
    fault_proxy.inject(slow(2.0))
    with Stream("in", *server, "--in-flight", 40, cwd=tmp_path, prism=prism) as stream:
        write(source / "first.txt", text_of(0))

        def found() -> int:
            # 404: there is none yet; 503: it is being made
            counted = es_client.options(ignore_status=[404, 503]).count(index=alias)
            return int(counted.body.get("count", 0))

        stream.until(lambda: found() == 1)
        stream.until_committed(1)  # now all modules are loaded
        before = resident(stream.process.pid)
        for number in range(1, 500):
            write(source / f"{number}.txt", text_of(number))
        until = time.monotonic() + 10
        while time.monotonic() < until:
            assert len(ordered(stream.store)) <= found() + 2 * 40
            time.sleep(0.2)
        assert found() < 500
        assert resident(stream.process.pid) < before + 64 * 2**20
        fault_proxy.clear()
        stream.until(lambda: found() == 500)
        assert stream.stop() == 0
    assert set(kept(stream.store).values()) == {1}
    assert_sound(stream.store, tmp_path, "--config", "docsluice.yaml")
