from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.lock import writer_lock
from pipelines.service_status import Status
from pipelines.settings import load
from pipelines.single_run import Summary
from pipelines.status import describe, show_status
from pipelines.store import Store, StoreError
from tests.pipelines.ledgers import record
from transforms.ledger import LedgerRow

Ingest = Callable[..., Summary]


@pytest.fixture
def store(corpus: Path, ingest: Ingest, tmp_path: Path) -> Path:
    ingest()
    return tmp_path / "store"


def status(store: Path, **settings: object) -> dict[str, Any]:
    return describe(load({"store": str(store), **settings}))


def shown(store: Path, capsys: pytest.CaptureFixture[str], *arguments: bool | None) -> str:
    show_status(load({"store": str(store)}), False, *arguments)
    return capsys.readouterr().out


def test_it_counts_what_stands(store: Path, corpus: Path, ingest: Ingest) -> None:
    found = status(store)
    assert found["published"] == found["index"]["documents"] == 2
    assert found["outcomes"] == {"kept": 2, "duplicate": 1, "failed": 1}
    assert found["languages"] == {"en": 2}
    assert found["dead_letters"] == 1
    assert found["bytes"]["documents"] == sum(
        path.stat().st_size for path in store.glob("documents/*/*.parquet")
    )
    assert {"bands", "cache", "state", "index"} <= found["bytes"].keys()
    (corpus / "bread.txt").write_text("Dieser Text ist jetzt auf Deutsch und handelt vom Brot.")
    ingest()
    again = status(store)
    assert (again["published"], again["languages"]) == (2, {"en": 1, "de": 1})
    assert [run["run_id"] for run in again["runs"]] == sorted(Store(str(store)).manifests)[::-1]


def test_it_tells_what_the_next_run_would_do(
    store: Path, corpus: Path, ingest: Ingest, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "4 unchanged files under" in shown(store, capsys)
    (corpus / "bread.txt").write_text("Other bread.")
    (corpus / "zz-copy.txt").unlink()
    (corpus / "new.txt").write_text("New.")
    found = status(store)["next"]
    assert found["sources"] == [str(corpus)]
    assert [found[name] for name in ("new", "changed", "gone", "unchanged")] == [1, 1, 1, 2]
    assert "1 new, 1 changed, 1 gone, 2 unchanged files under" in shown(store, capsys)
    assert "next run" not in shown(store, capsys, False)
    for path in corpus.iterdir():
        path.unlink()
    (corpus / "new.txt").write_text("New.")
    assert "2 documents would not be deleted" in shown(store, capsys)
    summary = ingest()
    assert (summary.outcomes, summary.not_deleted) == ({"kept": 1}, 2)


def test_sources_that_are_gone_or_unknown_are_no_error(
    store: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus.rename(tmp_path / "elsewhere")
    assert "next run" in shown(store, capsys)
    other = Store(str(tmp_path / "other"))
    record(other, LedgerRow("a", "file:///a", "1", "rejected"))
    manifest = Path(other.path, "runs", next(iter(other.manifests)) + ".json")
    added = {"run_id": manifest.stem, "committed_at": "", "seconds": 0.0}
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **added}))
    assert "does not say what the last run has read" in shown(Path(other.path), capsys)


def test_remote_sources_are_listed_only_if_that_is_wanted(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [path] = store.glob("runs/*.json")
    manifest = json.loads(path.read_text())
    manifest["settings"]["sources"] = ["s3-not-there://bucket"]
    path.write_text(json.dumps(manifest))
    assert status(store)["next"] is None
    assert "cannot be told" in shown(store, capsys, True)


def test_it_names_who_writes(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(store)["writer"] is None
    with writer_lock(str(store)):
        assert f"process {os.getpid()} on" in shown(store, capsys)
    left = {"pid": 2**22 + 1, "host": socket.gethostname(), "since": "then", "command": "run"}
    (store / ".lock").write_text(json.dumps(left))
    assert status(store)["writer"] is None
    (store / ".lock").write_text(json.dumps({**left, "host": "elsewhere"}))
    assert "on elsewhere since then: run" in shown(store, capsys)
    (store / ".lock").write_text("123")
    assert status(store)["writer"] is None


@pytest.mark.parametrize("name", ["schedule", "watch"])
def test_it_tells_what_a_scheduler_does(
    name: str, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(store)[name] is None
    about = {"command": name, "next_run_at": None}
    running = {"pid": os.getpid(), "state": "backing off", "consecutive_failures": 2}
    file = store / f"{name}.json"
    file.write_text(json.dumps({**about, **running, "last_run": None}))
    assert status(store)[name]["is_running"]
    assert f"{name} (process" in (out := shown(store, capsys))
    assert "backing off, 2 failures in a row" in out
    gone = {**about, **running, "pid": 2**22 + 1, "last_run": None}
    file.write_text(json.dumps(gone))
    assert f"{name} is not running" in shown(store, capsys)
    file.write_text("{")
    assert f"{name}.json cannot be read" in shown(store, capsys)


def test_a_status_file_has_what_is_told_of_it() -> None:
    names = {"command", "pid", "state", "next_run_at", "consecutive_failures", "last_run"}
    assert names <= set(Status.__slots__)


def test_an_index_that_cannot_be_reached_is_said(store: Path) -> None:
    found = status(store, index="elasticsearch", elasticsearch={"url": "http://127.0.0.1:9"})
    assert "127.0.0.1:9" in found["index"]["error"]
    assert status(store, index="none")["index"] is None


def test_a_store_without_runs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no run in"):
        status(tmp_path)
