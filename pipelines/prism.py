"""Prism, Beam's portable runner for one machine: its program found, started, stopped."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

log = logging.getLogger(__name__)

_DOWNLOAD_SECONDS = 30
_START_SECONDS = 20
_STOP_SECONDS = 5
_PACKAGE = "github.com/apache/beam/sdks/v2/go/cmd/prism"
# Ends Prism when this process ends, however it ends: that closes the pipe which is read.
_COMMAND = 'exec 3<&0; (read -r _ <&3; kill $$) & exec "$@" </dev/null 3<&-'


class PrismError(RuntimeError):
    """Prism cannot be found or started; the message is one line for the user."""


def find_prism(location: str | None) -> str:
    """Path of Prism's program.

    The first of: ``location``, what the variable ``PRISM`` names, ``prism`` on the path if it is
    Beam's, what Beam downloaded before or downloads now for its version.

    Args:
        location: path, or address of a release as Beam takes it.

    Raises:
        PrismError: there is none, and none can be downloaded.
    """
    return _installed(location) or _downloaded(location or os.environ.get("PRISM"))


def prism_here(location: str | None) -> str | None:
    """Path of the program that :func:`find_prism` would take; None if it would download one.

    Raises:
        PrismError: there is none at the path that is named.
    """
    return _installed(location) or _downloaded_before(location or os.environ.get("PRISM"))


def _installed(location: str | None) -> str | None:
    named = location or os.environ.get("PRISM")
    if named and Path(named).is_file():
        return named
    if named and "://" not in named:
        raise PrismError(f"there is no Prism at {named}")
    if not named and (program := shutil.which("prism")) and _is_beams(program):
        return program
    return None


def _is_beams(program: str) -> bool:
    """Whether it is Beam's Prism: other programs have that name, too."""
    try:
        asked = subprocess.run(  # noqa: S603
            [program, "--help"], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return "job_port" in asked.stderr + asked.stdout


def _downloaded_before(location: str | None) -> str | None:
    from apache_beam.runners.portability.prism_runner import PrismJobServer
    from apache_beam.version import __version__ as version

    if location:  # what is named Beam downloads each time
        return None
    kept = Path(PrismJobServer.BIN_CACHE).glob(f"apache_beam-v{version}-prism-*")
    return next((str(path) for path in kept if path.suffix != ".tmp"), None)


def _downloaded(location: str | None) -> str:
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners.portability.prism_runner import PrismJobServer
    from apache_beam.version import __version__ as version

    options = PipelineOptions([f"--prism_location={location}"] if location else [])
    patience = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_DOWNLOAD_SECONDS)  # else a network that drops all is waited for
    try:
        command, _ = PrismJobServer(options).subprocess_cmd_and_endpoint()
    except Exception as error:  # it lets through whatever opening and unpacking raise
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise PrismError(
            f"there is no Prism here, and it cannot be downloaded ({reason}); install it (go "
            f"install {_PACKAGE}@v{version}), and name it in the variable PRISM or by "
            "--runner-option prism_location=PATH"
        ) from None
    finally:
        socket.setdefaulttimeout(patience)
    return str(command[0])


@contextmanager
def prism_server(program: str) -> Iterator[str]:
    """A Prism of our own for the block; gives its ``HOST:PORT``.

    Raises:
        PrismError: it does not start.
    """
    port = _free_port()
    options = (f"--job_port={port}", "--log_level=warn", "--log_kind=json", "--serve_http=false")
    process = subprocess.Popen(  # noqa: S603
        ["/bin/sh", "-c", _COMMAND, "prism", program, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C goes to all; the driver decides
    )
    lines: list[str] = []
    try:
        assert process.stdout is not None  # noqa: S101  for the type checker
        reader = threading.Thread(target=_log, args=(process.stdout, lines), daemon=True)
        reader.start()
        from pipelines.job_server import answers

        if not answers(f"localhost:{port}", _START_SECONDS, lambda: process.poll() is None):
            reader.join(1)  # what it said last may still be on its way
            said = f": {lines[-1]}" if lines else ""
            raise PrismError(f"{program} does not start as Prism{said}")
        yield f"localhost:{port}"
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
        # What is left of the session: who waits for our end, or a Prism that would not stop.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdin:
            process.stdin.close()


def _log(output: IO[bytes], lines: list[str]) -> None:
    for line in output:
        lines.append(line.decode(errors="replace").strip())
        del lines[:-1]
        log.debug("Prism: %s", lines[-1])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
