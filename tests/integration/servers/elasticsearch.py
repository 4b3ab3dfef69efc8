"""A real Elasticsearch of the tests' own, on loopback, wherever its program comes from."""

from __future__ import annotations

import hashlib
import secrets
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.integration.servers import UnavailableError

_START_SECONDS = 90
_OPEN = {
    "discovery.type": "single-node",
    "cluster.routing.allocation.disk.threshold_enabled": "false",
    "xpack.security.enabled": "false",
}
_SECURE = _OPEN | {
    "xpack.security.enabled": "true",
    "xpack.security.http.ssl.enabled": "true",
    "xpack.security.http.ssl.certificate": "tls.crt",
    "xpack.security.http.ssl.key": "tls.key",
}


class StartError(RuntimeError):
    """The server did not start; the message ends with what it logged last."""


class Elasticsearch(ABC):
    """A server that this process started; it keeps its port and its data over a restart.

    Attributes:
        url: where it listens.
        ca_certificate: of a secure server: the PEM file that its certificate is checked against.
        user: of a secure server: who may do everything.
        password: of that user.
    """

    user = "elastic"

    def __init__(self, *, secure: bool) -> None:
        """Lay out a server on a free port, a secure one with a password and a certificate.

        Raises:
            UnavailableError: this machine lacks what it takes.
        """
        self.secure = secure
        self.port = free_port()
        self.url = f"http{'s' if secure else ''}://127.0.0.1:{self.port}"
        self.password = secrets.token_urlsafe(12)
        self.directory = Path(tempfile.mkdtemp(prefix="docsluice-elasticsearch-"))
        self.ca_certificate = self.directory / "tls.crt"
        self.settings = dict(_SECURE if secure else _OPEN)
        try:
            if secure:
                _make_certificate(self.directory)
            self._lay_out()
        except BaseException:
            shutil.rmtree(self.directory)
            raise

    @abstractmethod
    def _lay_out(self) -> None:
        """Have the program and its configuration ready.

        Raises:
            UnavailableError: this machine lacks what it takes.
        """

    @abstractmethod
    def stop(self) -> None:
        """Stop it, in order if that can be; the data stays for the next start."""

    @abstractmethod
    def _launch(self) -> None:
        """Start the program and do not wait."""

    @abstractmethod
    def _runs(self) -> bool:
        """Whether the program, once launched, has not ended."""

    @abstractmethod
    def _log(self) -> str:
        """What the program wrote."""

    def start(self) -> None:
        """Start and wait until the server answers.

        Raises:
            StartError: it ended, or it did not answer within 90 seconds.
        """
        self._launch()
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if not self._runs():
                raise self._failure("ended")
            if time.monotonic() > deadline:
                raise self._failure(f"did not answer within {_START_SECONDS} s")
            time.sleep(0.2)

    def close(self) -> None:
        """Stop, and remove all that was."""
        self.stop()
        shutil.rmtree(self.directory)

    def client(self, api_key: str | None = None) -> httpx.Client:
        """A client with this key; without one it may do everything."""
        trust = ssl.create_default_context(cafile=self.ca_certificate) if self.secure else True
        auth = (self.user, self.password) if self.secure and not api_key else None
        headers = {"Authorization": f"ApiKey {api_key}"} if api_key else {}
        return httpx.Client(base_url=self.url, verify=trust, auth=auth, headers=headers, timeout=30)

    def request(self, method: str, path: str, body: object = None) -> Any:
        """What the server says to a request of the user who may do everything.

        Raises:
            httpx.HTTPStatusError: it refuses.
        """
        with self.client() as client:
            answer = client.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json()

    def add_user(self, name: str, password: str, role: dict[str, object]) -> None:
        """Make a user with a role of the same name; the role is as the API of roles takes it."""
        self.request("PUT", f"/_security/role/{name}", role)
        self.request("PUT", f"/_security/user/{name}", {"password": password, "roles": [name]})

    def api_key(self, role: dict[str, object], *, expiration: str | None = None) -> str:
        """A new API key, encoded, limited to this role; ``expiration`` is as in ``7d``."""
        body: dict[str, object] = {"name": "tests", "role_descriptors": {"tests": role}}
        if expiration:
            body["expiration"] = expiration
        encoded: str = self.request("POST", "/_security/api_key", body)["encoded"]
        return encoded

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, in hexadecimal."""
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.ca_certificate.read_text())).hexdigest()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _answers(self) -> bool:
        try:
            self.request("GET", "/_cluster/health?wait_for_status=yellow&timeout=1s")
            if self.secure:
                # The index of users is made meanwhile; until then the password comes and goes.
                change = f"/_security/user/{self.user}/_password"
                self.request("POST", change, {"password": self.password})
        except (httpx.TransportError, httpx.HTTPStatusError):
            return False
        return True

    def _failure(self, what: str) -> StartError:
        log = self._log().splitlines()
        self.stop()
        return StartError("\n".join([f"Elasticsearch {what}; it logged last:", *log[-30:]]))


def free_port() -> int:
    """A port of loopback that nothing listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _make_certificate(directory: Path) -> None:
    """A key, and a certificate for loopback that is its own authority."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    # Python 3.13 takes no authority that does not say that it may sign.
    command += ["-addext", "keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign"]
    command += ["-keyout", "tls.key", "-out", "tls.crt"]
    try:
        subprocess.run(command, cwd=directory, check=True, capture_output=True)
    except FileNotFoundError:
        raise UnavailableError("a server with TLS needs openssl for its certificate") from None
    for name in ("tls.key", "tls.crt"):
        (directory / name).chmod(0o644)
