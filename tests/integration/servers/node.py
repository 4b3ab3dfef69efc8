"""A real Elasticsearch as a child of this process, run from a temporary directory."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from tests.integration.servers import distribution, plugin
from tests.integration.servers.elasticsearch import Elasticsearch

_STOP_SECONDS = 30
_OPTIONS = "-Xms512m -Xmx512m"
# Ends the server when this process ends, however it ends: that closes the pipe which is read.
_COMMAND = "exec 3<&0; (read -r _ <&3; kill $$) & exec bin/elasticsearch </dev/null 3<&-"


class Node(Elasticsearch):
    """The server from Maven's archive, which has no language analyzers of its own."""

    def __init__(self, *, secure: bool = False, analyzers: bool = True) -> None:
        """Lay out a server, with the analyzers that an ordinary one has or without them.

        Raises:
            UnavailableError: this machine lacks what it takes.
        """
        self._java = distribution.java_home()
        self._analyzers = analyzers
        self._process: subprocess.Popen[bytes] | None = None
        super().__init__(secure=secure)

    def stop(self) -> None:
        """Stop it, in order if that can be; the data stays for the next start."""
        if not self._process:
            return
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)
        # What is left of the session: who waits for our end, or a server that would not stop.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()
        self._process = None

    def _lay_out(self) -> None:
        # A copy, since the server writes beside its program, often as another user than ours.
        shutil.copytree(distribution.unpacked(), self.directory, dirs_exist_ok=True)
        (self.directory / "tmp").mkdir()
        if self._analyzers:
            plugin.install(self.directory, self._java)
        config = self.directory / "config"
        settings = self.settings | {"network.host": "127.0.0.1", "http.port": str(self.port)}
        lines = [f"{name}: {value}\n" for name, value in settings.items()]
        (config / "elasticsearch.yml").write_text("".join(lines))
        if self.secure:
            for name in ("tls.key", "tls.crt"):
                shutil.copy(self.directory / name, config / name)
            subprocess.run(
                ["bin/elasticsearch-keystore", "add", "--force", "--stdin", "bootstrap.password"],
                cwd=self.directory,
                env=self._environment(),
                input=self.password.encode(),
                check=True,
                capture_output=True,
            )

    def _launch(self) -> None:
        # The server refuses to run as root: nobody runs it then, and owns its directory.
        nobody = None if os.geteuid() else pwd.getpwnam("nobody")
        if nobody:
            for path in (self.directory, *self.directory.rglob("*")):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        with self._console.open("wb") as console:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _COMMAND],
                cwd=self.directory,
                env=self._environment(),
                stdin=subprocess.PIPE,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=nobody and nobody.pw_uid,
                group=nobody and nobody.pw_gid,
                extra_groups=nobody and [],
            )

    def _runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _log(self) -> str:
        return self._console.read_text(errors="replace")

    @property
    def _console(self) -> Path:
        return self.directory / "logs" / "console.log"

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "ES_JAVA_HOME": str(self._java),
            "ES_JAVA_OPTS": _OPTIONS,
            "ES_TMPDIR": str(self.directory / "tmp"),
        }
