"""JSON Lines: one record a line, each judged on its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import orjson

from transforms.document import Document, Rejected
from transforms.read.records import Origin
from transforms.read.streams import TooLong

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


def read_json_lines(
    lines: Iterator[bytes | TooLong], first_line: int, origin: Origin
) -> Iterator[Document | Rejected]:
    """Read lines in UTF-8: a Document or Rejected for each that is not blank.

    The key of a record is its id, or ``L`` and its line number. A bare string is a document too.
    """
    for number, line in enumerate(lines, first_line):
        if isinstance(line, TooLong):
            yield origin.too_long(f"line {number}", line.size, f"L{number}")
            continue
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            if not line.strip(b" \t\r\n\x00\xef\xbb\xbf"):
                continue
            try:
                record = parse_leniently(line.decode("utf-8", "replace"))
            except (ValueError, RecursionError) as error:
                reason = f"line {number} is not JSON: {error}"
                yield origin.failed(reason, type(error).__name__, f"L{number}", line)
                continue
        if isinstance(record, str):
            record = {"text": record}
        if isinstance(record, dict):
            yield origin.document(record, f"L{number}")
        else:
            reason = f"line {number} is a JSON {json_type(record)}, not an object"
            yield origin.rejected(reason, f"L{number}")


def parse_leniently(text: str) -> object:
    """Parse JSON as Python's own parser does: also NaN, large integers, lone surrogates.

    Lone surrogates become U+FFFD because no file in UTF-8 can hold them.

    Raises:
        ValueError: it is not JSON. RecursionError: it is nested too deeply.
    """
    value: object = json.loads(text.removeprefix("\ufeff").strip("\x00"))
    return without_surrogates(value) if _SURROGATE_ESCAPE.search(text) else value


def without_surrogates(value: object) -> object:
    """The JSON value with U+FFFD for each lone surrogate in its strings and keys."""
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {without_surrogates(key): without_surrogates(item) for key, item in value.items()}
    return value


def json_type(value: object) -> str:
    """What JSON calls the type of a parsed value."""
    if isinstance(value, bool):
        return "boolean"
    names = {list: "array", dict: "object", str: "string", int: "number", float: "number"}
    return names.get(type(value), "null")
