"""What verify, status and explain say of a stream that is at work, and of one that was killed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.explain import explain
from pipelines.lock import writer_lock
from pipelines.settings import Settings, load
from pipelines.single_run import Summary
from pipelines.status import describe, show_status
from pipelines.store import Store, StoreError
from pipelines.stream_commit import Staged, index_early
from pipelines.stream_seen import START_AGAIN, describe_stream, staged_rows
from pipelines.verify import show_verify, verify
from tests.pipelines.test_stream_commit import STARTED, stage
from transforms.sqlite import SqliteIndex
from transforms.stream.staging import staged_run, write_receipt

Ingest = Callable[..., Summary]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"store": str(tmp_path / "store")})


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Directory of the streams of a store, with a session that has staged two documents."""
    place = tmp_path / "store" / "stream"
    one = stage(place / "session", 0, "aa", "bb", "xx")
    for receipt in one.receipts.values():
        write_receipt(str(place / "session"), receipt)
    staging = staged_run(str(place / "session"), STARTED)
    with SqliteIndex(tmp_path / "store" / "search.db") as index:
        index_early(index, Staged(staging, [one], ()))
    return place


def early(place: Path) -> list[str]:
    """Ids of the documents that searches find before they are committed."""
    with SqliteIndex(place.parent / "search.db") as index:
        return sorted(id_ for id_, run, _ in index.entries() if run == "staged")


@pytest.fixture
def root(corpus: Path, ingest: Ingest, place: Path) -> Path:
    """A store with a run, and the session beside it."""
    ingest()
    assert len(early(place)) == 2
    return place.parent


def test_verify_leaves_the_documents_of_a_stream_at_work_alone(
    root: Path, place: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with writer_lock(str(place)):
        assert show_verify(settings, True, False)
        out = capsys.readouterr().out
        assert out.startswith(f"All agrees: 1 run in {root}.\n")
        assert f"A stream is at work: process {os.getpid()} on" in out
        assert out.endswith("; 2 documents wait for its window.\n")
        assert show_verify(settings, False, True)
        told = json.loads(capsys.readouterr().out)
    assert (told["problems"], told["stream"]["staged"]) == ([], 2)
    assert early(place) == ["aa" * 16, "bb" * 16]


def test_verify_still_finds_what_else_is_wrong_with_the_index(
    root: Path, place: Path, settings: Settings
) -> None:
    with SqliteIndex(root / "search.db") as index, index.begin(None) as transaction:
        published = [id_ for id_, run, _ in index.entries() if run != "staged"]
        transaction.delete(published[:1])
        transaction.commit()
    with writer_lock(str(place)):
        [problem] = verify(settings).found
    assert "1 published document(s) are not in it" in problem.line


def test_verify_names_the_stream_as_what_mends_what_a_killed_one_left(
    root: Path, place: Path, settings: Settings
) -> None:
    report = verify(settings, repair=True)
    [problem] = report.unmended
    assert problem.what == "2 document(s) in it are of a stream that was not ended in order"
    assert problem.mend == f"{START_AGAIN}: it commits what it had staged"
    assert len(early(place)) == 2
    shutil.rmtree(place / "session")  # nothing is left that a stream could commit
    assert verify(settings, repair=True).unmended == ()
    assert early(place) == []


def test_status_tells_of_a_stream(
    root: Path, place: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    def line() -> str:
        show_status(settings, False, False)
        lines = capsys.readouterr().out.splitlines()
        return next((line for line in lines if line.startswith("stream ")), "")

    with writer_lock(str(place)):
        assert f"process {os.getpid()} on" in (at_work := line())
        assert at_work.endswith("; 2 documents wait for its window")
        told = describe(settings)["stream"]
        assert (told["is_running"], told["is_left"], told["staged"]) == (True, False, 2)
    assert "was not ended in order; 2 documents wait to be committed: start" in line()
    told = describe(settings)["stream"]
    assert (told["is_running"], told["is_left"], told["staged"]) == (False, True, 2)
    shutil.rmtree(place)
    assert line() == ""
    assert describe(settings)["stream"] is None
    ended = {"pid": 7, "since": "then", "last_run": {"error": "Prism was lost"}}
    (root / "stream.json").write_text(json.dumps(ended))
    assert line().endswith("is not running; it failed: Prism was lost")
    (root / "stream.json").write_text("{")
    assert line() == ""


def test_a_store_that_has_a_stream_and_no_run_yet_says_so(place: Path, settings: Settings) -> None:
    for asked in (describe, verify):
        with writer_lock(str(place)), pytest.raises(StoreError, match="there is no run") as error:
            asked(settings)
        assert f"yet; its stream: process {os.getpid()}" in str(error.value)
        with pytest.raises(StoreError, match="2 documents wait to be committed: start"):
            asked(settings)


def test_explain_knows_what_a_stream_has(
    root: Path, place: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(wanted: str, as_json: bool = False) -> str:
        explain(settings, wanted, as_json)
        return capsys.readouterr().out

    with writer_lock(str(place)):
        for wanted in ("in/aa", "file:///in/aa", "/in/aa", "aa" * 16):
            assert "a stream has it (kept); it is committed with the next window" in told(wanted)
        assert "a stream has it (failed)" in told("xx")
        [row] = json.loads(told("bb", as_json=True))
    expected = {"id": "bb" * 16, "source": "file:///in/bb", "outcome": "kept"}
    assert row == {**expected, "staged": True, "is_running": True}
    assert f"the stream was not ended in order: {START_AGAIN}" in told("aa")
    with pytest.raises(StoreError, match=r"no run of .* has seen"):
        told("nowhere")


def test_a_store_without_streams_has_nothing_to_tell(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    assert describe_stream(store) is None
    assert staged_rows(store, "aa") == []
