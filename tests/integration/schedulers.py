"""A scheduler as a process of its own, with its log, its status and its children."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.integration.command import COMMAND

Value = TypeVar("Value")

PATIENCE = 60
"""Seconds that a loaded machine may take to what is waited for."""


def wait_for(condition: Callable[[], Value], seconds: float = PATIENCE) -> Value:
    """What the condition gives, once that is true."""
    until = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)
    return value


def state_of(pid: int) -> tuple[str, int]:
    """Letter of the state and number of the parent of a process; ``("", 0)`` if there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "", 0
    return fields[0], int(fields[1])


def is_alive(pid: int) -> bool:
    return state_of(pid)[0] not in ("", "Z")


def children(pid: int) -> list[int]:
    """Processes that live and have this parent."""
    numbers = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [number for number in numbers if state_of(number)[1] == pid and is_alive(number)]


def command_of(pid: int) -> str:
    """The command line of a process; empty if there is none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def texts(directory: Path, **named: str) -> Path:
    """Text files in a directory, which is made if it is not there."""
    directory.mkdir(exist_ok=True)
    for name, text in named.items():
        (directory / f"{name}.txt").write_text(text)
    return directory


class Scheduler:
    """``docsluice schedule`` or ``watch`` in a directory, killed at the end of the block."""

    def __init__(self, *arguments: object, cwd: Path, store: str = "store") -> None:
        self.directory, self.store = cwd, cwd / store
        self._log = (cwd / f"log-{time.monotonic_ns()}").open("w+")
        self.process = subprocess.Popen(
            [*COMMAND, *map(str, arguments), "--no-entities", "--workers=1", f"--store={store}"],
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            cwd=cwd,
            env={k: v for k, v in os.environ.items() if not k.startswith("DOCSLUICE_")},
            start_new_session=True,
        )
        self.status_file = self.store / f"{arguments[0]}.json"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: object, _trace: TracebackType | None
    ) -> None:
        left = children(self.process.pid)
        self.process.kill()
        self.process.wait()
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if error:
            print(self.log)
        self._log.close()

    @property
    def log(self) -> str:
        return Path(self._log.name).read_text()

    @property
    def status(self) -> dict[str, Any]:
        """What the status file says; {} before there is one."""
        with suppress(FileNotFoundError):
            found: dict[str, Any] = json.loads(self.status_file.read_text())
            return found
        return {}

    def until(self, condition: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The status, once it meets the condition."""

        def met() -> dict[str, Any] | None:
            assert self.process.poll() is None, self.log
            status = self.status
            return status if status and condition(status) else None

        return wait_for(met) or {}

    def until_done(self, runs: int) -> dict[str, Any]:
        """The status, once so many runs have gone well."""
        return self.until(lambda status: status["runs"].get("done", 0) >= runs)

    def until_said(self, text: str) -> None:
        wait_for(lambda: text in self.log)

    def child(self) -> int:
        """The process of the run that is under way."""
        return wait_for(lambda: children(self.process.pid))[0]

    def metrics_url(self) -> str:
        found = wait_for(
            lambda: re.search(r"metrics at (http://127\.0\.0\.1:\d+)/metrics", self.log)
        )
        return found[1]

    def stop(self, *signals: signal.Signals) -> None:
        """Send the signals, half a second apart; it ends well and leaves nobody."""
        left = children(self.process.pid)
        for number in signals or (signal.SIGTERM,):
            self.process.send_signal(number)
            time.sleep(0.5)
        assert self.process.wait(PATIENCE) == 0, self.log
        assert not any(map(is_alive, left))
        assert "Traceback" not in self.log

    def manifests(self) -> list[dict[str, Any]]:
        return [json.loads(p.read_text()) for p in sorted(self.store.glob("runs/*.json"))]
