from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.settling import Settling, Stamp


class Directory:
    """Stamps of files, as one looks at them."""

    def __init__(self) -> None:
        self.stamps: dict[str, Stamp] = {}

    def write(self, name: str, size: int) -> None:
        self.stamps[name] = (size, size)

    def settling(self, settle: float = 2, max_wait: float = 10) -> Settling:
        return Settling(settle, max_wait, self.stamps.get)


def test_nothing_is_ready_before_anything_changed() -> None:
    assert not Directory().settling().ready(1000)


def test_a_file_settles_when_it_has_not_changed_for_so_long() -> None:
    directory = Directory()
    settling = directory.settling(settle=2)
    for now, size in enumerate((10, 20, 30)):
        directory.write("a", size)
        settling.note(["a"], now)
        assert not settling.ready(now)
    settling.note([], 3.9)
    assert not settling.ready(3.9)
    assert settling.ready(4)


def test_a_file_that_changes_without_an_event_has_not_settled() -> None:
    directory = Directory()
    settling = directory.settling(settle=2)
    directory.write("a", 1)
    settling.note(["a"], 0)
    directory.write("a", 2)
    settling.note([], 1.5)
    assert not settling.ready(3)
    assert settling.ready(3.5)


def test_a_file_that_goes_settles_too() -> None:
    directory = Directory()
    settling = directory.settling(settle=2)
    settling.note(["gone"], 0)
    assert settling.ready(2)


def test_all_files_are_waited_for_but_not_for_ever() -> None:
    directory = Directory()
    settling = directory.settling(settle=2, max_wait=10)
    directory.write("a", 1)
    for now in range(10):
        directory.write("endless", now)
        settling.note(["a", "endless"], now)
        assert not settling.ready(now)
    assert settling.ready(10)
    settling.take(10)
    assert not settling.ready(10)
    settling.note([], 11)
    assert settling.ready(11)  # the other was left, and has settled by now


def test_a_file_that_never_settles_alone_makes_no_batch() -> None:
    directory = Directory()
    settling = directory.settling(settle=2, max_wait=10)
    for now in range(100):
        directory.write("endless", now)
        settling.note(["endless"], now)
        assert not settling.ready(now)


def test_taken_files_are_forgotten_until_they_change_again() -> None:
    directory = Directory()
    settling = directory.settling(settle=2)
    settling.note(["a"], 0)
    settling.take(5)
    assert not settling.ready(1000)
    settling.note(["a"], 1000)
    assert settling.ready(1002)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=30))
def test_whatever_changes_there_is_a_batch_in_the_end_and_then_none(
    events: list[tuple[str, int]],
) -> None:
    directory = Directory()
    settling = directory.settling(settle=2)
    for now, (name, size) in enumerate(events):
        directory.write(name, size)
        settling.note([name], now)
    end = len(events) + 2
    assert settling.ready(end) == bool(events)
    settling.take(end)
    assert not settling.ready(end + 100)
