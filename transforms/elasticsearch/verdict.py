"""What becomes of the actions of a request, by the server's answer. Nothing here does I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from transforms.elasticsearch.actions import Action, Indexed, Outcome
from transforms.elasticsearch.refusal import Refusal

_CONFLICT = 409


@dataclass(slots=True)
class Verdict:
    """Outcomes of a request, and what is to be sent again, each with why it was refused.

    ``stop`` is the first refusal that no document is to blame for. ``is_whole`` where the request
    was refused, or not answered, rather than its actions one by one.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    again: list[tuple[Action, Refusal]] = field(default_factory=list)
    stop: Refusal | None = None
    is_whole: bool = False


def judge(actions: Sequence[Action], answer: Any) -> Verdict:
    """Read the answer to a request of ``actions``, in their order.

    Raises:
        ValueError: it is no answer of ``_bulk`` to these actions.
    """
    items = answer.get("items") if isinstance(answer, Mapping) else None
    if not isinstance(items, list) or len(items) != len(actions):
        raise ValueError("the answer is none of _bulk to these documents")
    verdict = Verdict()
    for action, item in zip(actions, items, strict=True):
        (result,) = item.values()
        status, error = result["status"], result.get("error")
        if error is None or status == _CONFLICT:
            verdict.outcomes.append(Indexed(action.id, status))
            continue
        refusal = Refusal.of_body(status, {"error": error})
        if refusal.is_passing:
            verdict.again.append((action, refusal))
        elif refusal.is_of_the_index:
            verdict.stop = verdict.stop or refusal
        else:
            verdict.outcomes.append(refusal.of(action))
    return verdict
