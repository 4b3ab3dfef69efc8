"""Calls of several batches, each a run of its own: undisturbed, killed, and on a full disk."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.single_run import RunFailedError, Summary
from pipelines.state import read_state
from pipelines.store import Store, StoreError
from tests.integration.command import docsluice, start
from tests.pipelines.test_incremental import ALL, assert_agreement, index
from transforms import files

Ingest = Callable[..., Summary]

FILES = 6
SIZE = 4000


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Texts of ``SIZE`` characters; the last one is a copy of the first, but for its end."""
    directory = tmp_path / "corpus"
    directory.mkdir()
    for number in range(FILES):
        pick = random.Random(number % (FILES - 1))
        words = ("".join(pick.choices("abcdefghij", k=7)) for _ in range(SIZE // 8))
        text = " ".join(words)
        (directory / f"{number}.txt").write_text(text if number < FILES - 1 else text[:-20])
    return directory


def content(store: Store) -> dict[str, tuple[str, str | None]]:
    """What stands of each document."""
    store.refresh()
    ids = {id_ for t in store.tables("ledger", ["id"]) for id_ in t.column("id").to_pylist()}
    with read_state(store) as state:
        return {row.source: (row.outcome, row.duplicate_of) for row in state.documents(ids)}


def test_batches_come_to_the_same_as_one_run(
    many: Path, ingest: Ingest, store: Store, tmp_path: Path
) -> None:
    said: list[str] = []
    summary = ingest(batch_bytes=2 * SIZE, announce=said.append)
    assert said == ["batch 1 of 3", "batch 2 of 3", "batch 3 of 3"]
    assert summary.run_ids == tuple(store.manifests)
    assert summary.run_id == summary.run_ids[-1]
    assert summary.outcomes == {"kept": FILES - 1, "duplicate": 1}
    assert summary.source_bytes == sum(path.stat().st_size for path in many.iterdir())
    assert ingest(batch_bytes=2 * SIZE).run_id is None
    assert_agreement(store)
    once = Store(str(tmp_path / "once"))
    ingest(store=once.path)
    assert content(store) == content(once)


def test_deletions_and_changes_go_through_batches(many: Path, ingest: Ingest, store: Store) -> None:
    ingest(batch_bytes=SIZE)
    (many / "0.txt").unlink()
    (many / "1.txt").write_text("By now about something else: the keepers of bees.")
    (many / "9.txt").write_text((many / "2.txt").read_text())
    summary = ingest(**ALL, batch_bytes=1)
    assert len(summary.run_ids) == 3
    assert summary.outcomes == {"kept": 2, "duplicate": 1, "deleted": 1}
    assert_agreement(store)
    assert "5.txt" in index(store)


PROGRAM = """
import os, sys
from pipelines.cli import main
from pipelines.store import Store
commit, moment = Store.commit, sys.argv.pop()
def commit_or_die(self, run, manifest):
    last = len(self.manifests) == 1
    if last and moment == "before": os._exit(9)
    commit(self, run, manifest)
    if last: os._exit(9)
Store.commit = commit_or_die
main()
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_batch_that_dies_is_made_up_for(
    many: Path, ingest: Ingest, store: Store, moment: str
) -> None:
    command = [sys.executable, "-c", PROGRAM, "run", str(many), "--store", store.path]
    command += ["--no-entities", "--batch-bytes", str(2 * SIZE), "--workers", "1", moment]
    done = subprocess.run(command, check=False, timeout=120, capture_output=True, text=True)
    assert done.returncode == 3
    assert "the process of a batch was lost" in done.stderr
    assert "1 of 3 batches are committed" in done.stderr
    store.refresh()
    assert len(store.manifests) == (1 if moment == "before" else 2)
    assert {path.name for path in Path(store.path).glob("*/run=*")} == {
        f"run={run_id}" for run_id in store.manifests
    }
    left = FILES - 2 * len(store.manifests)
    summary = ingest(batch_bytes=2 * SIZE)
    assert sum(summary.outcomes.values()) == left
    assert sorted(outcome for outcome, _ in content(store).values()) == [
        "duplicate", *["kept"] * (FILES - 1)
    ]  # fmt: skip
    assert_agreement(store)


def midway(many: Path, directory: Path) -> subprocess.Popen[str]:
    """A call of six batches that has committed the first."""
    process = start(
        "run", many, "--no-entities", "--batch-bytes", SIZE, "--workers", 1, cwd=directory
    )
    while not list(directory.glob("store/runs/*.json")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    return process


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_call_that_is_stopped_goes_on_where_it_was(
    many: Path, ingest: Ingest, store: Store, tmp_path: Path, number: signal.Signals
) -> None:
    with midway(many, tmp_path) as process:
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    if number != signal.SIGKILL:
        assert process.returncode == 3
        assert "of 6 batches are committed" in said
        assert "docsluice: interrupted" in said
        assert "Traceback" not in said
    ingest(batch_bytes=SIZE)
    assert sorted(outcome for outcome, _ in content(store).values()) == [
        "duplicate", *["kept"] * (FILES - 1)
    ]  # fmt: skip
    assert_agreement(store)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    directory = tmp_path / "small"
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(directory)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root may mount a small disk")
    yield directory
    subprocess.run(["umount", str(directory)], check=True)


def test_a_disk_that_fills_is_one_clear_line_and_the_next_call_goes_on(
    many: Path, ingest: Ingest, small_disk: Path
) -> None:
    store = Store(str(small_disk / "store"))
    ingest(store=store.path)
    before = content(store)
    (many / "large.txt").write_text(os.urandom(2_000_000).hex())
    arguments = ("run", many, "--no-entities", "--store", store.path)
    done = docsluice(*arguments, cwd=many)
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert "nothing was committed" in line
    assert "No space left on device" in line
    assert store.path in line
    assert content(store) == before
    assert not list(small_disk.glob("store/*/.*.tmp"))
    (many / "large.txt").write_text("It has become small, and is about the end of the moon.")
    assert docsluice(*arguments, cwd=many).returncode == 0
    assert len(index(store)) == FILES


def test_a_limit_on_the_size_of_files_is_a_full_disk(many: Path, tmp_path: Path) -> None:
    (many / "large.txt").write_text(os.urandom(2_000_000).hex())
    done = subprocess.run(
        [sys.executable, "-m", "pipelines", "run", str(many), "--no-entities", "--workers", "1"],
        check=False,
        timeout=120,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000)),
    )
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert "nothing was committed" in line
    assert "store" in line
    assert not list(tmp_path.glob("store/runs/*.json"))


def test_run_ids_rise_when_the_clock_jumps_back(many: Path, ingest: Ingest, store: Store) -> None:
    ingest()
    (last,) = store.manifests
    later = f"{last.split('-')[0]}-29991231T235959Z"
    for kind in ("documents", "ledger", "fingerprints"):
        Path(store.path, kind, f"run={last}").rename(Path(store.path, kind, f"run={later}"))
    manifest = Path(store.path, "runs", f"{last}.json")
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "run_id": later}))
    manifest.rename(manifest.with_name(f"{later}.json"))
    (many / "new.txt").write_text("A new text about ferries, which cross where no bridge is.")
    summary = ingest(index="none")
    assert summary.run_id
    assert summary.run_id > later
    assert summary.run_id.split("-")[1] < later.split("-")[1]
    store.refresh()
    assert list(store.manifests) == [later, summary.run_id]


def test_a_truncated_manifest_is_named_and_moving_it_away_mends_the_store(
    many: Path, ingest: Ingest, store: Store
) -> None:
    ingest(batch_bytes=2 * SIZE)
    last = Path(store.path, "runs", f"{list(store.manifests)[-1]}.json")
    last.write_bytes(last.read_bytes()[:50])
    with pytest.raises(StoreError, match=rf"{last.name} is damaged .*move it away and run again"):
        ingest()
    last.rename(last.with_suffix(".damaged"))
    summary = ingest(index="none")
    assert summary.outcomes == {"kept": 1, "duplicate": 1}
    assert sorted(outcome for outcome, _ in content(store).values()) == [
        "duplicate", *["kept"] * (FILES - 1)
    ]  # fmt: skip


def test_a_full_disk_at_the_commit_fails_the_run(
    many: Path, ingest: Ingest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = files.write

    def full(path: str, data: bytes, durable: bool = False) -> None:
        if path.endswith(".json"):  # at this very moment: no real disk can be had to do that
            raise OSError(28, "No space left on device")
        write(path, data, durable)

    ingest()
    (many / "new.txt").write_text("A new text about ferries, which cross where no bridge is.")
    monkeypatch.setattr(files, "write", full)
    with pytest.raises(RunFailedError, match=f"nothing was committed: No space .*{store.path}"):
        ingest()
    monkeypatch.undo()
    assert len(index(store)) == FILES - 1
    assert ingest().outcomes == {"kept": 1}
