"""A server that answers bulk requests as a test wants: for what a real one cannot be made to do."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import orjson

Answer = Callable[[list[str]], int | list[int]]
"""Ids of a bulk request -> the status of the whole, or one for each id; ``OSError``: no answer."""

HEADERS = {
    "X-Elastic-Product": "Elasticsearch",
    "Content-Type": "application/vnd.elasticsearch+json;compatible-with=8",
}


class StandIn:
    """Counts what comes, and answers it as told.

    Attributes:
        requests: of each bulk request, the ids in their order.
        bodies: what each bulk request held.
        targets: of each request, method and target as they came.
        headers: of the last request.
        most_in_flight: the most bulk requests at once.
        root: status and body of the answer to whatever is no bulk request.
        watch: called before each answer.
    """

    def __init__(
        self,
        answer: Answer = lambda ids: [201] * len(ids),
        root: tuple[int, object] = (200, {"version": {"number": "8.19.0"}}),
    ) -> None:
        self.answer = answer
        self.root = root
        self.watch: Callable[[], None] = lambda: None
        self.requests: list[list[str]] = []
        self.bodies: list[bytes] = []
        self.targets: list[str] = []
        self.headers: dict[str, str] = {}
        self.most_in_flight = 0
        self._in_flight = 0
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def bulk(self, body: bytes) -> tuple[int, object]:
        lines = [
            line for line in body.split(b"\n") if line.startswith((b'{"index":', b'{"delete"'))
        ]
        actions = [next(iter(orjson.loads(line).items())) for line in lines]
        ids = [target["_id"] for _, target in actions]
        with self._lock:
            self.requests.append(ids)
            self.bodies.append(body)
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            said = self.answer(ids)
        finally:
            with self._lock:
                self._in_flight -= 1
        if isinstance(said, int):
            return said, {"error": {"type": "played", "reason": f"whole {said}"}, "status": said}
        items = [
            {kind: {"status": status} | ({"error": _error(status)} if status >= 400 else {})}
            for (kind, _), status in zip(actions, said, strict=True)
        ]
        return 200, {"errors": any(s >= 400 for s in said), "items": items}

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _error(status: int) -> dict[str, str]:
    return {"type": "played", "reason": f"item {status}"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], stand_in: StandIn) -> None:
        self.stand_in = stand_in
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A request that the test leaves without an answer is no error."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def handle_any(self) -> None:
        stand_in = self.server.stand_in
        stand_in.targets.append(f"{self.command} {self.path}")
        stand_in.headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        stand_in.watch()
        is_bulk = "/_bulk" in self.path
        status, content = stand_in.bulk(body) if is_bulk else stand_in.root
        payload = b"" if self.command == "HEAD" else orjson.dumps(content)
        self.send_response_only(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_HEAD = do_POST = do_PUT = handle_any  # noqa: N815 (http.server's names)
