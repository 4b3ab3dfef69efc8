from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.attempt import Outcome
from pipelines.service_status import Status, StatusFile, StatusFileError

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
END = BEGIN + timedelta(seconds=2.5)
DONE = Outcome("done", 0, run_ids=("000001-x",), outcomes={"kept": 3, "failed": 1}, published=3)
FAILED = Outcome("failed", 3, "no index")
BUSY = Outcome("busy", 3, "another run")


def after(*outcomes: Outcome) -> Status:
    status = Status("schedule")
    for outcome in outcomes:
        status = status.running().after(outcome, BEGIN, END)
    return status


def test_runs_and_documents_are_summed_up() -> None:
    status = after(DONE, FAILED, DONE)
    assert status.runs == {"done": 2, "failed": 1}
    assert status.documents == {"kept": 6, "failed": 2}
    assert status.published == 3
    assert status.last_run
    assert (status.last_run.seconds, status.last_run.run_ids) == (2.5, ("000001-x",))


def test_failures_count_until_a_run_goes_well() -> None:
    assert after(FAILED, FAILED).consecutive_failures == 2
    assert after(FAILED, BUSY).consecutive_failures == 1
    assert after(FAILED, DONE).consecutive_failures == 0
    assert after(DONE, FAILED).last_success_at == END
    assert after(BUSY).last_success_at is None


def test_a_service_that_waits_after_a_failure_backs_off() -> None:
    assert after(FAILED).waiting(END).state == "backing off"
    waiting = after(FAILED, DONE).waiting(END)
    assert (waiting.state, waiting.next_run_at) == ("waiting", END)
    assert (waiting.stopped().state, waiting.stopped().next_run_at) == ("stopped", None)


def test_the_file_tells_it_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "schedule.json"
    file = StatusFile(path)
    file.write(after(DONE).waiting(END))
    told = json.loads(path.read_text())
    assert told["pid"] == os.getpid()
    assert told["state"] == "waiting"
    assert told["next_run_at"] == "2026-01-01T00:00:02.500000+00:00"
    assert told["last_run"]["outcomes"] == {"kept": 3, "failed": 1}
    file.write(after(FAILED))
    assert json.loads(path.read_text())["last_run"]["error"] == "no index"


def test_a_second_writer_of_the_file_is_refused(tmp_path: Path) -> None:
    first = StatusFile(tmp_path / "schedule.json")
    with pytest.raises(StatusFileError, match="another scheduler writes the status file"):
        StatusFile(tmp_path / "schedule.json")
    del first
    StatusFile(tmp_path / "schedule.json")


def test_a_file_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StatusFileError, match="cannot write the status file"):
        StatusFile(tmp_path / "file" / "schedule.json")


@pytest.mark.skipif(sys.platform == "win32", reason="removes an open directory")
def test_a_status_that_cannot_be_written_later_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = StatusFile(tmp_path / "in" / "schedule.json")
    (tmp_path / "in" / ".schedule.json.lock").unlink()
    (tmp_path / "in").rmdir()
    (tmp_path / "in").touch()
    with caplog.at_level(logging.WARNING):
        file.write(Status("schedule"))
    assert "cannot write the status file" in caplog.text
