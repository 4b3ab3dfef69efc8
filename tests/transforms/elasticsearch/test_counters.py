from __future__ import annotations

from transforms.elasticsearch.counters import Counters


def test_what_was_taken_is_not_taken_again() -> None:
    counters = Counters()
    counters.add(indexed=3, retries=1)
    assert counters.take() == {"indexed": 3, "retries": 1}
    assert counters.take() == {}
    counters.add(indexed=2, failed=0)
    assert counters.take() == {"indexed": 2}
    assert (counters.total.indexed, counters.total.retries) == (5, 1)
