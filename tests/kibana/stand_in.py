"""A stand-in for Kibana: no Kibana, but a server that answers some of its calls in 8.19's form.

A real Kibana cannot be run in the tests. This one keeps spaces and saved objects in memory, asks
for what Kibana asks for (``kbn-xsrf``, credentials, a file of NDJSON in a multipart form) and
refuses what it would refuse. It does not look into panels: ``tests.kibana.objects`` does.
"""

from __future__ import annotations

import base64
import json
import re
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

VERSION = "8.19.21"

Answer = tuple[int, object]
"""Status and body: JSON, or bytes as they are."""


@dataclass(frozen=True)
class Request:
    """What came: ``path`` is that within the space, ``headers`` have small names."""

    method: str
    space: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


@dataclass
class KibanaStandIn:
    """Listens on loopback while it is used as a context.

    Attributes:
        version: what it says it is.
        users: passwords by name; none and no keys: anybody may do everything.
        keys: API keys, encoded.
        may_make_spaces: whether a known user may make spaces.
        may_write: whether a known user may import and export.
        fault: asked before each answer; gives one of its own, or None.
        objects: the saved objects by space, type and id.
        requests: all that came.
    """

    version: str = VERSION
    users: dict[str, str] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    may_make_spaces: bool = True
    may_write: bool = True
    fault: Callable[[Request], Answer | None] = lambda _request: None
    certificate: tuple[Path, Path] | None = None
    objects: dict[str, dict[tuple[str, str], dict[str, Any]]] = field(
        default_factory=lambda: {"default": {}}
    )
    requests: list[Request] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it listens."""
        scheme = "https" if self.certificate else "http"
        return f"{scheme}://127.0.0.1:{self._server.server_port}"

    def calls(self) -> list[tuple[str, str, str]]:
        """(method, space, path) of all that came."""
        return [(one.method, one.space, one.path) for one in self.requests]

    def answer(self, request: Request) -> Answer:
        """What Kibana would say."""
        self.requests.append(request)
        if own := self.fault(request):
            return own
        if not self._knows(request.headers.get("authorization", "")):
            return _error(401, "Unauthorized", "[security_exception]: unable to authenticate user")
        if request.method != "GET" and "kbn-xsrf" not in request.headers:
            return _error(400, "Bad Request", "Request must contain a kbn-xsrf header.")
        match request.method, request.path.strip("/").split("/"):
            case "GET", ["api", "status"]:
                number = {"number": self.version, "build_number": 1, "build_snapshot": False}
                return 200, {"version": number, "status": {"overall": {"level": "available"}}}
            case "GET", ["api", "spaces", "space", name]:
                if name in self.objects:
                    return 200, {"id": name, "name": name, "disabledFeatures": []}
                return _error(404, "Not Found", "Not Found")
            case "POST", ["api", "spaces", "space"]:
                return self._make_space(json.loads(request.body))
            case "POST", ["api", "saved_objects", "_import"]:
                return self._import(request)
            case "POST", ["api", "saved_objects", "_export"]:
                return self._export(request.space, json.loads(request.body))
        return _error(404, "Not Found", "Not Found")

    def _knows(self, authorization: str) -> bool:
        if not self.users and not self.keys:
            return True
        kind, _, value = authorization.partition(" ")
        if kind == "ApiKey":
            return value in self.keys
        if kind != "Basic":
            return False
        name, _, password = base64.b64decode(value).decode().partition(":")
        return self.users.get(name) == password

    def _make_space(self, space: dict[str, str]) -> Answer:
        if not self.may_make_spaces:
            return _error(403, "Forbidden", "Unauthorized to create spaces")
        if space["id"] in self.objects:
            return _error(409, "Conflict", f"space {space['id']} already exists")
        self.objects[space["id"]] = {}
        return 200, space

    def _import(self, request: Request) -> Answer:
        if request.space not in self.objects:
            return _error(404, "Not Found", "Not Found")
        objects = [json.loads(line) for line in _uploaded(request).splitlines()]
        if not self.may_write:
            types = ",".join(sorted({one["type"] for one in objects}))
            return _error(403, "Forbidden", f"Unable to bulk_create {types}")
        there = self.objects[request.space]
        ids = {(one["type"], one["id"]) for one in objects} | set(there)
        errors, done = [], []
        for one in objects:
            key = one["type"], one["id"]
            title = one["attributes"]["title"]
            about = {"id": one["id"], "type": one["type"], "meta": {"title": title, "icon": "x"}}
            lacking = [
                {"type": ref["type"], "id": ref["id"]}
                for ref in one["references"]
                if (ref["type"], ref["id"]) not in ids
            ]
            overwrites = request.query.get("overwrite") == ["true"]
            if lacking:
                error: dict[str, Any] = {"type": "missing_references", "references": lacking}
                errors.append(about | {"title": title, "error": error})
            elif key in there and not overwrites:
                errors.append(about | {"title": title, "error": {"type": "conflict"}})
            else:
                number = len(self.requests)
                there[key] = one | {"updated_at": f"2026-01-01T00:00:{number:02d}.000Z"}
                done.append(
                    about | {"managed": False} | ({"overwrite": True} if overwrites else {})
                )
        result: dict[str, Any] = {"success": not errors, "successCount": len(done), "warnings": []}
        return 200, result | ({"errors": errors} if errors else {}) | {"successResults": done}

    def _export(self, space: str, wanted: dict[str, Any]) -> Answer:
        if not self.may_write:
            return _error(
                403, "Forbidden", "Unable to bulk_get dashboard,index-pattern,lens,search"
            )
        found = [self.objects[space].get((one["type"], one["id"])) for one in wanted["objects"]]
        if None in found:
            return _error(400, "Bad Request", "Error fetching objects to export")
        return 200, "\n".join(map(json.dumps, found)).encode()


def _error(status: int, error: str, message: str) -> Answer:
    return status, {"statusCode": status, "error": error, "message": message}


def _uploaded(request: Request) -> bytes:
    """The file of a multipart form, as ``_import`` takes it."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    (part,) = message_from_bytes(head + request.body, policy=HTTP).iter_parts()
    disposition = part["Content-Disposition"].params
    assert disposition["name"] == "file"
    assert disposition["filename"].endswith(".ndjson")
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


def _handler(stand_in: KibanaStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            parts = urlsplit(self.path)
            space, path = "default", parts.path
            if within := re.match(r"/s/([^/]+)(/.*)", path):
                space, path = within[1], within[2]
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, content = stand_in.answer(
                Request(self.command, space, path, parse_qs(parts.query), headers, body)
            )
            sent = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/login")
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = handle_any  # noqa: N815 (http.server's names)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """The tests ask the stand-in what came."""

    return Handler
