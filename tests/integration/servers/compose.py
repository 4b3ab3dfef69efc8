"""The real compose program; it needs no container engine to read a file and to check it."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.integration.servers import UnavailableError
from tests.integration.servers.distribution import alone, cached
from tests.integration.servers.go import go

MODULE = "github.com/docker/compose/v2"
VERSION = "v2.40.0"
SUM = "h1:y6wuWuxvoIHgDdo9J12OGnXAQmLviRInwFKSEqKW5Cs="
_ASK_SECONDS = 20


def compose_command() -> list[str]:
    """What to type before the arguments of ``docker compose``, of version 2 or later.

    Docker's plugin, else ``docker-compose``, else one built from its Go module, once.

    Raises:
        UnavailableError: there is none, and no ``go`` that could build one.
    """
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) and _is_current(command):
            return command
    return [str(_built())]


def _is_current(command: list[str]) -> bool:
    asked = [*command, "version", "--short"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=_ASK_SECONDS)
    major = done.stdout.strip().removeprefix("v").partition(".")[0]
    return done.returncode == 0 and major.isdecimal() and int(major) > 1


def _built() -> Path:
    program = cached(f"docker-compose-{VERSION}")
    with alone(program):
        if not program.exists():
            with tempfile.TemporaryDirectory(dir=program.parent) as workplace:
                _build(Path(workplace)).rename(program)
    return program


def _build(workplace: Path) -> Path:
    download = ("mod", "download", "-json", f"{MODULE}@{VERSION}")
    fetched = json.loads(go(*download, workplace=workplace, cwd=workplace, what="compose program"))
    if fetched["Sum"] != SUM:
        raise UnavailableError(f"what go fetched as {MODULE} {VERSION} has another sum than ours")
    program = workplace / "docker-compose"
    build = ("build", "-trimpath", "-ldflags=-s -w", "-o", str(program), "./cmd")
    go(*build, workplace=workplace, cwd=fetched["Dir"], what="compose program")
    return program
