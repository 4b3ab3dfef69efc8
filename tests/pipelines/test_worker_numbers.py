from __future__ import annotations

import pytest

from pipelines.settings import MIB, load
from pipelines.worker_numbers import lane_count, worker_count


@pytest.mark.parametrize(
    ("entities", "size", "parallel"),
    [(True, 100_000, False), (True, 5 * MIB, True), (False, 5 * MIB, False),
     (False, 100 * MIB, True)],
)  # fmt: skip
def test_more_processes_are_started_only_when_the_input_is_worth_it(
    entities: bool, size: int, parallel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    assert worker_count(load({"entities": entities}), size) == (4 if parallel else 1)


def test_the_number_that_was_asked_for_is_taken() -> None:
    assert worker_count(load({"workers": 3}), 1) == 3


@pytest.mark.parametrize(
    ("flags", "lanes"),
    [
        ({"runner": "prism", "workers": 4}, 4),
        ({"runner": "prism", "workers": 1}, 1),
        ({"runner": "prism", "workers": 16}, 7),  # else no bundle of Prism's is left to read
        ({"runner": "prism", "workers": 4, "entities": False}, 1),
        ({"runner": "flink", "workers": 4}, 1),
    ],
)
def test_entities_on_prism_are_looked_for_in_a_lane_for_each_worker(
    flags: dict[str, object], lanes: int
) -> None:
    assert lane_count(load(flags)) == lanes
