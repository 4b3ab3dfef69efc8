"""A store, a change of its sources that takes several batches, and ways to be killed in it."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.integration.command import docsluice, start
from tests.integration.copies import edited
from tests.integration.texts import english

PER_FILE = 60
KNOWN, NEW = 6, 8
"""Files of records in the first run, and those that the change adds."""
BATCHES = 4
PATIENCE = 120
"""Seconds for a process on a loaded machine to come to the point."""

Moment = Callable[[Path], bool]
"""Whether a run that works on this store is where it is to be killed."""


@dataclass(frozen=True)
class Killed:
    """What a killed run left.

    Attributes:
        committed: number of batches.
        left: kinds of files of a run that is not committed.
        behind: databases that lack a committed run.
    """

    committed: int
    left: tuple[str, ...]
    behind: tuple[str, ...]


@dataclass
class World:
    """Sources that have changed since their store was made.

    Attributes:
        root: the folder of it all.
        settings: of all runs; ``batch_bytes`` cuts the change into ``BATCHES`` batches.
        seconds: what the undisturbed run took from its first files to its end.
    """

    root: Path
    settings: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        sources = Sources(self.root)
        sources.write()
        self.settings |= {"sources": ["library", "mirror"], "entities": False}
        self.finish(self.root / "before")
        size = sources.change()
        self.settings["batch_bytes"] = int(size * 1.45) // BATCHES  # no file is cut in two

    def undisturbed(self) -> Path:
        """The store after the change, with nothing in between; measures ``seconds``."""
        store = self.copy("undisturbed")
        with self._start(store) as process:
            wait_for(has_read(0), store, process)
            began = time.monotonic()
            _, err = process.communicate(timeout=PATIENCE)
            self.seconds = time.monotonic() - began
        assert process.returncode == 0, err
        return store

    def copy(self, name: str) -> Path:
        """Another copy of the store as it was before the change."""
        shutil.rmtree(self.root / name, ignore_errors=True)
        shutil.copytree(self.root / "before", self.root / name)
        return self.root / name

    def kill(self, store: Path, moment: Moment, delay: float) -> Killed | None:
        """Kill a run, workers and all, so many seconds after a moment; None if it was too late."""
        with self._start(store) as process:
            wait_for(moment, store, process)
            time.sleep(delay)
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate(timeout=PATIENCE)  # until nobody is left who could write to it
        if process.returncode != -signal.SIGKILL:
            return None
        committed = {path.stem for path in store.glob("runs/*.json")}
        left = {
            path.parent.name
            for path in store.glob("*/run=*")
            if path.name.removeprefix("run=") not in committed
        }
        behind = (name for name in ("search.db", "state.db") if committed - _runs_in(store / name))
        return Killed(len(committed) - 1, tuple(sorted(left)), tuple(behind))

    def run(self, store: Path) -> subprocess.CompletedProcess[str]:
        """Run to the end, on one process."""
        return docsluice(*self._arguments(store, workers=1), cwd=self.root)

    def finish(self, store: Path) -> None:
        """Run to a good end."""
        done = self.run(store)
        assert done.returncode == 0, done.stderr

    def _start(self, store: Path) -> subprocess.Popen[str]:
        return start(*self._arguments(store, workers=2), cwd=self.root)

    def _arguments(self, store: Path, workers: int) -> tuple[object, ...]:
        config = self.root / "settings.json"
        config.write_text(json.dumps(self.settings))
        return "run", "--config", config, "--store", store, "--workers", workers, "--json"


class Sources:
    """Some hundred records with duplicates within a file, across files and across runs."""

    def __init__(self, root: Path) -> None:
        self._library, self._mirror = root / "library", root / "mirror"
        self._library.mkdir()
        self._mirror.mkdir()
        self._pick = random.Random(11)
        self._sentences = [s for text in english(60) for s in re.split(r"(?<=\.)\s+", text.body)]
        self._texts: list[dict[str, str]] = []

    def write(self) -> None:
        """What the first run reads."""
        for number in range(KNOWN):
            self._texts.append({f"{number}-{place}": self._text() for place in range(PER_FILE)})
            self._write(self._library / f"part-{number}.jsonl", self._texts[-1])
        for number in range(KNOWN):
            copies = dict(list(self._texts[number].items())[::4])
            self._write(self._mirror / f"exact-{number}.jsonl", copies)
            near = {key: edited(text, "change", 1) for key, text in list(copies.items())[::2]}
            self._write(self._mirror / f"near-{number}.jsonl", near)
        for number in range(10):
            (self._library / f"note-{number}.txt").write_text(self._text())

    def change(self) -> int:
        """Make the sources other; returns the bytes of what is new or changed."""
        began = time.time_ns()
        (self._library / "part-0.jsonl").unlink()  # canonicals of records in the mirror
        second = dict(self._texts[1])
        for place, key in enumerate(list(second)):
            if place % 4 == 0:
                second[key] = self._text() if place % 8 else edited(second[key], "add", 1)
            elif place % 4 == 1:
                del second[key]
        self._write(self._library / "part-1.jsonl", second)
        (self._library / "note-0.txt").rename(self._library / "renamed.txt")
        (self._library / "note-1.txt").write_text(self._text())
        (self._mirror / "near-4.jsonl").unlink()
        for number in range(KNOWN, KNOWN + NEW):
            texts = {f"{number}-{place}": self._text() for place in range(PER_FILE)}
            for key, other in zip(
                list(texts)[::5], self._pick.sample(self._texts, 4), strict=False
            ):
                texts[key] = edited(self._pick.choice(list(other.values())), "change", 1)
            self._texts.append(texts)
            path = self._library / f"part-{number}.jsonl"
            self._write(path, texts)
            if number % 3 == 0:
                with path.open("a") as file:
                    file.write('{"text": "cut o\n')
        changed = [*self._library.iterdir()]
        return sum(p.stat().st_size for p in changed if p.stat().st_mtime_ns >= began)

    def _text(self) -> str:
        return " ".join(self._pick.sample(self._sentences, 18))

    def _write(self, path: Path, texts: dict[str, str]) -> None:
        lines = (json.dumps({"id": key, "text": text}) + "\n" for key, text in texts.items())
        path.write_text("".join(lines))


def wait_for(moment: Moment, store: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a run is at a moment, or has ended."""
    until = time.monotonic() + PATIENCE
    while not moment(store) and process.poll() is None:
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.0005)


def has_read(batch: int) -> Moment:
    """A batch has spooled documents, which it has not compared yet."""
    return lambda store: _committed(store) >= batch and any(store.glob("spool/run=*/*"))


def has_elected(batch: int) -> Moment:
    """A batch has written documents that have no manifest yet."""
    return lambda store: len(_names(store / "documents")) > batch


def is_committing(batch: int) -> Moment:
    """The manifest of a batch is being written, or has just been."""
    return lambda store: len(_names(store / "runs")) > batch


def _committed(store: Path) -> int:
    return sum(name.endswith(".json") for name in _names(store / "runs"))


def _names(directory: Path) -> list[str]:
    return [entry.name for entry in os.scandir(directory)]


def _runs_in(database: Path) -> set[str]:
    """The runs that a database has, which is left as it is."""
    with TemporaryDirectory() as directory:
        for path in database.parent.glob(f"{database.name}*"):
            shutil.copy(path, directory)
        with closing(sqlite3.connect(Path(directory, database.name))) as copy:
            return {run_id for (run_id,) in copy.execute("SELECT run_id FROM runs")}
