"""Orders: the numbered, durable log of work that a stream reads.

Whoever notices files writes orders, one file each; the pipeline reads them by their numbers, so
its place in the log is one number, and a restart reads the same orders again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from transforms import files
from transforms.read.slices import Slice, SourceFile, WorkUnit

KIND = "orders"
"""Directory of a stream in which the orders lie."""


@dataclass(frozen=True, slots=True)
class Order:
    """Files to be read; ``created_at`` (UTC) is the event time of their documents."""

    number: int
    created_at: datetime
    files: tuple[SourceFile, ...]

    def unit(self) -> WorkUnit:
        """The files as a work unit, whose parts are named by the number of the order."""
        return WorkUnit(self.number, tuple(Slice(file, 0, file.size) for file in self.files))


@dataclass(frozen=True, slots=True)
class End:
    """Stands where the next order would: the source is done."""

    number: int


def order_path(stream: str, number: int) -> str:
    """Path of the order with a number."""
    return files.join(stream, KIND, f"{number:08d}.json")


def write_order(stream: str, order: Order) -> None:
    """Write an order so that it is seen complete or not at all, and outlasts a crash.

    Raises:
        OSError: it cannot be written.
    """
    content = {
        "created_at": order.created_at.astimezone(UTC).isoformat(),
        "files": [
            {**file._asdict(), "only": None if file.only is None else sorted(file.only)}
            for file in order.files
        ],
    }
    files.write(order_path(stream, order.number), json.dumps(content).encode(), durable=True)


def write_end(stream: str, number: int) -> None:
    """Write the end of the log in place of the order with this number.

    Raises:
        OSError: it cannot be written.
    """
    files.write(order_path(stream, number), b'{"end": true}', durable=True)


def read_order(stream: str, number: int) -> Order | End | None:
    """The order with a number, the end of the log, or None if nothing is written there yet.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged.
    """
    data = files.read_if_there(order_path(stream, number))
    if data is None:
        return None
    try:
        content = json.loads(data)
        if content.get("end"):
            return End(number)
        created_at = datetime.fromisoformat(content["created_at"])
        return Order(number, created_at, tuple(map(_file, content["files"])))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{order_path(stream, number)} is no order: {error}") from None


def next_order(stream: str, number: int) -> Order | End | None:
    """The order with a number, else the first one after it; None if none is written yet.

    Orders are written in turn, so one that is not there while a later one is has been dealt with
    and deleted.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged.
    """
    order = read_order(stream, number)
    if order is not None:
        return order
    names = files.names(files.join(stream, KIND), ".json")
    later = sorted(int(name.removesuffix(".json")) for name in names)
    following = next((one for one in later if one >= number), None)
    return None if following is None else read_order(stream, following)


def _file(content: dict[str, Any]) -> SourceFile:
    only = content.pop("only")
    return SourceFile(**content, only=None if only is None else frozenset(only))
