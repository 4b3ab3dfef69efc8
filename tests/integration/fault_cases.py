"""What a server, or the way to it, does to loads, and how a load that meets it must end.

The server is real; a proxy before it plays the faults that it cannot be made to show.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.integration.loads import Load, Target, by_run, by_sink
from tests.integration.servers.exchange import Fault
from tests.integration.servers.fault_proxy import FaultProxy
from tests.integration.servers.faults import (
    answered,
    at,
    busier_than,
    cut_off,
    first,
    first_of_each,
    forwarded,
    items_rejected,
    larger_than,
    refused,
    reset,
    slow,
    sometimes,
    when,
)

NUMBER = 300
TITLES_ARE_NUMBERS = {"mappings": {"properties": {"title": {"type": "integer"}}}}
"""A user's own component template, which does not take a title in words."""
WORDS = "water of the canal "
LONG = WORDS * 4000


@dataclass(frozen=True)
class Scene:
    """A target, and what harm can be done to it."""

    target: Target
    proxy: FaultProxy
    restart: Callable[[], None]

    def full_disk(self, is_full: bool) -> None:
        """Set, or lift, the block that the server itself sets when a disk is full."""
        self.target.client.indices.put_settings(
            index=self.target.alias,
            settings={"index.blocks.read_only_allow_delete": is_full or None},
        )


def later(seconds: float, happens: Callable[[], None]) -> None:
    threading.Timer(seconds, happens).start()


@dataclass(frozen=True)
class Case:
    """A fault, and how a load that meets it ends.

    Attributes:
        fault: what bulk requests meet; it may do harm elsewhere meanwhile.
        path: end of the paths that meet it.
        settings: of the load.
        retries: whether requests must have been sent again.
        unfit: documents that the server does not take; ``template`` or ``texts`` make it so.
        is_direct: whether no proxy is before the server.
        reason: regular expression of its words about them.
        error: regular expression of the one line with which the load ends before its end.
        heals: what makes the same load come through then.
        loads: who meets it.
    """

    fault: Callable[[Scene], Fault] = lambda scene: forwarded
    path: str = "/_bulk"
    settings: dict[str, Any] = field(default_factory=dict)
    retries: bool = False
    number: int = NUMBER
    unfit: frozenset[int] = frozenset()
    texts: Callable[[], dict[int, str]] = dict
    is_direct: bool = False
    template: dict[str, Any] | None = None
    reason: str = ""
    error: str = ""
    heals: Callable[[Scene], None] = lambda scene: scene.proxy.clear()
    loads: tuple[Load, ...] = (by_sink, by_run)


def passing(make: Callable[[], Fault], **more: Any) -> Case:
    return Case(lambda scene: make(), retries=True, **more)


SINK: dict[str, Any] = {"loads": (by_sink,)}


def after_the_start(fault: Fault) -> Fault:
    """Not for the first contact, which waits for nothing."""
    return when(lambda request: request.path not in ("/", "/_nodes"), fault)


def disk_full_for_a_while(scene: Scene) -> None:
    scene.full_disk(True)
    later(2, lambda: scene.full_disk(False))


CASES = {
    "a fifth of the documents rejected": passing(lambda: items_rejected(0.2)),
    "a fifth of the documents with errors": passing(
        lambda: items_rejected(0.2, status=503), **SINK
    ),
    "whole requests rejected": passing(lambda: sometimes(0.3, refused(429))),
    "nothing taken at first": passing(lambda: first(8, refused(429)), **SINK),
    "busy with more than one request": passing(lambda: busier_than(1, refused(429)), **SINK),
    "unavailable": passing(lambda: sometimes(0.3, refused(503))),
    "bad gateway": passing(lambda: sometimes(0.3, refused(502)), **SINK),
    "gateway timed out": passing(lambda: sometimes(0.3, refused(504)), **SINK),
    "reset before the request": passing(lambda: sometimes(0.3, reset), **SINK),
    "reset in the middle of an answer": passing(lambda: sometimes(0.3, cut_off(200))),
    "an answer of every kind lost": passing(
        lambda: after_the_start(first_of_each(cut_off(5))), path=""
    ),
    "requests of every kind refused": passing(
        lambda: after_the_start(sometimes(0.3, refused(503))), path=""
    ),
    "slow beyond the limit": passing(lambda: first(2, slow(2.5)), settings={"timeout_seconds": 2}),
    "slow": Case(lambda scene: slow(0.2), **SINK),
    "an answer of something else": passing(lambda: first(3, answered({"hello": "world"})), **SINK),
    "a request too large": passing(lambda: larger_than(5_000, refused(413)), **SINK),
    "an outage": Case(lambda scene: at(3, lambda: scene.proxy.outage(2)), retries=True),
    "a restart": Case(
        lambda scene: at(3, lambda: later(0, scene.restart)),
        settings={"total_seconds": 300},
        retries=True,
    ),
    "a disk full for a while": Case(
        lambda scene: at(3, lambda: disk_full_for_a_while(scene)), retries=True
    ),
    "one poison document in 10,000": Case(
        settings={"batch_count": 1000},
        number=10_000,
        unfit=frozenset({7777}),
        template=TITLES_ARE_NUMBERS,
        reason=r"field \[title\] of type \[integer\]",
    ),
    "a conflict with the mapping": Case(
        unfit=frozenset(range(0, NUMBER, 7)),
        template=TITLES_ARE_NUMBERS,
        reason=r"field \[title\] of type \[integer\]",
    ),
    "a document too large": Case(
        lambda scene: larger_than(50_000, refused(413)),
        unfit=frozenset({42}),
        texts=lambda: {42: LONG},
        reason="refused by the fault proxy",
    ),
    "a document of 120 MB": Case(
        number=60,
        unfit=frozenset({30}),
        texts=lambda: {30: WORDS * 6_320_000},
        is_direct=True,
        reason="Request Entity Too Large",
    ),
    "a document that breaks the connection": Case(
        lambda scene: when(lambda request: LONG[:100].encode() in request.body, reset),
        settings={"attempts": 2},
        unfit=frozenset({42}),
        texts=lambda: {42: LONG},
        reason="Connection reset|closed connection",
        **SINK,
    ),
    "an outage without end": Case(
        lambda scene: at(3, lambda: scene.proxy.outage()),
        settings={"total_seconds": 2},
        error=r"does not answer, and nothing was taken for 2 s: Connection refused",
        heals=lambda scene: scene.proxy.recover(),
    ),
    "a disk that stays full": Case(
        lambda scene: at(3, lambda: scene.full_disk(True)),
        settings={"total_seconds": 2},
        error=r"refuses, and nothing was taken for 2 s: .*disk usage exceeded.* \(429\)",
        heals=lambda scene: scene.full_disk(False),
    ),
    "a server that never has room": Case(
        lambda scene: refused(503),
        settings={"total_seconds": 1},
        error=r"refuses, and nothing was taken for 1 s: .*\(503\)",
        **SINK,
    ),
    "a key that is withdrawn": Case(
        lambda scene: at(3, lambda: None, refused(401)),
        error="rejects a client without credentials",
    ),
}
