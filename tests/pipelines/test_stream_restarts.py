"""When a pipeline that was lost is started again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.stream_restarts import LONG, PAUSES, Restarts

begun, seconds = st.booleans(), st.floats(0, 10 * LONG)


def test_pauses_grow_until_it_is_given_up() -> None:
    restarts = Restarts()
    assert [restarts.pause(True, 1.0) for _ in PAUSES] == sorted(PAUSES)
    assert restarts.pause(True, 1.0) is None


def test_one_that_never_began_is_given_up_at_once() -> None:
    assert Restarts().pause(False, 1.0) is None


def test_one_that_has_worked_may_fail_to_begin() -> None:
    restarts = Restarts()
    assert [restarts.pause(True, LONG), restarts.pause(False, 1.0)] == list(PAUSES[:2])


def test_long_work_makes_forget_what_was_before() -> None:
    restarts = Restarts()
    for _ in range(3 * len(PAUSES)):
        assert restarts.pause(True, LONG) == PAUSES[0]


@given(st.lists(st.tuples(begun, seconds), max_size=50))
def test_losses_within_a_short_time_are_never_more_than_the_pauses(
    losses: list[tuple[bool, float]],
) -> None:
    restarts, row = Restarts(), 0
    for has_begun, lasted in losses:
        row = 0 if has_begun and lasted >= LONG else row
        if restarts.pause(has_begun, lasted) is None:
            break
        row += 1
        assert row <= len(PAUSES)
