"""The side of the fault proxy that its clients see: connections, and requests on them."""

from __future__ import annotations

import gzip
import os
import socket
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from tests.integration.servers.exchange import NoAnswerError, Response

HOP_BY_HOP = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}
"""Headers of one connection, which a proxy does not pass on."""


class Proxy(Protocol):
    """What is told of the connections and answers the requests."""

    def connected(self, connection: socket.socket) -> None:
        """A client came."""

    def disconnected(self, connection: socket.socket) -> None:
        """A client went."""

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Response:
        """The answer; raises `NoAnswerError` to reset the connection."""
        ...


class Listener(ThreadingHTTPServer):
    """A bound port that takes connections only after `listen`."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], proxy: Proxy) -> None:
        super().__init__(address, _Handler, bind_and_activate=False)
        self.proxy = proxy
        self.listens = False
        self.server_bind()

    def listen(self) -> None:
        """Take connections, in a thread."""
        self.server_activate()
        self.listens = True
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Take none any more; those that were taken go on."""
        if self.listens:
            self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away, or is reset by an outage, is no error."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener

    def setup(self) -> None:
        super().setup()
        self.server.proxy.connected(self.connection)

    def finish(self) -> None:
        self.server.proxy.disconnected(self.connection)
        super().finish()

    def handle_any(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size)
        if len(body) < size:
            raise ConnectionAbortedError("the client went away amid its request")
        lowered = {name.lower(): value for name, value in self.headers.items()}
        headers = {name: value for name, value in lowered.items() if name not in HOP_BY_HOP}
        # A fault may take the body apart and put the answer together: neither is compressed.
        headers.pop("accept-encoding", None)
        if headers.pop("content-encoding", None) == "gzip":
            body = gzip.decompress(body)
        try:
            response = self.server.proxy.answer(self.command, self.path, headers, body)
            self._send(response)
        except (NoAnswerError, OSError):
            self.close_connection = True
            reset(self.connection)

    do_DELETE = do_GET = do_HEAD = do_POST = do_PUT = handle_any  # noqa: N815 (http.server's names)

    def _send(self, response: Response) -> None:
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else response.body[: response.cut])
        if response.cut is not None:
            raise NoAnswerError

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """The tests ask the proxy what came."""


def reset(connection: socket.socket) -> None:
    """Close so that the other side gets a reset and not an end; a closed one stays closed."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Wakes a thread that reads from it, which would keep it open.
        connection.shutdown(socket.SHUT_RD)
        # The handler's files hold the socket, so that its own close would wait for theirs.
        os.close(connection.detach())
    except OSError:
        pass
