"""Runs in child processes, as the scheduler has them done."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from pipelines.attempt import STOPPED, Attempt, Outcome, Request
from pipelines.lock import writer_lock


@pytest.fixture
def flags(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "source").mkdir()
    return {
        "sources": [str(tmp_path / "source")],
        "store": str(tmp_path / "store"),
        "entities": False,
        "workers": 1,
    }


def outcome_of(attempt: Attempt) -> Outcome:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if outcome := attempt.outcome():
            return outcome
        time.sleep(0.05)
    attempt.kill()
    pytest.fail("the run does not end")


def test_a_run_tells_what_it_did(flags: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "source" / "a.txt").write_text("The sluice keeps the water at one height. " * 3)
    (tmp_path / "source" / "empty.txt").touch()
    outcome = outcome_of(Attempt(Request("schedule", flags)))
    (manifest,) = (tmp_path / "store" / "runs").glob("*.json")
    assert outcome == Outcome(
        "done",
        0,
        run_ids=(manifest.stem,),
        outcomes={"kept": 1, "rejected": 1},
        published=1,
    )


def test_a_file_that_may_still_be_written_is_left(flags: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "source" / "a.txt").write_text("new")
    outcome = outcome_of(Attempt(Request("watch", {**flags, "settle_seconds": 3600})))
    assert outcome == Outcome("done", 0, young=1, published=0)


def test_errors_of_the_user_are_told(flags: dict[str, Any], tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.yaml")
    outcome = outcome_of(Attempt(Request("schedule", flags, missing)))
    assert outcome == Outcome("failed", 2, f"no configuration file at {missing}")


def test_a_busy_store_is_no_failure(flags: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with writer_lock(str(tmp_path / "store")):
        outcome = outcome_of(Attempt(Request("schedule", flags)))
    assert (outcome.result, outcome.exit_code) == ("busy", 3)
    assert "another run is writing" in outcome.error


def test_a_crash_is_told_and_its_traceback_logged(
    flags: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    wrong: Any = 5  # where a path belongs: a mistake that only ours could be
    request = Request("schedule", flags, config=wrong)
    outcome = outcome_of(Attempt(request))
    assert (outcome.result, outcome.exit_code) == ("failed", 1)
    assert "crashed with exit code 1; the log shows where" in outcome.error
    assert "Traceback" in capfd.readouterr().err


def test_a_killed_run_is_told(flags: dict[str, Any]) -> None:
    attempt = Attempt(Request("schedule", flags))
    os.kill(attempt.pid, signal.SIGKILL)
    outcome = outcome_of(attempt)
    assert (outcome.result, outcome.exit_code) == ("failed", -9)
    assert "killed by signal SIGKILL" in outcome.error


@pytest.mark.parametrize("how", ["finish", "abandon", "kill"])
def test_a_run_that_was_stopped_is_abandoned_not_failed(how: str, flags: dict[str, Any]) -> None:
    attempt = Attempt(Request("schedule", flags))
    getattr(attempt, how)()
    outcome = outcome_of(attempt)
    assert (outcome.result, outcome.error) == ("abandoned", STOPPED)
