"""A real Elasticsearch in a container, where an engine answers."""

from __future__ import annotations

import shutil
import subprocess

from tests.integration.servers import UnavailableError
from tests.integration.servers.distribution import VERSION
from tests.integration.servers.elasticsearch import Elasticsearch

IMAGE = f"docker.elastic.co/elasticsearch/elasticsearch:{VERSION}"
_CONFIG = "/usr/share/elasticsearch/config"
_ASK_SECONDS = 20
_PULL_SECONDS = 600


class Container(Elasticsearch):
    """The server from the official image, which has all of an ordinary one."""

    def __init__(self, *, secure: bool = False) -> None:
        """Create a container.

        Raises:
            UnavailableError: no engine answers, or it cannot have the image.
        """
        self._engine = engine()
        super().__init__(secure=secure)

    def _lay_out(self) -> None:
        settings = self.settings | {"ES_JAVA_OPTS": "-Xms512m -Xmx512m"}
        settings |= {"ELASTIC_PASSWORD": self.password} if self.secure else {}
        options = [f"--env={name}={value}" for name, value in settings.items()]
        port = f"--publish=127.0.0.1:{self.port}:9200"
        self._id = self._call("create", port, "--memory=2g", *options, IMAGE, limit=_PULL_SECONDS)
        if self.secure:
            for name in ("tls.key", "tls.crt"):
                self._call("cp", str(self.directory / name), f"{self._id}:{_CONFIG}/{name}")

    def stop(self) -> None:
        """Stop it, in order if that can be; the data stays for the next start."""
        self._call("stop", self._id)

    def close(self) -> None:
        """Stop, and remove all that was."""
        self._call("rm", "--force", "--volumes", self._id)
        shutil.rmtree(self.directory)

    def _launch(self) -> None:
        self._call("start", self._id)

    def _runs(self) -> bool:
        return self._call("inspect", "--format={{.State.Running}}", self._id) == "true"

    def _log(self) -> str:
        return self._call("logs", "--tail=100", self._id)

    def _call(self, *arguments: str, limit: float = 60) -> str:
        try:
            done = subprocess.run(
                [self._engine, *arguments], capture_output=True, text=True, timeout=limit
            )
        except subprocess.TimeoutExpired:
            raise UnavailableError(f"{self._engine} {arguments[0]} took over {limit} s") from None
        if done.returncode:
            raise UnavailableError(f"{self._engine} {arguments[0]}: {done.stderr.strip()}")
        return done.stdout.strip()


def engine() -> str:
    """The command of a container engine that answers.

    Raises:
        UnavailableError: there is none.
    """
    for command in ("docker", "podman"):
        if shutil.which(command):
            try:
                done = subprocess.run([command, "info"], capture_output=True, timeout=_ASK_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            if done.returncode == 0:
                return command
    raise UnavailableError("no container engine answers")
