from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipelines.settings import ConfigurationError
from pipelines.single_run import Summary
from pipelines.stream_driver import StreamError
from pipelines.stream_report import Reporter, reporter


def told(store: Path) -> dict[str, Any]:
    return dict(json.loads((store / "stream.json").read_text()))


def close_window(report: Reporter) -> None:
    summary = Summary("000001-x", 0, outcomes={"kept": 2}, run_ids=("000001-x",))
    report.window([summary], datetime.now(UTC), 2, 0)


def test_a_stream_that_ends_as_asked_was_well(tmp_path: Path) -> None:
    with reporter(str(tmp_path)) as report:
        assert told(tmp_path)["state"] == "running"
        close_window(report)
        assert told(tmp_path)["documents"] == {"kept": 2}
    assert (told(tmp_path)["state"], told(tmp_path)["consecutive_failures"]) == ("stopped", 0)
    assert told(tmp_path)["last_run"]["run_ids"] == ["000001-x"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StreamError("Prism was lost"), 3),
        (ConfigurationError("Prism was lost"), 2),
        (ZeroDivisionError("Prism was lost"), 1),
    ],
)
def test_a_stream_that_fails_says_so_after_its_last_window(
    tmp_path: Path, error: Exception, code: int
) -> None:
    def fail() -> None:
        with reporter(str(tmp_path)) as report:
            close_window(report)
            raise error

    with pytest.raises(type(error)):
        fail()
    status = told(tmp_path)
    last = status["last_run"]
    assert (status["state"], status["consecutive_failures"]) == ("stopped", 1)
    assert (last["result"], last["exit_code"], last["error"]) == ("failed", code, "Prism was lost")
    assert status["documents"] == {"kept": 2}


def test_the_metrics_have_what_is_on_its_way(tmp_path: Path) -> None:
    def scraped() -> str:
        return httpx.get(f"http://127.0.0.1:{port}/metrics").text

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with reporter(str(tmp_path), metrics_port=port) as report:
        assert "docsluice_documents_staged 0.0" in scraped()
        report.on_its_way(3, 12)
        assert "docsluice_files_under_way 3.0" in scraped()
        assert "docsluice_documents_staged 12.0" in scraped()
