from __future__ import annotations

import time

from transforms.elasticsearch.pace import Pace, Patience


def test_a_refusal_halves_the_window_once_for_all_that_were_under_way() -> None:
    pace = Pace(8)
    sent_at = time.monotonic()
    pace.refused(sent_at)
    pace.refused(sent_at)
    assert pace.window == 4
    pace.refused(time.monotonic())
    assert pace.window == 2


def test_one_request_may_always_go() -> None:
    pace = Pace(4)
    for _ in range(9):
        pace.refused(time.monotonic())
    assert pace.window == 1
    with pace:
        pass


def test_a_round_of_accepted_requests_widens_the_window_by_one_up_to_the_limit() -> None:
    pace = Pace(4)
    for _ in range(9):
        pace.refused(time.monotonic())
    pace.accepted()
    assert pace.window == 2
    for _ in range(3):
        pace.accepted()
    assert pace.window == 3
    for _ in range(50):
        pace.accepted()
    assert pace.window == 4


def test_patience_ends_so_long_after_the_last_progress() -> None:
    patience = Patience(total_seconds=0.2)
    began = time.monotonic()
    assert not patience.is_over(began)
    assert patience.is_over(began - 1)
    patience.progress()
    assert not patience.is_over(began - 1)
    time.sleep(0.25)
    assert patience.is_over(began - 1)
