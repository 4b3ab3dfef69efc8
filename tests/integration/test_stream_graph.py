"""The graph of a stream on Prism and on Flink: orders come while it runs, and come again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.runners import open_pipeline
from pipelines.settings import Settings
from pipelines.stream_graph import build_stream
from transforms import files
from transforms.read.slices import SourceFile
from transforms.stream.orders import Order, write_end, write_order
from transforms.stream.staging import parts_of, receipts, staged_run

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WORDS = [f"w{number}" for number in range(2000)]
PATIENCE = 120
"""Seconds that a loaded machine may take to start a pipeline, or to end it."""


def prose(seed: int) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=120))


@pytest.fixture
def prism_settings(prism: Path) -> Settings:
    return Settings(
        entities=False, runner="prism", workers=1, runner_options=[f"prism_location={prism}"]
    )


@pytest.fixture
def flink_settings(flink_endpoint: str) -> Settings:
    options = [f"job_endpoint={flink_endpoint}", "checkpointing_interval=1000"]
    return Settings(entities=False, runner="flink", workers=2, runner_options=options)


class Orders:
    """The log of a stream, and what comes of it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.stream = str(directory / "stream")
        self.run = staged_run(self.stream, STARTED)
        self.next = 0

    def give(self, **named: str) -> None:
        found = []
        for name, text in named.items():
            path = self.directory / f"{name}.txt"
            path.write_text(text)
            found.append(SourceFile(path.as_uri(), path.stat().st_size, "v1"))
        write_order(self.stream, Order(self.next, datetime.now(UTC), tuple(found)))
        self.next += 1

    def wait(self) -> float:
        """Wait until all that was given is staged; returns the seconds it took."""
        start = time.monotonic()
        while not self.is_staged():
            assert time.monotonic() - start < PATIENCE, receipts(self.stream, ())
            time.sleep(0.02)
        return time.monotonic() - start

    def is_staged(self) -> bool:
        expected = [parts_of(self.stream, number) for number in range(self.next)]
        there = len(receipts(self.stream, ()))
        return None not in expected and there == sum(parts or 0 for parts in expected)

    def outcomes(self) -> dict[str, str]:
        """What became of each document; none has two rows."""
        directory = self.run.directory("ledger")
        tables = [pq.read_table(files.join(directory, name)) for name in files.names(directory)]
        rows = [row for table in tables for row in table.to_pylist()]
        assert len({row["id"] for row in rows}) == len(rows)
        return {Path(row["source"]).stem: row["outcome"] for row in rows}

    def content(self) -> dict[str, bytes]:
        """All that is staged, but for the dates of letters."""
        return {
            f"{kind}/{name}": files.read(files.join(self.stream, kind, name))
            for kind in ("receipts", *(f"{k}/run=staged" for k in ("documents", "ledger")))
            for name in files.names(files.join(self.stream, kind), "")
            if (Path(self.stream) / kind / name).is_file()
        }


@contextmanager
def working(settings: Settings, orders: Orders, drains: bool) -> Iterator[None]:
    """A pipeline at work during the block; after it, it ends by itself, or else is cancelled."""
    failures: list[BaseException] = []
    with open_pipeline(settings, 0, streaming=True) as pipeline:
        build_stream(pipeline, settings, orders.stream, 0, STARTED)
        result = pipeline.run()

        def watch() -> None:
            try:
                result.wait_until_finish()
            except BaseException as error:
                failures.append(error)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        yield
        if drains:
            watcher.join(PATIENCE)
            assert not watcher.is_alive()
            assert not failures
        else:
            assert watcher.is_alive()
            result.cancel()


def story(orders: Orders, within: float) -> None:
    """Documents that arrive one after the other; each must be staged ``within`` seconds."""
    orders.give(first=prose(0))
    orders.wait()  # a pipeline needs some time to start
    orders.give(copy=prose(0).upper(), other=prose(1))
    assert orders.wait() < within
    orders.give(near=prose(0) + " end", third=prose(2), empty="")
    assert orders.wait() < within
    orders.give()
    assert orders.wait() < within
    assert orders.outcomes() == {
        "first": "kept",
        "copy": "duplicate",
        "other": "kept",
        "near": "duplicate",
        "third": "kept",
        "empty": "rejected",
    }


def test_prism_stages_orders_as_they_come_drains_and_replays(
    prism_settings: Settings, tmp_path: Path
) -> None:
    orders = Orders(tmp_path)
    with working(prism_settings, orders, drains=True):
        story(orders, within=15)
        write_end(orders.stream, orders.next)
    before = orders.content()
    assert len(before) > 6
    with working(prism_settings, orders, drains=True):
        pass
    assert orders.content() == before


def test_a_burst_is_staged_whole_by_several_workers(
    prism_settings: Settings, tmp_path: Path
) -> None:
    orders = Orders(tmp_path)
    settings = prism_settings.model_copy(update={"entities": True, "workers": 2})
    for number in range(40):
        named = {f"{number}-{k}": prose(1000 * k + number // 2) for k in range(5)}
        orders.give(**named)
    write_end(orders.stream, orders.next)
    with working(settings, orders, drains=True):
        orders.wait()
    found = list(orders.outcomes().values())
    assert (found.count("kept"), found.count("duplicate")) == (100, 100)


def test_flink_stages_orders_as_they_come_and_replays(
    flink_settings: Settings, tmp_path: Path
) -> None:
    orders = Orders(tmp_path)
    with working(flink_settings, orders, drains=False):
        story(orders, within=30)
    before = orders.content()
    marks = stamp(orders)
    with working(flink_settings, orders, drains=False):
        wait_until(lambda: all(new > marks[name] for name, new in stamp(orders).items()))
    assert orders.content() == before


def stamp(orders: Orders) -> dict[str, float]:
    """When each receipt was written."""
    directory = Path(orders.stream, "receipts")
    return {path.name: path.stat().st_mtime_ns for path in directory.glob("*.json")}


def wait_until(condition: Callable[[], bool]) -> None:
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < PATIENCE
        time.sleep(0.1)
