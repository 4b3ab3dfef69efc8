"""A small HTTP proxy on loopback, in front of a real server, that does harm where it is told to.

It is a stand-in for faults that a real server cannot be made to show on demand: the server does
what is forwarded to it, and only the fault itself is played.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.integration.servers.exchange import Fault, NoAnswerError, Request, Response
from tests.integration.servers.faults import forwarded
from tests.integration.servers.listener import HOP_BY_HOP, Listener, reset

_SERVER_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request that came, and what became of it.

    Attributes:
        size: bytes of the body, decompressed.
        in_flight: requests at the proxy when it came, itself among them.
        status: of the answer; 0: the connection was reset.
        started: when it came, in seconds of ``time.monotonic``.
        seconds: until it was answered.
    """

    method: str
    path: str
    size: int
    in_flight: int
    status: int
    started: float
    seconds: float


class FaultProxy:
    """Forwards all that comes to a real server, and applies a fault to what is chosen.

    Attributes:
        url: where it listens.
        exchanges: what came so far, in the order of the answers.
    """

    def __init__(self, server_url: str, *, ca_certificate: Path | None = None) -> None:
        """Prepare to forward to a server; it may use HTTPS with a certificate of this authority."""
        self._server = urlsplit(server_url)
        self._tls = ssl.create_default_context(cafile=ca_certificate)
        self._lock = threading.Lock()
        self._in_flight = 0
        self._fault: tuple[str, Fault] = ("", forwarded)
        self._connections: set[socket.socket] = set()
        self._back: threading.Timer | None = None
        self.exchanges: list[Exchange] = []
        self._listener = Listener(("127.0.0.1", 0), self)
        self.url = f"http://127.0.0.1:{self._listener.server_port}"

    def inject(self, fault: Fault, path: str = "/_bulk") -> None:
        """From now on, requests whose path ends so meet the fault; ``""``: all of them."""
        self._fault = (path, fault)

    def clear(self) -> None:
        """From now on, do no harm."""
        self.inject(forwarded)

    def outage(self, seconds: float | None = None) -> None:
        """Reset all connections and refuse new ones for so long, or until `recover`."""
        with self._lock:
            if not self._listener.listens:
                return
            self._listener.close()
            # Bound and not listening: the port is kept, and who connects is refused.
            self._listener = Listener(("127.0.0.1", self._listener.server_port), self)
            for connection in self._connections:
                reset(connection)
            self._connections.clear()
            if seconds is not None:
                self._back = threading.Timer(seconds, self.recover)
                self._back.daemon = True
                self._back.start()

    def recover(self) -> None:
        """Take connections again."""
        with self._lock:
            if not self._listener.listens:
                self._listener.listen()

    def of(self, path: str = "/_bulk") -> list[Exchange]:
        """What came so far to a path that ends so."""
        return [exchange for exchange in self.exchanges if exchange.path.endswith(path)]

    def statuses(self, path: str = "/_bulk") -> Counter[int]:
        """How many of these were answered with which status; 0: the connection was reset."""
        return Counter(exchange.status for exchange in self.of(path))

    def most_in_flight(self, path: str = "/_bulk") -> int:
        """The most requests at once, as seen when one of these came."""
        return max((exchange.in_flight for exchange in self.of(path)), default=0)

    def __enter__(self) -> Self:
        self._listener.listen()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._back:
            self._back.cancel()
        with self._lock:
            self._listener.close()
            for connection in self._connections:
                reset(connection)

    def connected(self, connection: socket.socket) -> None:
        """A client came; in an outage it is too late for it."""
        with self._lock:
            if self._listener.listens:
                self._connections.add(connection)
            else:
                reset(connection)

    def disconnected(self, connection: socket.socket) -> None:
        """A client went."""
        with self._lock:
            self._connections.discard(connection)

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Response:
        """Have the fault or the real server answer, and count it.

        Raises:
            NoAnswerError: the fault wants it so, or the real server is away.
        """
        started = time.monotonic()
        with self._lock:
            self._in_flight += 1
            request = Request(method, target, headers, body, self._in_flight)
        path, fault = self._fault
        status = 0
        try:
            chosen = fault if request.path.endswith(path) else forwarded
            response = chosen(request, self._forward)
            status = response.status if response.cut is None else 0
            return response
        finally:
            seconds = time.monotonic() - started
            size, in_flight = len(body), request.in_flight
            with self._lock:
                self._in_flight -= 1
                self.exchanges.append(
                    Exchange(method, request.path, size, in_flight, status, started, seconds)
                )

    def _forward(self, request: Request) -> Response:
        host, port = self._server.hostname or "", self._server.port
        connection = (
            http.client.HTTPSConnection(host, port, timeout=_SERVER_SECONDS, context=self._tls)
            if self._server.scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=_SERVER_SECONDS)
        )
        try:
            connection.request(request.method, request.target, request.body, dict(request.headers))
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            raise NoAnswerError from None
        finally:
            connection.close()
        headers = {k: v for k, v in answer.getheaders() if k.lower() not in HOP_BY_HOP}
        return Response(answer.status, body, headers)
