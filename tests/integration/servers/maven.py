"""Maven as the way to programs that are published as artifacts."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.integration.servers import UnavailableError

_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"


def maven(goal: str, *options: str, cwd: Path, what: str, seconds: float) -> None:
    """Call a goal of Maven's dependency plugin.

    Args:
        goal: ``copy`` or ``copy-dependencies``.
        options: as ``-Dname=value``.
        cwd: where it is called: the directory of the ``pom.xml``, if it needs one.
        what: that which is fetched, for messages.
        seconds: the longest that it may take.

    Raises:
        UnavailableError: there is no ``mvn``, or it failed.
    """
    if not (command := shutil.which("mvn")):
        raise UnavailableError(f"{what} cannot be fetched without mvn; install Maven")
    try:
        done = subprocess.run(
            [command, "-q", "-B", "-C", f"{_PLUGIN}:{goal}", *options],
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"mvn fetched no {what} in {seconds:.0f} s") from None
    if done.returncode:
        said = "\n".join(line for line in done.stdout.splitlines() if line.startswith("[ERROR]"))
        raise UnavailableError(f"mvn could not fetch {what} (no network?):\n{said[:1000]}")
