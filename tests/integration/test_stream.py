"""``docsluice stream`` end to end: what lands is searched, and becomes runs like any others."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.integration.command import docsluice
from tests.integration.schedulers import children, command_of, is_alive, wait_for
from tests.integration.streams import (
    Stream,
    assert_sound,
    committed,
    indexed,
    kept,
    ledger,
    manifests,
    outcomes,
    text_of,
    write,
)


def test_what_lands_is_searched_before_its_window_closes_and_then_is_a_run(
    prism: Path, tmp_path: Path
) -> None:
    source = tmp_path / "in"
    write(source / "one.txt", text_of(1))
    with Stream("in", "--window", "1h", cwd=tmp_path, prism=prism) as stream:
        stream.until_found(1)
        assert not committed(stream.store)
        write(source / "two.txt", text_of(2))
        stream.until_found(2)
        assert stream.stop() == 0
        store = stream.store
    assert outcomes(store) == {"one.txt": "kept", "two.txt": "kept"}
    (manifest,) = manifests(store)
    assert manifest["stream"]["first_order"] < manifest["stream"]["last_order"]
    assert list(kept(store).values()) == [1, 1]
    assert_sound(store, tmp_path)
    status = json.loads(docsluice("status", "--json", cwd=tmp_path).stdout)
    assert status["outcomes"] == {"kept": 2}
    explained = docsluice("explain", source / "two.txt", cwd=tmp_path)
    assert explained.returncode == 0, explained.stderr
    assert committed(store)[0] in explained.stdout
    again = docsluice("run", "in", "--no-entities", "--json", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    told = json.loads(again.stdout)
    assert (told["unchanged"], told["outcomes"]) == (2, {})  # nothing was left to do


def test_changes_deletions_and_duplicates_over_windows(prism: Path, tmp_path: Path) -> None:
    source = tmp_path / "in"
    for number in range(10):
        write(source / f"{number}.txt", text_of(number))
    with Stream("in", cwd=tmp_path, prism=prism) as stream:
        stream.until_committed(10)
        write(source / "copy.txt", text_of(3))  # of what is committed
        write(source / "fresh.txt", text_of(20))
        stream.until(lambda: "fresh.txt" in indexed(stream.store))
        write(source / "fresh-copy.txt", text_of(20))  # of what is not
        write(source / "0.txt", text_of(100))
        stream.until(lambda: indexed(stream.store).get("0.txt") == text_of(100))
        (source / "1.txt").unlink()
        stream.until(lambda: outcomes(stream.store).get("1.txt") == "deleted")
        stream.until(lambda: outcomes(stream.store).get("fresh-copy.txt") == "duplicate")
        assert stream.stop() == 0
        store = stream.store
    assert outcomes(store)["copy.txt"] == "duplicate"
    assert indexed(store).keys() == {*(f"{n}.txt" for n in range(10)), "fresh.txt"} - {"1.txt"}
    assert_sound(store, tmp_path)


def test_a_moved_file_is_published_under_its_new_name(prism: Path, tmp_path: Path) -> None:
    source = tmp_path / "in"
    for number in range(10):
        write(source / f"{number}.txt", text_of(number))
    with Stream("in", cwd=tmp_path, prism=prism) as stream:
        stream.until_committed(10)
        (source / "4.txt").rename(source / "moved.txt")
        stream.until(lambda: "moved.txt" in indexed(stream.store))
        stream.until(lambda: outcomes(stream.store).get("4.txt") == "deleted")
        assert stream.stop() == 0
    assert "4.txt" not in indexed(stream.store)
    assert_sound(stream.store, tmp_path)


def test_runs_on_the_same_store_get_in(prism: Path, tmp_path: Path) -> None:
    source, other = tmp_path / "in", tmp_path / "other"
    write(source / "one.txt", text_of(1))
    write(other / "two.txt", text_of(2))
    with Stream("in", cwd=tmp_path, prism=prism) as stream:
        stream.until_found(1)
        done = docsluice("run", "other", "--no-entities", "--workers", 1, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        refused = docsluice("stream", "in", "--no-entities", cwd=tmp_path)
        assert refused.returncode == 3
        assert f"another stream is on store (pid {stream.process.pid}" in refused.stderr
        assert refused.stderr.count("\n") == 1
        write(source / "three.txt", text_of(3))
        stream.until_found(3)
        assert stream.stop() == 0
    assert sum(kept(stream.store).values()) == 3
    assert_sound(stream.store, tmp_path)


def test_lines_come_by_standard_input_and_end_with_it(prism: Path, tmp_path: Path) -> None:
    lines = [json.dumps({"text": text_of(1), "title": "One"}), text_of(2), "", "{broken"]
    with Stream("-", cwd=tmp_path, prism=prism, stdin=subprocess.PIPE) as stream:
        pipe = stream.process.stdin
        assert pipe
        pipe.write("\n".join(lines).encode() + b"\n")
        pipe.flush()
        stream.until_found(3)
        pipe.close()
        assert stream.process.wait(60) == 0, stream.log
    texts = {row["source"] for row in ledger(stream.store)}
    assert len(texts) == 3
    assert all("/store/intake/" in source for source in texts)
    assert_sound(stream.store, tmp_path)


def test_lines_come_by_a_socket(prism: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with Stream("--listen", f"127.0.0.1:{port}", cwd=tmp_path, prism=prism) as stream:
        stream.until(lambda: f"taking lines at 127.0.0.1:{port}" in stream.log)
        for number in (1, 2):
            with socket.create_connection(("127.0.0.1", port)) as sender:
                sender.sendall(f"{text_of(number)}\n".encode())
        stream.until_found(2)
        assert stream.stop() == 0
    assert_sound(stream.store, tmp_path)


def test_on_flink(flink_endpoint: str, tmp_path: Path) -> None:
    source = tmp_path / "in"
    for number in range(20):
        write(source / f"{number}.txt", text_of(number))
    option = ("--runner", "flink", "--runner-option", f"job_endpoint={flink_endpoint}")
    with Stream("in", *option, cwd=tmp_path) as stream:
        stream.until_found(20)
        write(source / "copy.txt", text_of(3))
        stream.until(lambda: outcomes(stream.store).get("copy.txt") == "duplicate")
        assert stream.stop() == 0
    assert set(kept(stream.store).values()) == {1}
    assert_sound(stream.store, tmp_path)


def test_what_it_cannot_do_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for arguments, code, said in (
        (["nowhere"], 2, "nowhere"),
        (["in", "--runner", "direct"], 2, "the direct runner cannot stream"),
        ([], 2, "name at least one source"),
        (["-", "--listen", "9099x"], 2, "--listen takes HOST:PORT"),
        (["in", "--window", "soon"], 2, "--window: 'soon' is no length of time"),
        (["in", "--runner", "spark"], 2, "spark cannot stream; take --runner prism"),
        (["in", "--runner", "nonsense"], 2, "no runner 'nonsense'; take direct, prism, flink"),
        (["in", "--runner-option", "foo"], 2, "runner_options: 'foo' is not NAME=VALUE"),
    ):
        done = docsluice("stream", *arguments, "--no-entities", cwd=tmp_path)
        assert done.returncode == code, done.stderr
        (line,) = done.stderr.splitlines()
        assert said in line


def test_a_job_server_that_does_not_answer_is_said_whole_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path / "in" / "one.txt", text_of(1))
    option = ("--runner", "flink", "--runner-option", "job_endpoint=localhost:9", "--quiet")
    done = docsluice("stream", "in", *option, "--settle", 0, "--no-entities", cwd=tmp_path)
    assert done.returncode == 3
    assert done.stderr == (
        "docsluice: no Flink job server answers at localhost:9; start one, or name another with "
        "--runner-option job_endpoint=HOST:PORT\n"
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stream_on_prism_has_a_process_for_each_lane_and_one_that_reads(
    workers: int, prism: Path, tmp_path: Path
) -> None:
    source = tmp_path / "in"
    for number in range(20):
        write(source / f"{number}.txt", text_of(number))
    with Stream("in", "--workers", workers, "--entities", cwd=tmp_path, prism=prism) as stream:
        stream.until_found(20)
        of_prism = [c for c in children(stream.pipeline()) if "prism" in command_of(c)]
        started = [c for c in children(stream.pipeline()) if c not in of_prism]
        assert len(started) == (1 if workers == 1 else workers + 1)
        assert stream.stop() == 0
    assert_sound(stream.store, tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_leaves_nobody(
    number: signal.Signals, prism: Path, tmp_path: Path
) -> None:
    source = tmp_path / "in"
    source.mkdir()
    with Stream("in", "--window", "1h", cwd=tmp_path, prism=prism) as stream:
        worker = stream.pipeline()
        for each in range(200):
            write(source / f"{each}.txt", text_of(each))
        stream.until(lambda: indexed(stream.store))  # some are found, the others under way
        assert stream.stop(number) == 0
        assert sum(kept(stream.store).values()) >= len(indexed(stream.store)) > 0
        wait_for(lambda: not is_alive(worker))
    assert_sound(stream.store, tmp_path)
    with Stream("in", cwd=tmp_path, prism=prism) as again:
        again.pipeline()
        again.until_committed(200)
        assert again.stop() == 0
    assert set(kept(stream.store).values()) == {1}
    assert_sound(stream.store, tmp_path)
