"""A real Flink as a child of this process: Beam's job server with a cluster inside."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.integration.servers.distribution import alone, cached, java_home
from tests.integration.servers.elasticsearch import StartError
from tests.integration.servers.maven import maven

FLINK_VERSION = "1.19"
JOB_SERVER_VERSION = "2.62.0"
"""The newest whose dependencies are all to be had as libraries; it runs pipelines of later SDKs."""

_FETCH_SECONDS = 540
_START_SECONDS = 90
_STOP_SECONDS = 30
_POM = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tests</groupId><artifactId>flink</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.beam</groupId>
      <artifactId>beam-runners-flink-{FLINK_VERSION}</artifactId>
      <version>{JOB_SERVER_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""
_JAVA_OPTIONS = (
    *(f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in ("lang", "util", "nio")),
    "-Xmx1500m",
)
# Ends the server when this process ends, however it ends: that closes the pipe which is read.
_COMMAND = 'exec 3<&0; (read -r _ <&3; kill $$) & exec "$@" </dev/null 3<&-'
_ANSWER = re.compile(r"JobService started on localhost:(\d+)")


class Flink:
    """A job server that this process started, on a free port, with a cluster for each job.

    Attributes:
        endpoint: where it takes jobs, as ``localhost:PORT``.
    """

    endpoint: str

    def __init__(self) -> None:
        """Have the program ready.

        Raises:
            UnavailableError: this machine lacks what it takes.
        """
        self._java = java_home("Flink") / "bin" / "java"
        self._libraries = libraries()
        self.directory = Path(tempfile.mkdtemp(prefix="docsluice-flink-"))
        self._log = self.directory / "console.log"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            shutil.rmtree(self.directory)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        shutil.rmtree(self.directory)

    def start(self) -> None:
        """Start and wait until it takes jobs.

        Raises:
            StartError: it ended, or it did not answer within 90 seconds.
        """
        command = [
            str(self._java),
            *_JAVA_OPTIONS,
            f"-Djava.io.tmpdir={self.directory}",
            "-cp",
            f"{self._libraries}/*",
            "org.apache.beam.runners.flink.FlinkJobServerDriver",
            "--job-host=localhost",
            *(f"--{name}-port=0" for name in ("job", "artifact", "expansion")),
            f"--artifacts-dir={self.directory / 'artifacts'}",
            "--flink-master=[local]",
        ]
        with self._log.open("wb") as console:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _COMMAND, "flink", *command],
                cwd=self.directory,
                stdin=subprocess.PIPE,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not (found := _ANSWER.search(self.log())):
            ended = self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                self.stop()
                how = "ended" if ended else f"took no jobs within {_START_SECONDS} s"
                raise StartError(f"Flink {how}; its last lines:\n{self.log()[-2000:]}")
            time.sleep(0.2)
        self.endpoint = f"localhost:{found[1]}"

    def stop(self) -> None:
        """Stop it, at once if it would not stop in order."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)
        # What is left of the session: who waits for our end, or a server that would not stop.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()

    def log(self) -> str:
        """What it wrote so far."""
        return self._log.read_text(errors="replace")


def libraries() -> Path:
    """The directory of the program's libraries, fetched if it is not there.

    Raises:
        UnavailableError: there is no ``mvn``, or it could not fetch.
    """
    directory = cached(f"flink-{FLINK_VERSION}-{JOB_SERVER_VERSION}")
    with alone(directory):
        if not directory.exists():
            with tempfile.TemporaryDirectory(dir=directory.parent) as workplace:
                Path(workplace, "pom.xml").write_text(_POM)
                maven(
                    "copy-dependencies",
                    "-DoutputDirectory=lib",
                    "-DincludeScope=runtime",
                    cwd=Path(workplace),
                    what=f"Flink {FLINK_VERSION}",
                    seconds=_FETCH_SECONDS,
                )
                Path(workplace, "lib").rename(directory)
    return directory
