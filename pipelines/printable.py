"""Text from anywhere, made safe to be shown: a terminal obeys control characters."""

from __future__ import annotations

import re

# Blanks and controls (C0, C1), and what turns the direction of writing around.
_UNSAFE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")

_UNSAFE_IN_JSON = re.compile(r"[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""The rest are escaped in JSON anyway."""


def one_line(text: str) -> str:
    """The text in one line, without control characters; lone surrogates become question marks."""
    return _UNSAFE.sub(" ", text).strip().encode("utf-8", "replace").decode()


def safe_json(text: str) -> str:
    """The same JSON with all control characters escaped: they only ever stand in its strings."""
    return _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
