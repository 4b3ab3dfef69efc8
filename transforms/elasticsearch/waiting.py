"""Calls that wait out a server that is away or busy, for who has time: all but searches.

``BulkWriter`` has its own way, since it sends again only what was refused of a request.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

from elasticsearch import ApiError, Elasticsearch, SSLError, TransportError
from tenacity import (
    RetryCallState,
    RetryError,
    Retrying,
    retry_if_exception,
    stop_after_delay,
    wait_random_exponential,
)

from transforms.elasticsearch.errors import gave_up
from transforms.elasticsearch.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from transforms.elasticsearch.config import ElasticsearchConfig

log = logging.getLogger(__name__)

Result = TypeVar("Result")

BACKOFF = wait_random_exponential(multiplier=0.2, max=10)
"""Seconds: a wait is drawn between nothing and a bound, which doubles from one to the other."""

TOLD_AFTER = 4
"""Requests in vain: what lasts no longer is not worth a word."""

# No answer at all is 0. An error of 500 stays, other than for a document of many.
_PASSING = (0, 408, 429, 502, 503, 504)


def wait_out(config: ElasticsearchConfig, call: Callable[[], Result]) -> Result:
    """What ``call`` returns, called again while the server does not answer or refuses for now.

    Args:
        config: its ``total_seconds`` says for how long.
        call: is harmless to do twice: an answer that was lost is no sign that nothing was done.

    Raises:
        ElasticsearchError: it was waited for in vain.
        ApiError: the server refuses for good.
        SSLError: there is no secure connection.
    """

    def pause(state: RetryCallState) -> float:
        left = config.total_seconds - (state.seconds_since_start or 0)
        return min(BACKOFF(state), max(left, 0))  # the last call is made when the time is up

    def note(state: RetryCallState) -> None:
        if state.attempt_number == TOLD_AFTER and state.outcome:
            reason = _refusal(state.outcome.exception()).reason
            log.warning("waiting for Elasticsearch at %s: %s", config.where, reason)

    retrying = Retrying(
        wait=pause,
        stop=stop_after_delay(config.total_seconds),
        retry=retry_if_exception(_is_passing),
        before_sleep=note,
    )
    try:
        return retrying(call)
    except RetryError as error:
        refusal = _refusal(error.last_attempt.exception())
        waited = f"was waited for {config.total_seconds:g} s"
        raise gave_up(refusal, config.where, waited) from None


def patient_class(config: ElasticsearchConfig) -> type[Elasticsearch]:
    """A class of clients whose every call waits, by ``wait_out``."""

    class PatientElasticsearch(Elasticsearch):
        def perform_request(self, *arguments: Any, **options: Any) -> Any:
            request = super().perform_request
            return wait_out(config, lambda: request(*arguments, **options))

    return PatientElasticsearch


def _is_passing(error: BaseException) -> bool:
    if isinstance(error, SSLError) or not isinstance(error, ApiError | TransportError):
        return False
    return _refusal(error).status in _PASSING


def _refusal(error: BaseException | None) -> Refusal:
    assert isinstance(error, ApiError | TransportError)  # noqa: S101  no other is waited out
    return Refusal.of_error(error)
