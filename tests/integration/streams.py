"""``docsluice stream`` as a process of its own, and what its store says."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow.parquet as pq

from tests.integration.command import COMMAND, docsluice
from tests.integration.schedulers import children, wait_for

PATIENCE = 90
"""Seconds that a loaded machine may take to what is waited for."""


class Stream:
    """A stream into ``store`` in a directory, killed at the end of the block."""

    def __init__(
        self,
        *arguments: object,
        cwd: Path,
        prism: Path | None = None,
        stdin: int = subprocess.DEVNULL,
    ) -> None:
        self.directory, self.store = cwd, cwd / "store"
        self._log = (cwd / f"log-{time.monotonic_ns()}").open("w+")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("DOCSLUICE_")}
        given = list(map(str, arguments))
        for name, value in (("--window", "3s"), ("--settle", "0.3"), ("--workers", "1")):
            if name not in given:
                given += [name, value]
        if "--entities" not in given:
            given.append("--no-entities")
        self.process = subprocess.Popen(
            [*COMMAND, "stream", *given],
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            cwd=cwd,
            env=inherited | ({"PRISM": str(prism)} if prism else {}),
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: object, _trace: TracebackType | None
    ) -> None:
        self.kill()
        if error:
            print(self.log)
        self._log.close()

    @property
    def log(self) -> str:
        return Path(self._log.name).read_text()

    def until(self, condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """What the condition gives once that is true, while the stream is alive."""

        def met() -> Any:
            assert self.process.poll() is None, self.log
            return condition()

        return wait_for(met, seconds)

    def until_found(self, number: int) -> None:
        """Wait until so many documents are searched."""
        self.until(lambda: len(indexed(self.store)) == number)

    def until_committed(self, number: int) -> None:
        """Wait until so many documents are committed."""
        self.until(lambda: sum(kept(self.store).values()) >= number)

    def pipeline(self) -> int:
        """The process of the pipeline."""
        return int(self.until(lambda: children(self.process.pid))[0])

    def kill(self) -> None:
        """End it as a crash of the machine would."""
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()

    def stop(self, *signals: signal.Signals) -> int:
        """Send signals, half a second apart; returns the exit code."""
        for number in signals or (signal.SIGTERM,):
            self.process.send_signal(number)
            time.sleep(0.5)
        code = self.process.wait(PATIENCE)
        assert "Traceback" not in self.log, self.log
        return code


def indexed(store: Path) -> dict[str, str]:
    """Text of each document in the embedded index, by the name of its file."""
    path = store / "search.db"
    if not path.exists():
        return {}
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
        try:
            rows = connection.execute("SELECT source, text FROM documents").fetchall()
        except sqlite3.OperationalError:  # it is being made
            return {}
    return {source.rpartition("/")[2]: text for source, text in rows}


def committed(store: Path) -> list[str]:
    """Ids of the committed runs."""
    return sorted(path.stem for path in store.glob("runs/*.json"))


def ledger(store: Path) -> list[dict[str, Any]]:
    """All rows of committed runs, oldest run first."""
    rows = []
    for run in committed(store):
        for part in sorted(store.glob(f"ledger/run={run}/*.parquet")):
            rows += pq.ParquetFile(part).read().to_pylist()
    return rows


def outcomes(store: Path) -> dict[str, str]:
    """What became last of each file, by its name."""
    return {row["source"].rpartition("/")[2]: row["outcome"] for row in ledger(store)}


def kept(store: Path) -> Counter[str]:
    """How many versions of each file were published in Parquet."""
    return Counter(
        row["source"].rpartition("/")[2]
        for run in committed(store)
        for part in sorted(store.glob(f"documents/run={run}/*.parquet"))
        for row in pq.ParquetFile(part).read(columns=["source"]).to_pylist()
    )


def manifests(store: Path) -> list[dict[str, Any]]:
    """The manifests of the committed runs, oldest first."""
    return [json.loads(path.read_text()) for path in sorted(store.glob("runs/*.json"))]


def ordered(store: Path) -> set[str]:
    """Names of the files that are ordered and not committed, or were a moment ago."""
    found = set()
    for path in store.glob("stream/*/orders/*.json"):
        with suppress(FileNotFoundError):  # committed meanwhile
            files = json.loads(path.read_text()).get("files", ())
            found |= {file["uri"].rpartition("/")[2] for file in files}
    return found


def assert_sound(store: Path, cwd: Path, *arguments: object) -> None:
    """Everything in the store agrees, and no stream has left anything."""
    checked = docsluice("verify", "--store", store, *arguments, cwd=cwd)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert [path.name for path in (store / "stream").iterdir() if path.is_dir()] == []


def write(path: Path, text: str) -> Path:
    """Write a file so that it is complete when it is seen."""
    path.parent.mkdir(exist_ok=True)
    aside = path.with_name(f".{path.name}")
    aside.write_text(text)
    aside.rename(path)
    return path


_WORDS = ("sluice", "gate", "water", "lock", "canal", "barge", "keeper", "weir", "tide", "reed")


def text_of(number: int) -> str:
    """A text that is near to no other: each has words of its own."""
    words = (f"{_WORDS[(number * 7 + k * k) % len(_WORDS)]}{number}x{k}" for k in range(30))
    return f"Document number {number} says: " + " ".join(words)
