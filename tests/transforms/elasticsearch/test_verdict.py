from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.elasticsearch.actions import Action, Failed, Indexed
from transforms.elasticsearch.verdict import judge

STATUSES = (200, 201, 400, 404, 408, 409, 413, 429, 500, 503)


def answer(*items: tuple[int, str]) -> dict[str, object]:
    return {
        "items": [
            {
                "index": {"status": status}
                | ({"error": {"type": kind, "reason": "r"}} if kind else {})
            }
            for status, kind in items
        ]
    }


def actions(number: int) -> list[Action]:
    return [Action(str(n), 1, b"{}") for n in range(number)]


@given(st.lists(st.sampled_from(STATUSES)))
def test_each_action_is_in_one_place(statuses: list[int]) -> None:
    batch = actions(len(statuses))
    verdict = judge(batch, answer(*((s, "played" if s >= 400 else "") for s in statuses)))
    placed = [outcome.id for outcome in verdict.outcomes] + [a.id for a, _ in verdict.again]
    assert sorted(placed, key=int) == [action.id for action in batch]
    assert {r.status for _, r in verdict.again} <= {408, 429, 500, 503}
    assert {o.status for o in verdict.outcomes if isinstance(o, Failed)} <= {400, 404, 413}


def test_a_document_deleted_that_was_not_there_is_done() -> None:
    verdict = judge([Action("a", 1, None)], {"items": [{"delete": {"status": 404}}]})
    assert verdict.outcomes == [Indexed("a", 404)]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (403, "security_exception"),
        (403, "cluster_block_exception"),
        (404, "index_not_found_exception"),
        (400, "index_closed_exception"),
    ],
)
def test_what_every_document_would_meet_is_no_documents_fault(status: int, kind: str) -> None:
    verdict = judge(actions(2), answer((201, ""), (status, kind)))
    assert verdict.stop is not None
    assert (verdict.stop.status, verdict.stop.error_type) == (status, kind)
    assert verdict.outcomes == [Indexed("0", 201)]


def test_a_full_disk_may_be_emptied() -> None:
    verdict = judge(actions(1), answer((429, "cluster_block_exception")))
    assert verdict.stop is None
    assert len(verdict.again) == 1


@pytest.mark.parametrize("said", [None, "text", {}, {"items": []}, {"items": 1}])
def test_what_is_no_answer_is_an_error(said: object) -> None:
    with pytest.raises(ValueError, match="none of _bulk"):
        judge(actions(1), said)
