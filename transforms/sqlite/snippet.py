"""Passages of a text that show why it was found."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from transforms.index import Fragment, Snippet

if TYPE_CHECKING:
    from collections.abc import Sequence

# Noncharacters: Unicode keeps them for marks like these, so no text holds them.
OPEN, CLOSE, CUT = "\ufdd0", "\ufdd1", "\ufdd2"

_MARKED = re.compile(f"{OPEN}([^{CLOSE}]*){CLOSE}")
_WIDTH = 240
_LEAD = 60


def from_marks(marked: str) -> Snippet | None:
    """The snippet that FTS5 marked with ``OPEN``, ``CLOSE`` and ``CUT``; None without a match."""
    if OPEN not in marked:
        return None
    pieces = _MARKED.split(marked.strip(CUT))
    fragments = (Fragment(piece, bool(place % 2)) for place, piece in enumerate(pieces) if piece)
    return Snippet(tuple(fragments), marked.startswith(CUT), marked.endswith(CUT))


def around(text: str, needles: Sequence[str]) -> Snippet:
    """About 240 characters of ``text`` around the first of ``needles``, else its beginning.

    For what FTS5 cannot mark in the text: scripts without blanks, and words of the title.
    """
    pattern = re.compile("|".join(map(re.escape, needles)) or "(?!)", re.IGNORECASE)
    first = pattern.search(text)
    start, end = _window(text, *first.span()) if first else _window(text, 0, 0)
    fragments: list[Fragment] = []
    done = start
    for match in pattern.finditer(text, start, end):
        fragments += (Fragment(text[done : match.start()]), Fragment(match.group(), is_match=True))
        done = match.end()
    fragments.append(Fragment(text[done:end]))
    return Snippet(tuple(filter(lambda f: f.text, fragments)), start > 0, end < len(text))


def _window(text: str, first: int, last: int) -> tuple[int, int]:
    """Where to cut around ``text[first:last]``: at a blank, if there is one near."""
    start = max(0, first - _LEAD)
    if start:
        start = text.find(" ", start, first) + 1 or start
    end = start + _WIDTH
    if end < len(text):
        blank = text.rfind(" ", last, end)
        end = blank if blank > 0 else end
    return start, end
