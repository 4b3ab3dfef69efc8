"""A request and its answer, as a fault sees them between a client and a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """What the client sent; the body is decompressed.

    Attributes:
        target: path and query.
        in_flight: requests at the proxy at this moment, this one among them.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    in_flight: int = 1

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


@dataclass(frozen=True, slots=True)
class Response:
    """What the client gets.

    Attributes:
        cut: after so many bytes of the body the connection is reset; None: never.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None


Forward = Callable[[Request], Response]
"""Has the real server answer."""

Fault = Callable[[Request, Forward], Response]
"""Answers a request: with what the real server says, with something else, or with both."""


class NoAnswerError(Exception):
    """The client gets a reset connection and no byte of an answer."""
