from __future__ import annotations

import json
import logging
import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.attempt import Outcome, Request
from pipelines.rhythm import BackOff
from pipelines.service import Service, ServiceOptions, WrongUsageError, service

BACK_OFF = BackOff(timedelta(seconds=10), timedelta(seconds=40))


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Service]:
    options = ServiceOptions(back_off=BACK_OFF)
    level = logging.getLogger("pipelines").level
    with service(Request("schedule", {}), options, str(tmp_path)) as made:
        yield made
    logging.getLogger("pipelines").setLevel(level)


def now() -> datetime:
    return datetime.now(UTC)


def told(made: Service, *outcomes: Outcome) -> None:
    for outcome in outcomes:
        made.show(made.status.after(outcome, now(), now()))


def test_a_wait_ends_when_the_time_has_come(made: Service) -> None:
    assert made.rest_until(now() - timedelta(days=1))
    due = now() + timedelta(seconds=0.2)
    assert made.rest_until(due)
    assert now() >= due


def test_a_signal_ends_a_wait_at_once(made: Service) -> None:
    began = time.monotonic()
    os.kill(os.getpid(), signal.SIGTERM)
    assert not made.rest_until(now() + timedelta(days=1))
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(("failures", "seconds"), [(1, 10), (2, 20), (3, 40), (9, 40)])
def test_the_next_try_is_later_with_each_failure(
    made: Service, failures: int, seconds: int
) -> None:
    told(made, *[Outcome("failed", 3, "why")] * failures)
    wait = (made.retry_at() - now()).total_seconds()
    assert seconds - 5 < wait <= seconds


@pytest.mark.parametrize(
    ("outcome", "level", "said"),
    [
        (
            Outcome("done", 0, run_ids=("000007-x",), outcomes={"kept": 3000, "failed": 1}),
            "INFO",
            "000007-x: 3,000 kept, 1 failed; next run at 2",
        ),
        (
            Outcome("done", 0, run_ids=("1", "2"), outcomes={"kept": 3}, young=1),
            "INFO",
            "2 runs: 3 kept, 1 file may still be written; next run at 2",
        ),
        (Outcome("done", 0, unchanged=2), "INFO", "nothing new: 2 files unchanged; next run at 2"),
        (Outcome("busy", 3, "another run"), "WARNING", "another run; next run at 2"),
        (Outcome("failed", 3, "why"), "ERROR", "why (1 failure in succession); next run at 2"),
        (Outcome("abandoned", 3, "stopped"), "WARNING", "stopped; the next run does the rest"),
    ],
)
def test_a_run_is_told_of_in_one_line_and_in_the_status(
    made: Service, caplog: pytest.LogCaptureFixture, outcome: Outcome, level: str, said: str
) -> None:
    told(made, outcome)
    with caplog.at_level(logging.INFO):
        made.report(outcome, now() + timedelta(hours=1))
    (record,) = caplog.records
    assert record.levelname == level
    assert record.message.startswith(said)
    assert made.status.next_run_at
    assert made.status.state == ("backing off" if outcome.result == "failed" else "waiting")


def test_a_service_that_waits_for_changes_says_so(
    made: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        made.report(Outcome("done", 0), now() + timedelta(hours=1), or_changes=True)
    assert caplog.messages == ["nothing new: 0 files unchanged; waiting for changes"]


def test_a_first_run_that_was_asked_for_wrongly_ends_it(
    made: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made, "_wait_for", lambda _attempt: Outcome("failed", 2, "no source"))
    with pytest.raises(WrongUsageError, match="no source"):
        made.run()
    assert made.run().exit_code == 2  # a later one is tried again


def test_a_first_run_that_fails_otherwise_is_tried_again(
    made: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made, "_wait_for", lambda _attempt: Outcome("failed", 3, "disk full"))
    assert made.run().error == "disk full"


def test_what_a_store_with_runs_knew_may_come_back(
    made: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "000001-x.json").touch()
    monkeypatch.setattr(made, "_wait_for", lambda _attempt: Outcome("failed", 2, "no source"))
    assert made.run().error == "no source"


def test_the_status_file_tells_the_beginning_and_the_end(tmp_path: Path) -> None:
    file = tmp_path / "elsewhere.json"
    options = ServiceOptions(status_file=str(file))
    with service(Request("watch", {}), options, "gs://bucket/store"):
        assert json.loads(file.read_text())["state"] == "starting"
    assert json.loads(file.read_text())["state"] == "stopped"
