"""Why a server did not take something: its status, and its words as one line."""

from __future__ import annotations

from dataclasses import dataclass
from http.client import responses
from typing import Any, Self

from elasticsearch import ApiError, TransportError

from transforms.elasticsearch.actions import Action, Failed

TOO_LARGE = 413
_PASSING = (0, 408, 429)
_SERVER_ERROR = 500

# These are not a document's fault, and the next document would meet the same.
_OF_THE_INDEX = frozenset(
    {
        "security_exception",
        "cluster_block_exception",
        "index_not_found_exception",
        "index_closed_exception",
    }
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the server did not take an action, or a request: ``status`` 0 is no answer at all."""

    status: int
    error_type: str
    reason: str

    @classmethod
    def of_body(cls, status: int, body: Any) -> Self:
        """A refusal as an error of the server's, or of a proxy before it, tells it."""
        error_type, reason = _type_and_reason(body)
        return cls(status, error_type, reason or _phrase(status))

    @classmethod
    def of_error(cls, error: ApiError | TransportError) -> Self:
        """A refusal as the client library raises it."""
        if isinstance(error, ApiError):
            return cls.of_body(error.meta.status, error.body)
        return cls(0, type(error).__name__, cause_of(error))

    @property
    def is_passing(self) -> bool:
        """Whether it may be otherwise in a while."""
        return self.status in _PASSING or self.status >= _SERVER_ERROR

    @property
    def is_of_the_index(self) -> bool:
        """Whether it has nothing to do with the document."""
        return self.status in (401, 403) or self.error_type in _OF_THE_INDEX

    def of(self, action: Action) -> Failed:
        """The outcome of an action that is given up."""
        return Failed(action.id, self.status, self.error_type, self.reason, action.body)


def cause_of(error: BaseException) -> str:
    """The innermost cause of a failed connection, in the system's words."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror:
            return _line(seen.strerror)
        inner = getattr(seen, "errors", None) or [getattr(seen, "reason", None)]
        following = inner[0] if isinstance(inner[0], BaseException) else seen.__cause__
        error, seen = seen, following or seen.__context__
    return _line(str(error)) or type(error).__name__


def _type_and_reason(body: Any) -> tuple[str, str]:
    error = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(error, dict):
        reason = str(error.get("reason") or error)
        deeper = error.get("caused_by")
        while isinstance(deeper, dict):  # the innermost cause tells the most
            if (more := str(deeper.get("reason"))) not in reason:
                reason = f"{reason}: {more}"
            deeper = deeper.get("caused_by")
        if credentials := error.get("additional_unsuccessful_credentials"):  # an expired key
            reason = f"{reason}: {credentials}"
        return str(error.get("type", "")), _line(reason)
    return "", _line(str(error or ""))


def _phrase(status: int) -> str:
    """What a status is called, for an answer that says nothing else."""
    return responses.get(status, "no reason given")


def _line(text: str, limit: int = 500) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[:limit]}…"
