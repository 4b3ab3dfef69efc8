from __future__ import annotations

import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.settings import load
from pipelines.stream_pipeline import Job, PipelineProcess, _cause


def job(tmp_path: Path, **flags: object) -> Job:
    settings = load({"sources": [str(tmp_path)], "entities": False, **flags})
    return Job(settings, str(tmp_path), 0, datetime.now(UTC))


def test_what_the_runner_does_not_take_is_a_mistake_of_usage(tmp_path: Path) -> None:
    process = PipelineProcess(job(tmp_path, runner="direct"))
    assert process.wait(60)
    ending = process.ending()
    process.stop()
    assert ending is not None
    assert ending.exit_code == 2
    assert "the direct runner cannot stream" in ending.error


def test_an_error_for_the_user_is_whole(tmp_path: Path) -> None:
    location = "/" + "very-long-name/" * 30  # which is longer than the cause of a failure may be
    given = job(tmp_path, runner="prism", runner_options=[f"prism_location={location}"])
    process = PipelineProcess(given)
    assert process.wait(60)
    ending = process.ending()
    process.stop()
    assert ending is not None
    assert ending.error == f"there is no Prism at {location}"
    assert (ending.exit_code, ending.has_begun) == (3, False)


def test_a_process_that_is_killed_says_by_what(tmp_path: Path) -> None:
    process = PipelineProcess(job(tmp_path, runner="direct"))
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(60)
    ending = process.ending()
    process.stop()
    assert ending is not None
    assert ending.error == "the process of the pipeline ended with signal 9"


def test_stopping_is_harmless_at_any_time(tmp_path: Path) -> None:
    process = PipelineProcess(job(tmp_path, runner="direct"))
    process.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("Traceback\n  File x\nValueError: no such thing\n", "ValueError: no such thing"),
        (
            "job failed: a worker was lost\ngoroutine 7 [running]:\n\t/go/errgroup.go:78 +0x95",
            "job failed: a worker was lost",
        ),
        (
            '<_Rendezvous that ended with:\n\tstatus = X\n\tdetails = "Socket closed"\n\tdebug\n>',
            "the runner does not answer any more: Socket closed",
        ),
        ("", "RuntimeError"),
    ],
)
def test_the_cause_is_one_line_without_a_stack(error: str, cause: str) -> None:
    assert _cause(RuntimeError(error)) == cause


def test_a_cause_of_any_length_is_shortened() -> None:
    assert len(_cause(RuntimeError("a long word " * 1000))) <= 300
