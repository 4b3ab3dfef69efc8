"""Go as the builder of programs for the tests, which leaves nothing of its own behind."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.integration.servers import UnavailableError

_BUILD_SECONDS = 540


def go(*arguments: str, workplace: Path, cwd: str | Path, what: str) -> str:
    """Call ``go``; what it fetches and compiles on the way goes with the workplace.

    Args:
        arguments: of the command.
        workplace: a directory that is removed afterwards.
        cwd: where the command is called.
        what: the program that is built, for messages.

    Returns:
        What the command wrote to standard output.

    Raises:
        UnavailableError: there is no ``go``, or it failed.
    """
    if not shutil.which("go"):
        raise UnavailableError(
            f"there is no {what}, and no Go to build it (1.24 or newer; from 1.21 on it fetches "
            "that by itself)"
        )
    environment = os.environ | {
        "GOPATH": str(workplace / "path"),
        "GOCACHE": str(workplace / "cache"),
        "GOBIN": str(workplace),
        "GOFLAGS": f"{os.environ.get('GOFLAGS', '')} -modcacherw".strip(),
        "CGO_ENABLED": "0",
    }
    try:
        done = subprocess.run(
            ["go", *arguments],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_BUILD_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"go did not build {what} in {_BUILD_SECONDS} s") from None
    if done.returncode:
        raise UnavailableError(
            f"go cannot build {what} (no network?): {done.stderr.strip()[-500:]}"
        )
    return done.stdout
