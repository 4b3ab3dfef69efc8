"""One batch of actions on its way: sent, and sent again, until each action has its outcome."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from elasticsearch import ApiError, Elasticsearch, TransportError
from tenacity import (
    RetryCallState,
    RetryError,
    Retrying,
    TryAgain,
    retry_if_exception_type,
    sleep_using_event,
)

from transforms.elasticsearch.actions import Action, Failed, Outcome, to_lines
from transforms.elasticsearch.config import ElasticsearchConfig
from transforms.elasticsearch.counters import Counters
from transforms.elasticsearch.errors import (
    ElasticsearchError,
    ElasticsearchVersionError,
    explain,
    gave_up,
    refused,
)
from transforms.elasticsearch.pace import Pace, Patience
from transforms.elasticsearch.refusal import TOO_LARGE, Refusal, cause_of
from transforms.elasticsearch.verdict import Verdict, judge
from transforms.elasticsearch.waiting import BACKOFF, TOLD_AFTER

_ANSWER = "errors,items.*.status,items.*.error"
_UNFIT = (TOO_LARGE, 400)
_NOT_SENT = Refusal(0, "", "not sent")
_logger = logging.getLogger(__name__)


class _UnfitError(Exception):
    """The server does not take this request, and never will."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the batches of one writer share on their way; ``closed`` ends every wait."""

    client: Elasticsearch
    index: str
    config: ElasticsearchConfig
    pace: Pace
    patience: Patience
    counters: Counters = field(default_factory=Counters)
    closed: Event = field(default_factory=Event)

    def deliver(self, batch: Sequence[Action]) -> list[Outcome]:
        """Send a batch until each of its actions has an outcome.

        Raises:
            ElasticsearchError: the server does not answer, or refuses whatever the document is.
        """
        outcomes = self._settle(batch, since=time.monotonic())
        failed = sum(isinstance(outcome, Failed) for outcome in outcomes)
        self.counters.add(indexed=len(outcomes) - failed, failed=failed)
        return outcomes

    def _settle(self, batch: Sequence[Action], since: float) -> list[Outcome]:
        outcomes: list[Outcome] = []
        verdict = Verdict(again=[(action, _NOT_SENT) for action in batch])
        counted = 0
        last_sent = time.monotonic()

        def send() -> None:
            nonlocal verdict, counted, last_sent
            before, last_sent = last_sent, time.monotonic()
            verdict = self._request([action for action, _ in verdict.again])
            outcomes.extend(verdict.outcomes)
            if verdict.again:
                counted += self._takes_others(verdict, before)
                raise TryAgain

        def note(state: RetryCallState) -> None:
            self.counters.add(retries=len(verdict.again))
            if verdict.is_whole and state.attempt_number == TOLD_AFTER:
                reason = verdict.again[0][1].reason
                _logger.warning("waiting for Elasticsearch at %s: %s", self.config.where, reason)

        retrying = Retrying(
            wait=BACKOFF,
            stop=lambda _: counted >= self.config.attempts or self._is_over(since),
            sleep=sleep_using_event(self.closed),
            retry=retry_if_exception_type(TryAgain),
            before_sleep=note,
        )
        try:
            retrying(send)
        except RetryError:
            pending, refusals = zip(*verdict.again, strict=True)
            if self._is_over(since):
                raise self._nothing_taken(refusals[0]) from None
            if not verdict.is_whole or len(pending) == 1:
                failed = map(Refusal.of, refusals, pending)
                return [*outcomes, *failed]
        except _UnfitError as error:
            pending = tuple(action for action, _ in verdict.again)
            if len(pending) == 1:
                return [*outcomes, error.refusal.of(pending[0])]
        else:
            return outcomes
        # The server may choke on some of them alone.
        self.counters.add(splits=1)
        middle = len(pending) // 2
        left, right = (self._settle(half, since) for half in (pending[:middle], pending[middle:]))
        return outcomes + left + right

    def _is_over(self, since: float) -> bool:
        return self.closed.is_set() or self.patience.is_over(since)

    def _takes_others(self, verdict: Verdict, since: float) -> bool:
        """Whether the server did something else since then, so that these actions are to blame.

        Where it does not answer them it is asked for a trifle: it may not be there at all.
        """
        if self.patience.progress_at >= since:
            return True
        if verdict.again[0][1].status:
            return False
        try:
            self.client.perform_request("HEAD", "/")
        except ApiError:
            return True  # whatever it says, it answers
        except TransportError:
            return False
        return True

    def _request(self, batch: Sequence[Action]) -> Verdict:
        """Make one request, and tell pace and patience how it went.

        Raises:
            _UnfitError: the server will never take this request, but may take parts of it.
            ElasticsearchError: it is no use to try any other.
        """
        with self.pace as sent_at:
            verdict = self._ask(batch)
        if verdict.stop:
            raise refused(verdict.stop, self.config.where, self.config.credentials)
        if verdict.outcomes:
            self.patience.progress()
        if verdict.again:
            self.pace.refused(sent_at)
            self.counters.add(refusals=1)
        else:
            self.pace.accepted()
        return verdict

    def _ask(self, batch: Sequence[Action]) -> Verdict:
        lines: Any = to_lines(batch)  # the client takes lines of bytes, and is typed for objects
        asked_at = time.monotonic()
        try:
            answer = self.client.bulk(index=self.index, operations=lines, filter_path=_ANSWER)
            return judge(batch, answer.body)
        except ApiError as error:
            refusal = Refusal.of_error(error)
            if not refusal.is_passing:
                explained = explain(error, self.config.where, self.config.credentials)
                if refusal.status in _UNFIT and not isinstance(
                    explained, ElasticsearchVersionError
                ):
                    raise _UnfitError(refusal) from None
                raise explained from None
        except (TransportError, ValueError) as error:
            refusal = Refusal(0, type(error).__name__, cause_of(error))
        finally:
            self.counters.add(
                requests=1,
                bytes=sum(map(len, lines)) + len(lines),
                latency_ms=round(1000 * (time.monotonic() - asked_at)),
            )
        return Verdict(again=[(action, refusal) for action in batch], is_whole=True)

    def _nothing_taken(self, refusal: Refusal) -> ElasticsearchError:
        waited = (
            "writing was ended"
            if self.closed.is_set()
            else f"nothing was taken for {self.config.total_seconds:g} s"
        )
        return gave_up(refusal, self.config.where, waited)
