"""The unbounded source of a stream: a splittable DoFn over the log of orders."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.io.restriction_trackers import OffsetRange, OffsetRestrictionTracker
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator
from apache_beam.metrics import Metrics
from apache_beam.transforms.core import RestrictionProvider
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Duration, Timestamp

from transforms.read.slices import WorkUnit
from transforms.stream.orders import End, Order, next_order

ORDERS_AT_ONCE = 64
"""Orders after which what was read is handed on, however many more there are."""

WATERMARK_LAG = 1.0
"""Seconds that the watermark stays behind the clock while there is no order: one may be on its
way that was created before."""

WAIT_SECONDS = 1.0
"""How long an order is waited for within one call: each call that a runner is asked to come back to
is costly (on Flink 0.9 KB in every checkpoint from then on), and keeps it from making one."""

_SOON = Duration.of(0.001)
"""Flink does not come back to what is deferred by no time at all."""


class _LogTracker(OffsetRestrictionTracker):
    """Numbers of orders from ``start`` on; nothing is known of the end until it is claimed."""

    def is_bounded(self) -> bool:
        return False

    def try_split(self, fraction_of_remainder: float) -> tuple[OffsetRange, OffsetRange] | None:
        """Stop where we are, if the runner wants that; half of a log cannot be read elsewhere."""
        if fraction_of_remainder != 0:
            return None
        split: tuple[OffsetRange, OffsetRange] | None = super().try_split(0)
        return split


class _Log(RestrictionProvider):
    """The log from an order on, whose number is the element."""

    def initial_restriction(self, first: int) -> OffsetRange:
        return OffsetRange(first, sys.maxsize)

    def create_tracker(self, restriction: OffsetRange) -> _LogTracker:
        return _LogTracker(restriction)

    def restriction_size(self, _first: int, _restriction: OffsetRange) -> int:
        return 1

    def truncate(self, _first: int, _restriction: OffsetRange) -> None:
        """Nothing is left to read when a runner drains."""


class _ReadOrders(beam.DoFn):
    def __init__(self, stream: str, poll_seconds: float) -> None:
        self._stream = stream
        self._poll_seconds = poll_seconds
        self._orders = Metrics.counter("stream", "orders")

    @beam.DoFn.unbounded_per_element()
    def process(
        self,
        _first: int,
        tracker: Any = beam.DoFn.RestrictionParam(_Log()),  # noqa: B008
        watermark: Any = beam.DoFn.WatermarkEstimatorParam(  # noqa: B008
            ManualWatermarkEstimator.default_provider()  # noqa: B008
        ),
    ) -> Iterator[TimestampedValue]:
        restriction = tracker.current_restriction()
        number = restriction.start
        order = self._awaited(number)
        for _ in range(ORDERS_AT_ONCE):
            if order is None:
                break
            if isinstance(order, End):
                tracker.try_claim(restriction.stop - 1)
                return
            if not tracker.try_claim(order.number):
                return
            created_at = Timestamp.from_utc_datetime(order.created_at)
            yield TimestampedValue(order.unit(), created_at)
            _advance(watermark, created_at)
            self._orders.inc()
            number = order.number + 1
            order = next_order(self._stream, number)
        if order is None:
            _advance(watermark, Timestamp.of(time.time() - WATERMARK_LAG))
        tracker.defer_remainder(_SOON)

    def _awaited(self, number: int) -> Order | End | None:
        """The next order, for which it waits a little."""
        deadline = time.monotonic() + WAIT_SECONDS
        while (order := next_order(self._stream, number)) is None:
            if time.monotonic() >= deadline:
                break
            time.sleep(self._poll_seconds)
        return order


def _advance(watermark: Any, to: Timestamp) -> None:
    """Set a watermark, which must not go back."""
    now = watermark.current_watermark()
    if now is None or to > now:
        watermark.set_watermark(to)


@dataclass
class ReadOrders(beam.PTransform[beam.pvalue.PBegin, beam.PCollection[WorkUnit]]):
    """The orders of a stream from number ``first`` on, as work units, until the log ends.

    How far it has read is one number, which the runner keeps with its checkpoint. The watermark
    follows the orders, and the clock while there are none. ``poll_seconds`` is the time from one
    look for an order that is not there yet to the next.
    """

    stream: str
    first: int
    poll_seconds: float = 0.2

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection[WorkUnit]:
        """PBegin -> WorkUnit."""
        return (
            begin
            | "First" >> beam.Create([self.first], reshuffle=False)
            | "Read" >> beam.ParDo(_ReadOrders(self.stream, self.poll_seconds))
        )
