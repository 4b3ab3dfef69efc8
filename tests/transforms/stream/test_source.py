from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.io.restriction_trackers import OffsetRange

from tests.transforms.stream.conftest import AT
from transforms import files
from transforms.read.slices import WorkUnit
from transforms.run import Run
from transforms.stream.orders import Order, order_path, write_end
from transforms.stream.source import ReadOrders, _LogTracker

Give = Callable[..., Order]


class _Note(beam.DoFn):
    """Leaves a file for each unit, with its event time."""

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def process(self, unit: WorkUnit, at=beam.DoFn.TimestampParam) -> None:  # type: ignore[no-untyped-def]
        names = [slice_.file.uri.rsplit("/", 1)[-1] for slice_ in unit.slices]
        text = f"{unit.number} {','.join(names)} {at.to_utc_datetime(has_tz=True).isoformat()}"
        files.write(f"{self.directory}/{unit.number}", text.encode())


def noted(staged: Run, first: int, directory: Path) -> list[str]:
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        units = pipeline | ReadOrders(staged.store, first, 0.01)
        units | beam.ParDo(_Note(str(directory)))
    return [files.read(f"{directory}/{name}").decode() for name in files.names(str(directory))]


def test_orders_come_with_their_event_time_until_the_end(
    staged: Run, give_order: Give, tmp_path: Path
) -> None:
    give_order(0, ["a", "b"])
    give_order(1, ["c"], seconds=1.5)
    write_end(staged.store, 2)
    assert noted(staged, 0, tmp_path / "out") == [
        "0 0-0.txt,0-1.txt 2026-01-02T03:04:05+00:00",
        "1 1-0.txt 2026-01-02T03:04:06.500000+00:00",
    ]


def test_it_begins_with_the_order_that_it_is_told(
    staged: Run, give_order: Give, tmp_path: Path
) -> None:
    for number in range(3):
        give_order(number, ["x"])
    write_end(staged.store, 3)
    assert [line[0] for line in noted(staged, 2, tmp_path / "out")] == ["2"]


def test_orders_that_were_dealt_with_are_passed_over(
    staged: Run, give_order: Give, tmp_path: Path
) -> None:
    for number in (0, 3, 4):
        give_order(number, ["x"])
    files.delete(order_path(staged.store, 3))
    write_end(staged.store, 5)
    assert [line[0] for line in noted(staged, 0, tmp_path / "out")] == ["0", "4"]


def test_more_orders_than_are_read_at_once_are_all_read(
    staged: Run, give_order: Give, tmp_path: Path
) -> None:
    for number in range(150):
        give_order(number, ["x"])
    write_end(staged.store, 150)
    assert len(noted(staged, 0, tmp_path / "out")) == 150


def test_it_waits_for_orders(staged: Run, give_order: Give, tmp_path: Path) -> None:
    def feed() -> None:
        for number in range(3):
            time.sleep(0.1)
            give_order(number, ["x"])
        write_end(staged.store, 3)

    feeder = threading.Thread(target=feed)
    feeder.start()
    assert len(noted(staged, 0, tmp_path / "out")) == 3
    feeder.join()


def test_the_log_is_unbounded_and_split_only_where_it_is_read() -> None:
    tracker = _LogTracker(OffsetRange(3, 100))
    assert not tracker.is_bounded()
    assert tracker.try_claim(3)
    assert tracker.try_split(0.5) is None
    assert tracker.try_split(0) == (OffsetRange(3, 4), OffsetRange(4, 100))
    assert not tracker.try_claim(4)
    tracker.check_done()


def test_the_time_of_an_order_is_kept(give_order: Give) -> None:
    assert give_order(0, ["x"]).created_at == AT


@pytest.mark.parametrize("first", [0, 7])
def test_a_log_that_ends_at_once_gives_nothing(staged: Run, tmp_path: Path, first: int) -> None:
    write_end(staged.store, first)
    assert noted(staged, first, tmp_path / "out") == []
