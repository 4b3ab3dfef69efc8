from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pipelines.stream_flight import ORDER_BYTES, ORDER_FILES, Flight
from transforms.read.slices import SourceFile
from transforms.stream.orders import Order
from transforms.stream.staging import Receipt, write_read, write_receipt

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def file(number: int, size: int = 10, version: str = "1") -> SourceFile:
    return SourceFile(f"file:///in/{number}", size, version)


def flight(tmp_path: Path, most: int = 100, most_bytes: int = 10**9) -> Flight:
    return Flight(str(tmp_path), 7, most, most_bytes)


def stage(tmp_path: Path, order: Order, parts: int = 1) -> None:
    """Play the pipeline: the order is read into parts, and all of them are staged."""
    write_read(str(tmp_path), order.number, parts)
    for number in range(parts):
        part = f"{order.number:05d}-{number:03d}"
        write_receipt(str(tmp_path), Receipt(part, order.number, 1))


@given(
    sizes=st.lists(st.integers(0, 2 * ORDER_BYTES), max_size=200),
    most=st.integers(1, 120),
    most_bytes=st.integers(1, 8 * ORDER_BYTES),
)
def test_orders_are_small_and_no_more_than_there_is_room_for(
    sizes: list[int], most: int, most_bytes: int
) -> None:
    waiting = deque(file(number, size) for number, size in enumerate(sizes))
    taken = Flight("nowhere", 0, most, most_bytes)
    orders = list(taken.take(waiting, {}, NOW))
    ordered = [one for order in orders for one in order.files]
    assert [*ordered, *waiting] == [file(number, size) for number, size in enumerate(sizes)]
    assert len(ordered) <= most
    assert [order.number for order in orders] == list(range(len(orders)))
    for order in orders:
        assert 1 <= len(order.files) <= ORDER_FILES
        assert sum(one.size for one in order.files[:-1]) < ORDER_BYTES
    assert sum(one.size for order in orders[:-1] for one in order.files) < most_bytes
    assert bool(ordered) or not sizes


def test_a_file_on_its_way_is_not_ordered_again_until_it_is_committed(tmp_path: Path) -> None:
    taken = flight(tmp_path)
    (order,) = taken.take(deque([file(1)]), {"file:///in/1": "0"}, NOW)
    assert "file:///in/1" in taken
    assert taken.is_rewritten(file(1, version="2"))
    assert not taken.is_rewritten(file(1))
    assert not list(taken.take(deque([file(1, version="2")]), {}, NOW))
    stage(tmp_path, order)
    taken.collect()
    (whole,) = taken.complete()
    assert whole.known == {"file:///in/1": "0"}
    taken.committed([whole])
    assert taken.is_empty
    assert not taken.is_rewritten(file(1, version="2"))
    assert [one.number for one in taken.take(deque([file(1, version="2")]), {}, NOW)] == [8]


def test_an_order_is_complete_when_all_its_parts_are_staged(tmp_path: Path) -> None:
    taken = flight(tmp_path)
    (order,) = taken.take(deque([file(1)]), {}, NOW)
    write_receipt(str(tmp_path), Receipt("00007-000", 7, 3))
    assert taken.collect()
    assert not taken.complete()  # nobody knows how many parts there are
    write_read(str(tmp_path), 7, 2)
    assert taken.collect()
    assert taken.is_working
    write_receipt(str(tmp_path), Receipt("00007-001", 7, 0))
    assert taken.collect()
    assert not taken.collect()
    assert [one.order for one in taken.complete()] == [order]
    assert not taken.is_working
    assert taken.documents == 3
    taken.committed(taken.complete())
    assert taken.documents == 0


def test_an_order_without_parts_is_complete_when_it_is_read(tmp_path: Path) -> None:
    taken = flight(tmp_path)
    list(taken.take(deque([file(1)]), {}, NOW))
    write_read(str(tmp_path), 7, 0)
    taken.collect()
    assert len(taken.complete()) == 1


def test_there_is_room_again_when_searches_find_what_was_ordered(tmp_path: Path) -> None:
    taken = flight(tmp_path, most=2)
    waiting = deque(file(number) for number in range(5))
    (order,) = taken.take(waiting, {}, NOW)
    assert (len(order.files), taken.files, len(waiting)) == (2, 2, 3)
    assert not list(taken.take(waiting, {}, NOW))
    stage(tmp_path, order)
    taken.collect()
    taken.indexed(taken.complete())
    taken.indexed(taken.complete())  # a second time makes no more room
    assert taken.files == 0
    assert taken.uncommitted_bytes == 20
    assert len(next(taken.take(waiting, {}, NOW)).files) == 2


def test_receipts_of_other_orders_are_no_concern(tmp_path: Path) -> None:
    taken = flight(tmp_path)
    write_receipt(str(tmp_path), Receipt("00003-000", 3, 1))
    taken.collect()
    assert taken.is_empty
