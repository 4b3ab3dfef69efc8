"""The state of a scheduler for Prometheus, and for whoever asks whether it is well.

Text exposition and metric names follow Prometheus' conventions: base units, ``_total`` for
counters, times as Unix seconds.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import get_args

import orjson
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from pipelines.attempt import Result
from pipelines.service_status import Status

LOOPBACK = "127.0.0.1"


More = Callable[[], Iterable[tuple[str, str, float]]]
"""Gauges beside those of the status, as of now: name, meaning and value of each."""


class MetricsError(RuntimeError):
    """The endpoint cannot be opened; one line for the user."""


class StatusCollector(Collector):
    """The metrics of a status."""

    def __init__(self, status: Callable[[], Status], more: More = tuple) -> None:
        self._status, self._more = status, more

    def collect(self) -> Iterator[Metric]:
        """The metrics as of now; one without a value yet is left out."""
        status = self._status()
        runs = CounterMetricFamily("docsluice_runs", "Runs by result.", labels=["result"])
        for result in get_args(Result):
            runs.add_metric([result], status.runs.get(result, 0))
        yield runs
        documents = CounterMetricFamily(
            "docsluice_documents", "Documents of all runs by outcome.", labels=["outcome"]
        )
        for outcome, number in status.documents.items():
            documents.add_metric([outcome], number)
        yield documents
        gauges: list[tuple[str, str, float | datetime | None]] = [
            (
                "consecutive_failures",
                "Runs that failed since the last that went well.",
                status.consecutive_failures,
            ),
            ("running", "Whether a run is under way.", status.state == "running"),
            ("documents_published", "Documents published in the store.", status.published),
            (
                "last_success_timestamp_seconds",
                "When the last run that went well ended.",
                status.last_success_at,
            ),
            ("next_run_timestamp_seconds", "When the next run is due.", status.next_run_at),
        ]
        if last := status.last_run:
            gauges += [
                ("last_run_duration_seconds", "Duration of the last run.", last.seconds),
                ("last_run_timestamp_seconds", "When the last run ended.", last.ended_at),
            ]
        for name, meaning, value in (*gauges, *self._more()):
            if value is not None:
                reading = value.timestamp() if isinstance(value, datetime) else value
                yield GaugeMetricFamily(f"docsluice_{name}", meaning, reading)


class _Server(ThreadingHTTPServer):
    """A server that asks no resolver for the name of this machine, which may take long."""

    daemon_threads = True

    def __init__(self, address: str, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), handler)

    def server_bind(self) -> None:
        """Take the address."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]


@contextmanager
def endpoint(
    status: Callable[[], Status], address: str, port: int, more: More = tuple
) -> Iterator[int]:
    """Serve ``/metrics`` and ``/healthz`` while the block runs; yields the port.

    ``/healthz`` answers 200, or 503 while runs fail. Port 0 takes any free one.

    Raises:
        MetricsError: the address is taken or not one of this machine's.
    """
    registry = CollectorRegistry()
    registry.register(StatusCollector(status, more))
    ProcessCollector(registry=registry)

    class Handler(BaseHTTPRequestHandler):
        """Answers GET and HEAD."""

        timeout = 30  # seconds for a client that says nothing
        server_version, sys_version = "docsluice", ""

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                encode, kind = choose_encoder(self.headers.get("Accept") or "")
                self._answer(HTTPStatus.OK, kind, encode(registry))
            elif path == "/healthz":
                self._answer(*_health(status()))
            else:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"/metrics or /healthz\n")

        do_HEAD = do_GET  # noqa: N815

        def _answer(self, code: HTTPStatus, kind: str, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Not each scrape is worth a line."""

    try:
        server = _Server(address, port, Handler)
    except OSError as error:
        raise MetricsError(
            f"cannot serve metrics at {address} port {port}: {error.strerror}; give another with "
            "--metrics-port or --metrics-address"
        ) from None
    with server:
        thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _health(status: Status) -> tuple[HTTPStatus, str, bytes]:
    well = not status.consecutive_failures
    said = {"state": status.state, "consecutive_failures": status.consecutive_failures}
    code = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
    return code, "application/json", orjson.dumps(said) + b"\n"
