from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms import files
from transforms.read.slices import SourceFile
from transforms.stream.orders import End, Order, read_order, write_end, write_order

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def source(name: str, **fields: object) -> SourceFile:
    return SourceFile(f"file:///data/{name}", 7, "7-1", **fields)


def test_an_order_is_read_as_it_was_written(tmp_path: object) -> None:
    only = frozenset({"b", "a"})
    order = Order(12, AT, (source("x", priority=3, only=only), source("y", only=frozenset())))
    write_order(str(tmp_path), order)
    assert read_order(str(tmp_path), 12) == order
    assert files.names(f"{tmp_path}/orders") == ["00000012.json"]


def test_what_is_not_written_yet_is_none(tmp_path: object) -> None:
    assert read_order(str(tmp_path), 0) is None
    write_order(str(tmp_path), Order(0, AT, ()))
    assert read_order(str(tmp_path), 1) is None


def test_the_end_stands_in_place_of_an_order(tmp_path: object) -> None:
    write_end(str(tmp_path), 5)
    assert read_order(str(tmp_path), 5) == End(5)


def test_orders_lie_on_any_filesystem(bucket: str) -> None:
    order = Order(1, AT, (source("x"),))
    assert read_order(bucket, 1) is None
    write_order(bucket, order)
    assert read_order(bucket, 1) == order


def test_a_damaged_order_is_an_error_that_names_it(tmp_path: object) -> None:
    files.write(f"{tmp_path}/orders/00000003.json", b"{")
    with pytest.raises(ValueError, match=r"00000003\.json is no order"):
        read_order(str(tmp_path), 3)


def test_names_that_are_no_text_come_through(tmp_path: object) -> None:
    order = Order(1, AT, (SourceFile("file:///data/%FF", 1, "v"),))
    write_order(str(tmp_path), order)
    assert read_order(str(tmp_path), 1) == order


@settings(max_examples=20)
@given(st.integers(0, 10**12), st.datetimes(timezones=st.just(UTC)), st.lists(st.text()))
def test_any_order_survives(
    tmp_path_factory: pytest.TempPathFactory, number: int, at: datetime, names: list[str]
) -> None:
    stream = str(tmp_path_factory.getbasetemp() / "orders")
    order = Order(number, at, tuple(source(name) for name in names))
    write_order(stream, order)
    assert read_order(stream, number) == order


def test_the_unit_of_an_order_has_its_number_and_whole_files() -> None:
    unit = Order(7, AT, (source("x"), source("y"))).unit()
    assert unit.number == 7
    assert [(s.file.uri, s.start, s.end) for s in unit.slices] == [
        ("file:///data/x", 0, 7),
        ("file:///data/y", 0, 7),
    ]
