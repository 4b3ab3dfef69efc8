"""JSON files: one object, an array of objects, or values one after the other.

The file is read as a stream: an array may be of any length, only one of its values is in memory.
Python's own decoder is used because, unlike event parsers, it gives back the values before the
place where a file is cut off, and says where that is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from transforms.document import Document, Rejected
from transforms.read.jsonl import json_type, without_surrogates
from transforms.read.records import MAX_PAYLOAD_BYTES, Origin

_BLANK = re.compile(r"[\s\x00\ufeff]*")
_BETWEEN = re.compile(r"[\s,]*")
_WRAPPERS = ("data", "documents", "items", "records", "results", "rows", "articles", "hits")


class _TooLargeError(Exception):
    """A value is larger than may be held."""


def read_json(text: Iterator[str], origin: Origin) -> Iterator[Document | Rejected]:
    """A Document or Rejected for each record, keyed by its id or, in an array, its index from 0.

    A file that is one object is one document and needs no key, unless all that it holds is an
    array of objects under a usual name (``data``, ``items`` …). What follows a value that is
    no JSON, or is larger than ``max_document_bytes``, cannot be found and is not read.
    """
    scanner = _Scanner(text, origin.max_document_bytes)
    index = 0
    try:
        in_array = scanner.take("[")
        while not scanner.at_end(closing=in_array):
            value = scanner.value()
            alone = index == 0 and not in_array and scanner.at_end(closing=False)
            yield from _rows(value, index, alone=alone, origin=origin)
            index += 1
    except _TooLargeError as error:
        yield origin.too_long(f"value {index}", error.args[0], f"{index}" if index else "")
    except (ValueError, RecursionError) as error:
        where = f"not JSON at character {scanner.offset:,} (value {index}): "
        message = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        payload = scanner.rest(MAX_PAYLOAD_BYTES // 4)
        key = f"from {index}" if index else ""
        yield origin.failed(where + message, type(error).__name__, key, payload)


def _rows(
    value: object, index: int, *, alone: bool, origin: Origin
) -> Iterator[Document | Rejected]:
    if isinstance(value, str):
        value = {"text": value}
    if not isinstance(value, dict):
        reason = f"value {index} is a JSON {json_type(value)}, not an object"
        yield origin.rejected(reason, str(index))
    elif alone and (wrapped := _wrapped(value)):
        for number, record in enumerate(wrapped):
            yield from _rows(record, number, alone=False, origin=origin)
    else:
        yield origin.document(value, "" if alone else str(index))


def _wrapped(value: dict[str, object]) -> list[object] | None:
    lists = [v for v in value.values() if isinstance(v, list) and v and isinstance(v[0], dict)]
    named = [value[name] for name in _WRAPPERS if name in value]
    return lists[0] if len(lists) == 1 and lists[0] in named else None


class _Scanner:
    """JSON values one after the other from a stream of text."""

    def __init__(self, source: Iterator[str], limit: int) -> None:
        self._source = source
        self._limit = limit
        self._decoder = json.JSONDecoder()
        self._buffer = ""
        self._position = 0
        self._dropped = 0

    @property
    def offset(self) -> int:
        """Characters before the current place."""
        return self._dropped + self._position

    def rest(self, size: int) -> str:
        """What stands at the current place."""
        return self._buffer[self._position : self._position + size]

    def take(self, character: str) -> bool:
        """Skip blanks, and ``character`` if it stands there."""
        self._skip(_BLANK)
        if self._buffer.startswith(character, self._position):
            self._position += 1
            return True
        return False

    def at_end(self, *, closing: bool) -> bool:
        """Whether no value follows; in an array (``closing``) its bracket must."""
        self._skip(_BETWEEN)
        if self._position < len(self._buffer):
            if not (closing and self._buffer[self._position] == "]"):
                return False
            self._position += 1
            self._skip(_BLANK)
            if self._position < len(self._buffer):
                raise ValueError("extra data after the array")
            return True
        if closing:
            raise ValueError("the array ends early")
        return True

    def value(self) -> object:
        """The next value; raises ValueError where there is none."""
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._position)
            except json.JSONDecodeError:
                # Perhaps it only goes on: double what is held, so that the retries cost
                # no more than twice the value.
                if not self._more(max(len(self._buffer) - self._position, 1)):
                    raise
                continue
            # A number may go on in the next block.
            if (
                end == len(self._buffer)
                and not isinstance(value, dict | list | str)
                and self._more(1)
            ):
                continue
            start, self._position = self._position, end
            escaped = any(self._buffer.find(e, start, end) >= 0 for e in ("\\ud", "\\uD"))
            return without_surrogates(value) if escaped else value

    def _skip(self, blanks: re.Pattern[str]) -> None:
        while True:
            match = blanks.match(self._buffer, self._position)
            self._position = match.end() if match else self._position
            if self._position < len(self._buffer) or not self._more(1):
                return

    def _more(self, size: int) -> bool:
        """Read at least ``size`` characters more, or to the end; False if there were none."""
        held = [self._buffer[self._position :]]
        self._dropped += self._position
        self._position = 0
        length = len(held[0])
        wanted = length + size
        while length < wanted:
            if length > self._limit:
                raise _TooLargeError(length)
            block = next(self._source, None)
            if block is None:
                break
            held.append(block)
            length += len(block)
        grew = length > len(held[0])
        self._buffer = "".join(held)
        return grew
