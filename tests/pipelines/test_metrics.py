from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipelines.attempt import Outcome
from pipelines.metrics import MetricsError, endpoint
from pipelines.service_status import Status

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def samples(text: str) -> dict[str, float]:
    families = text_string_to_metric_families(text)
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in families
        for sample in family.samples
        if sample.name.startswith("docsluice")
    }


def test_the_metrics_tell_the_status_of_the_moment() -> None:
    status = Status("schedule")
    with endpoint(lambda: status, "127.0.0.1", 0) as port:
        url = f"http://127.0.0.1:{port}/metrics"
        before = samples(httpx.get(url).text)
        assert before["docsluice_runs_total done"] == 0
        assert "docsluice_last_success_timestamp_seconds" not in before
        done = Outcome("done", 0, outcomes={"kept": 2, "rejected": 1}, published=7)
        end = BEGIN + timedelta(seconds=4)
        status = status.running().after(done, BEGIN, end).waiting(BEGIN + timedelta(hours=1))
        assert samples(httpx.get(url).text) == {
            "docsluice_runs_total done": 1,
            "docsluice_runs_total failed": 0,
            "docsluice_runs_total busy": 0,
            "docsluice_runs_total abandoned": 0,
            "docsluice_documents_total kept": 2,
            "docsluice_documents_total rejected": 1,
            "docsluice_consecutive_failures": 0,
            "docsluice_running": 0,
            "docsluice_documents_published": 7,
            "docsluice_last_success_timestamp_seconds": end.timestamp(),
            "docsluice_last_run_timestamp_seconds": end.timestamp(),
            "docsluice_last_run_duration_seconds": 4,
            "docsluice_next_run_timestamp_seconds": BEGIN.timestamp() + 3600,
        }
        status = status.running()
        assert samples(httpx.get(url).text)["docsluice_running"] == 1


def test_health_is_that_of_the_last_run() -> None:
    status = Status("schedule")
    with endpoint(lambda: status, "127.0.0.1", 0) as port:
        url = f"http://127.0.0.1:{port}"
        assert httpx.get(f"{url}/healthz").status_code == 200
        status = status.after(Outcome("failed", 3, "why"), BEGIN, BEGIN).waiting(BEGIN)
        answer = httpx.get(f"{url}/healthz")
        assert answer.status_code == 503
        assert answer.json() == {"state": "backing off", "consecutive_failures": 1}
        assert "why" not in httpx.get(f"{url}/metrics").text
        assert httpx.get(f"{url}/elsewhere").status_code == 404
        assert httpx.head(f"{url}/healthz").content == b""


def test_a_taken_port_is_said_and_a_free_one_is_free_afterwards() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(MetricsError, match="give another with --metrics-port"),
        endpoint(lambda: Status("schedule"), "127.0.0.1", taken.getsockname()[1]),
    ):
        pass
    with endpoint(lambda: Status("schedule"), "127.0.0.1", 0) as port:
        pass
    with endpoint(lambda: Status("schedule"), "127.0.0.1", port) as again:
        assert again == port
