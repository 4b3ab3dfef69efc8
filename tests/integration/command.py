"""The ``docsluice`` command as a process of its own, for fixtures that live longer than a test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "pipelines")


def docsluice(
    *arguments: object, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, without inherited settings."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=cwd,
        env=_environment(env),
    )


def start(*arguments: object, cwd: Path) -> subprocess.Popen[str]:
    """Start the command, in a process group of its own as a shell does."""
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        text=True,
        cwd=cwd,
        env=_environment(),
        start_new_session=True,
        **options,
    )


def _environment(more: dict[str, str] | None = None) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("DOCSLUICE_")}
    return inherited | (more or {})
