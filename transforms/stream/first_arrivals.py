"""Duplicates in a stream: the first document to arrive stays, those like it give way.

All documents are judged by one key, as two that arrive together and were judged apart could each
give way to the other. Only names of parts come here; the state holds about 150 bytes of each
canonical, the texts are in the spool. A part takes milliseconds.

The state is two bags of lots (see :mod:`transforms.stream.arrivals`), one of each generation, and a
few bytes that say which is the younger. A timer in event time turns them over every half of the
time to live. The same in memory, ready to be searched, is at hand for the next part if nothing has
happened in between: a bundle that was lost leaves another token in the state than in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import uuid4

import apache_beam as beam
import orjson
from apache_beam.coders import BytesCoder
from apache_beam.metrics import Metrics
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    BagStateSpec,
    ReadModifyWriteStateSpec,
    TimerSpec,
    on_timer,
)
from apache_beam.utils.timestamp import Duration, Timestamp

from transforms.duplicates import DuplicateMode
from transforms.meeting import Elders
from transforms.run import Run
from transforms.stream.arrivals import Arrivals
from transforms.stream.election import decide, lot_of
from transforms.stream.staging import is_forgotten

OpenPublished = Callable[[], Elders | None]
"""Gives what is published now; called for every part, so it should be quick; picklable."""

TTL_SECONDS = 600.0
MOST = 1_000_000
"""Default bounds of the state: how long, and how many documents."""

_BAGS = (BagStateSpec("even", BytesCoder()), BagStateSpec("odd", BytesCoder()))
_HEAD = ReadModifyWriteStateSpec("head", BytesCoder())
_TURN = TimerSpec("turn", TimeDomain.WATERMARK)

_at_hand: dict[str, tuple[str, Arrivals]] = {}
"""By stream: the token of the state that it is of, and what is in it. Instances of a DoFn come
and go, and bundles of one key meet now this one, now that."""


@dataclass(frozen=True, slots=True)
class _Head:
    """What the state says of itself: ``young`` is the bag of the younger generation."""

    token: str = ""
    lots: int = 0
    young: int = 0
    timer: bool = False


@dataclass
class FirstArrivals(beam.PTransform[beam.PCollection[str], beam.PCollection[str]]):
    """Decides which documents of each part give way to a published or earlier one, or in the part.

    The verdicts are written down before the name of the part goes on
    (:func:`transforms.stream.election.read_verdicts`).

    Args:
        run: where the spool is.
        mode: as of :class:`transforms.duplicates.RemoveDuplicates`.
        threshold: Jaccard similarity from which on a document is a duplicate.
        published: see :data:`OpenPublished`.
        ttl_seconds: event time for which a document is remembered, and half of it at least.
        most: documents that are remembered at most, and half of them at least.
    """

    run: Run
    mode: DuplicateMode = "drop"
    threshold: float = 0.8
    published: OpenPublished | None = None
    ttl_seconds: float = TTL_SECONDS
    most: int = MOST

    def expand(self, parts: beam.PCollection[str]) -> beam.PCollection[str]:
        """Name of a part in the spool -> the same, when its verdicts are written."""
        if self.mode == "off":
            return parts | "Repeated" >> beam.Map(self._repeated).with_output_types(str)
        return (
            parts
            | "One" >> beam.Map(_keyed).with_output_types(tuple[str, str])
            | "Judge" >> beam.ParDo(_FirstArrivals(self)).with_output_types(str)
        )

    def _repeated(self, part: str) -> str:
        decide(self.run, part, Arrivals(), None, self.threshold, near=False)
        return part


def _keyed(part: str) -> tuple[str, str]:
    return "", part


class _FirstArrivals(beam.DoFn):
    def __init__(self, of: FirstArrivals) -> None:
        self._run = of.run
        self._threshold = of.threshold
        self._published = of.published
        self._half_life = Duration.of(of.ttl_seconds / 2)
        self._half = max(1, of.most // 2)

    def process(
        self,
        element: tuple[str, str],
        at: Timestamp = beam.DoFn.TimestampParam,
        even: Any = beam.DoFn.StateParam(_BAGS[0]),  # noqa: B008
        odd: Any = beam.DoFn.StateParam(_BAGS[1]),  # noqa: B008
        head: Any = beam.DoFn.StateParam(_HEAD),  # noqa: B008
        turn: Any = beam.DoFn.TimerParam(_TURN),  # noqa: B008
    ) -> Iterator[str]:
        part = element[1]
        if is_forgotten(self._run, part):  # replayed though it was committed long ago
            return
        bags = (even, odd)
        now = _read(head)
        arrivals = self._arrivals(now, bags)
        published = self._published() if self._published else None
        verdicts = decide(self._run, part, arrivals, published, self._threshold, near=True)
        lot = lot_of(self._run, part, now.lots, verdicts, arrivals)
        if len(lot.arrivals):
            arrivals.add(lot)
            bags[now.young].add(lot.encode())
            if not now.timer:
                turn.set(at + self._half_life)
            now = replace(now, lots=now.lots + 1, timer=True)
        if arrivals.young >= self._half:
            Metrics.counter("stream", "forgotten_early").inc(arrivals.turn_over())
            now = _turn_over(now, bags)
        self._keep(now, head, arrivals)
        Metrics.counter("stream", "duplicates").inc(len(verdicts.canonical_of))
        yield part

    @on_timer(_TURN)
    def turn_over(
        self,
        at: Timestamp = beam.DoFn.TimestampParam,
        even: Any = beam.DoFn.StateParam(_BAGS[0]),  # noqa: B008
        odd: Any = beam.DoFn.StateParam(_BAGS[1]),  # noqa: B008
        head: Any = beam.DoFn.StateParam(_HEAD),  # noqa: B008
        turn: Any = beam.DoFn.TimerParam(_TURN),  # noqa: B008
    ) -> None:
        """Let the older generation go."""
        bags = (even, odd)
        now = _read(head)
        arrivals = self._arrivals(now, bags)
        Metrics.counter("stream", "forgotten").inc(arrivals.turn_over())
        now = replace(_turn_over(now, bags), timer=len(arrivals) > 0)
        if now.timer:
            turn.set(at + self._half_life)
        self._keep(now, head, arrivals)

    def _arrivals(self, now: _Head, bags: tuple[Any, Any]) -> Arrivals:
        """What is in the state, which nobody else has at hand until it is kept again."""
        token, arrivals = _at_hand.pop(self._run.store, ("", None))
        if arrivals is None or token != now.token:
            Metrics.counter("stream", "state_read").inc()
            arrivals = Arrivals(list(bags[1 - now.young].read()), list(bags[now.young].read()))
        return arrivals

    def _keep(self, now: _Head, head: Any, arrivals: Arrivals) -> None:
        now = replace(now, token=uuid4().hex)
        head.write(orjson.dumps(asdict(now)))
        _at_hand[self._run.store] = now.token, arrivals


def _read(head: Any) -> _Head:
    data = head.read()
    return _Head(**orjson.loads(data)) if data else _Head()


def _turn_over(now: _Head, bags: tuple[Any, Any]) -> _Head:
    bags[1 - now.young].clear()
    return replace(now, young=1 - now.young)
