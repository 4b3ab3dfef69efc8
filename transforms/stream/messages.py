"""Messages of a broker as the lines of files, named by what they hold so that nothing doubles.

A broker delivers at least once. So a file is named by the positions of its messages: what comes
again is seen by the names that are there, and left out.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import orjson

MOST_MESSAGES = 500
MOST_BYTES = 1024 * 1024
"""Messages, and bytes of them, that are enough for a file."""

_RANGE = re.compile(r"^(\d{20})-(\d{20})\.jsonl$")


@dataclass(frozen=True, slots=True)
class Message:
    """What a broker has delivered.

    ``place`` is a path below the intake, ``kafka/<brokers>/<topic>/<partition>`` or
    ``pubsub/<project>/<subscription>``. In it the message is known by ``offset``, where those
    count up one by one, and else by ``id``.
    """

    place: str
    data: bytes
    offset: int | None = None
    id: str = ""


def record(data: bytes) -> bytes | None:
    """A message or a line as one line of JSON: an object as it is, all else as the text of one.

    Bytes that are not UTF-8 become U+FFFD. None if there is nothing in it.
    """
    data = data.strip()
    if not data:
        return None
    if data.startswith(b"{"):
        try:
            if isinstance(orjson.loads(data), dict):
                # outside of strings, where JSON has no bare line ends, they are but blanks
                return data.replace(b"\r", b" ").replace(b"\n", b" ")
        except orjson.JSONDecodeError:
            pass
    return orjson.dumps({"text": data.decode("utf-8", "replace")})


def place(*names: str) -> str:
    """A path below the intake, of names in which any character may stand."""
    return "/".join(quote(name.replace(":", "_"), safe=",") for name in names)


class Held:
    """What is in files already, as their names tell.

    Args:
        names: of the files of one place.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        ranges = sorted(
            (int(found[1]), int(found[2])) for name in self._names if (found := _RANGE.match(name))
        )
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in ranges:
            before = self._lasts[-1] if self._lasts else -1
            self._firsts.append(first)
            self._lasts.append(max(last, before))

    def __contains__(self, message: Message) -> bool:
        """Whether a message of the place is held."""
        if message.offset is None:
            return file_name([message]) in self._names
        at = bisect_right(self._firsts, message.offset)
        return at > 0 and self._lasts[at - 1] >= message.offset


def file_name(messages: Sequence[Message]) -> str:
    """Name of the file of messages that :func:`in_files` has put together."""
    first, last = messages[0], messages[-1]
    if first.offset is None or last.offset is None:
        return f"{quote(first.id, safe='')}.jsonl"
    return f"{first.offset:020d}-{last.offset:020d}.jsonl"


def in_files(messages: Iterable[Message], held: Held) -> Iterator[list[Message]]:
    """The messages of one place that are not held, as those of each file to be written.

    A file has offsets without a gap, or one message if there are no offsets: a gap may be a message
    that another worker has, or that comes later, and no name may cover it.
    """
    fresh = {(one.offset, one.id): one for one in messages if one not in held}
    run: list[Message] = []
    size = 0
    for message in sorted(fresh.values(), key=lambda one: one.offset or 0):
        follows = run and run[-1].offset is not None and message.offset == run[-1].offset + 1
        if run and not (follows and len(run) < MOST_MESSAGES and size < MOST_BYTES):
            yield run
            run, size = [], 0
        run.append(message)
        size += len(message.data)
    if run:
        yield run


def lines(messages: Iterable[Message]) -> bytes:
    """The content of a file; nothing if there is nothing in any of the messages."""
    records = (record(message.data) for message in messages)
    return b"".join(line + b"\n" for line in records if line is not None)
