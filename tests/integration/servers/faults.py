"""Faults to put between a client and a real Elasticsearch, and conditions on which they happen."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import orjson

from tests.integration.servers.exchange import Fault, Forward, NoAnswerError, Request, Response

JSON = {"Content-Type": "application/json", "X-Elastic-Product": "Elasticsearch"}
"""The second header is how the client knows that it talks to Elasticsearch."""

_REASONS = {
    413: "request_entity_too_large_exception",
    429: "es_rejected_execution_exception",
    503: "unavailable_shards_exception",
}


def forwarded(request: Request, forward: Forward) -> Response:
    """No fault at all."""
    return forward(request)


def refused(status: int, *, retry_after: int | None = None) -> Fault:
    """The whole request is refused with this status; the server never sees it."""
    headers = JSON if retry_after is None else JSON | {"Retry-After": str(retry_after)}
    error = {"type": _REASONS.get(status, "exception"), "reason": "refused by the fault proxy"}
    body = orjson.dumps({"error": error, "status": status})
    return lambda request, forward: Response(status, body, headers)


def answered(body: object, status: int = 200) -> Fault:
    """The server seems to say this; it never sees the request."""
    return lambda request, forward: Response(status, orjson.dumps(body), JSON)


def reset(request: Request, forward: Forward) -> Response:
    """The connection is reset before the server sees the request."""
    raise NoAnswerError


def cut_off(after: int = 20) -> Fault:
    """The server does it all, and the connection is reset after so many bytes of its answer."""
    return lambda request, forward: replace(forward(request), cut=after)


def slow(seconds: float) -> Fault:
    """The server does it at once, and the client hears of it late."""

    def fault(request: Request, forward: Forward) -> Response:
        response = forward(request)
        time.sleep(seconds)
        return response

    return fault


def items_rejected(share: float, *, status: int = 429, seed: int = 0) -> Fault:
    """This share of the items of bulk requests is refused; the server gets the others.

    The answers are put together in the order of the request, as the server's own would be.
    """
    chance = _Chance(seed)

    def fault(request: Request, forward: Forward) -> Response:
        items = [(item, chance() < share) for item in bulk_items(request.body)]
        passed = b"".join(raw for (_, raw), is_rejected in items if not is_rejected)
        answer: dict[str, Any] = {"took": 0, "errors": False, "items": []}
        if passed:
            response = forward(replace(request, body=passed))
            if response.status != 200:
                return response
            answer = orjson.loads(response.body)
        done = iter(answer["items"])
        merged = [
            _rejection(item[0], request.path, status) if is_rejected else next(done)
            for item, is_rejected in items
        ]
        rejected = any(is_rejected for _, is_rejected in items)
        answer |= {"items": merged, "errors": answer["errors"] or rejected}
        return Response(200, orjson.dumps(answer), JSON)

    return fault


def when(condition: Callable[[Request], bool], fault: Fault, other: Fault = forwarded) -> Fault:
    """The fault where the condition holds, and the other one, by default none, elsewhere."""
    return lambda request, forward: (fault if condition(request) else other)(request, forward)


def larger_than(size: int, fault: Fault) -> Fault:
    """The fault for bodies of more bytes than this."""
    return when(lambda request: len(request.body) > size, fault)


def busier_than(requests: int, fault: Fault, other: Fault = forwarded) -> Fault:
    """The fault while more requests than this are in flight."""
    return when(lambda request: request.in_flight > requests, fault, other)


def sometimes(share: float, fault: Fault, *, seed: int = 0) -> Fault:
    """The fault for this share of the requests."""
    chance = _Chance(seed)
    return when(lambda request: chance() < share, fault)


def first(requests: int, fault: Fault) -> Fault:
    """The fault for so many requests, then none any more."""
    left = iter(range(requests))
    lock = threading.Lock()

    def is_one(request: Request) -> bool:
        with lock:
            return next(left, None) is not None

    return when(is_one, fault)


def first_of_each(fault: Fault) -> Fault:
    """The fault for the first request of each method to each path."""
    seen: set[tuple[str, str]] = set()
    lock = threading.Lock()

    def is_new(request: Request) -> bool:
        with lock:
            before = len(seen)
            seen.add((request.method, request.path))
            return len(seen) > before

    return when(is_new, fault)


def at(request: int, happens: Callable[[], None], fault: Fault = forwarded) -> Fault:
    """At the request of this number, from 1 on, something happens, and then there is the fault."""
    before = iter(range(request - 1))
    once = iter((happens,))
    lock = threading.Lock()

    def meanwhile(arrived: Request, forward: Forward) -> Response:
        with lock:
            now = None if next(before, None) is not None else next(once, None)
        if now:
            now()
        return fault(arrived, forward)

    return meanwhile


def bulk_items(body: bytes) -> Iterator[tuple[dict[str, dict[str, object]], bytes]]:
    """The items of a bulk request: each one's action, and its lines as they came."""
    lines = iter(body.splitlines(keepends=True))
    for line in lines:
        if line.strip():
            action = orjson.loads(line)
            yield action, line if "delete" in action else line + next(lines)


class _Chance:
    """The same random numbers in each run, for many threads."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def __call__(self) -> float:
        with self._lock:
            return self._random.random()


def _rejection(action: dict[str, dict[str, object]], path: str, status: int) -> dict[str, object]:
    ((kind, target),) = action.items()
    error = {"type": _REASONS.get(status, "exception"), "reason": "rejected by the fault proxy"}
    return {
        kind: {
            "_index": target.get("_index") or path.strip("/").partition("/")[0],
            "_id": target.get("_id"),
            "status": status,
            "error": error,
        }
    }
