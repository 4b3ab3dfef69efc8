"""A progress line for runs into a local store, told from the files that the workers finish.

Workers are other processes, and runners report their counters only at the end; the files of a
run appear as the work is done, on every runner.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from transforms import files
from transforms.run import Run

log = logging.getLogger(__name__)

MB = 1_000_000


@dataclass(slots=True)
class Progress:
    """Counts of what a run has done so far."""

    total_bytes: int
    read_documents: int = 0
    read_bytes: int = 0
    written_documents: int = 0
    seconds: float = 0.0

    def line(self) -> str:
        """The counts in words."""
        done = self.written_documents or self.read_documents
        parts = [
            f"{self.read_documents:,} documents read",
            f"{self.read_bytes / MB:,.1f} of {self.total_bytes / MB:,.1f} MB",
            f"{self.written_documents:,} written",
        ]
        if self.seconds:
            rates = f"{done / self.seconds:,.0f} documents/s, "
            rates += f"{self.read_bytes / MB / self.seconds:,.1f} MB/s"
            parts.append(rates)
        return ", ".join(parts)


class Watcher:
    """Counts the files of a run as they appear, each once."""

    def __init__(self, run: Run, unit_bytes: Mapping[int, int]) -> None:
        self._run = run
        self._waiting = dict(unit_bytes)
        self._seen: set[str] = set()
        self._started = time.monotonic()
        self._progress = Progress(sum(unit_bytes.values()))

    def look(self) -> Progress:
        """The counts as of now."""
        for path in self._new("spool", ".arrow"):
            self._progress.read_documents += _spooled_rows(path)
            unit = int(path.rsplit("part-", 1)[1].split("-")[0])
            self._progress.read_bytes += self._waiting.pop(unit, 0)
        for path in self._new("documents", ".parquet"):
            self._progress.written_documents += pq.read_metadata(path).num_rows
        self._progress.seconds = time.monotonic() - self._started
        return self._progress

    def _new(self, kind: str, suffix: str) -> Iterator[str]:
        directory = self._run.directory(kind)
        for name in files.names(directory, suffix):
            path = files.join(directory, name)
            if path not in self._seen:
                yield path
                self._seen.add(path)


def _spooled_rows(path: str) -> int:
    with pa.memory_map(path) as source:
        reader = pa.ipc.open_file(source)
        return sum(reader.get_batch(i).num_rows for i in range(reader.num_record_batches))


class Follower:
    """Shows the progress of runs on stderr, if that is a terminal and not ``silent``.

    A ``Follow``, which puts the batch that has begun before the counts.
    """

    def __init__(self, silent: bool) -> None:
        self._console = Console(stderr=True)
        self._silent = silent or not self._console.is_terminal
        self._batch = ""

    def begin(self, batch: str) -> None:
        """A batch begins, in words: ``batch 3 of 12``."""
        log.info("%s", batch)
        self._batch = f"{batch}: "
        if not self._silent:
            self._console.print(batch)

    def __call__(self, run: Run, unit_bytes: Mapping[int, int]) -> AbstractContextManager[None]:
        """Follow a run while the block runs."""
        if self._silent:
            return nullcontext()
        return progress_line(run, unit_bytes, self._console, label=self._batch)


def follower(silent: bool) -> Follower:
    """What shows the progress of runs."""
    return Follower(silent)


@contextmanager
def progress_line(
    run: Run,
    unit_bytes: Mapping[int, int],
    console: Console,
    interval: float = 0.5,
    label: str = "",
) -> Iterator[None]:
    """Show a line that follows the run while the block runs.

    Args:
        run: the run to follow; one into a remote store is not followed.
        unit_bytes: size of each work unit by its number.
        console: where to show it.
        interval: seconds between two looks.
        label: what comes before the counts.
    """
    if files.is_remote(run.store):
        yield
        return
    watcher = Watcher(run, unit_bytes)
    done = threading.Event()
    with console.status(f"{label}starting") as status:
        thread = threading.Thread(
            target=_follow,
            args=(watcher, lambda line: status.update(f"{label}{line}"), done, interval),
            daemon=True,
        )
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def _follow(
    watcher: Watcher, show: Callable[[str], None], done: threading.Event, interval: float
) -> None:
    while not done.wait(interval):
        try:
            show(watcher.look().line())
        except (OSError, pa.ArrowInvalid):  # a file went while we looked: the run is ending
            continue
