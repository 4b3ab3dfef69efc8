"""A tree of HTML elements as readable text: one renderer for whole pages and for extracts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lxml import etree

if TYPE_CHECKING:
    from lxml.etree import _Element


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


# HTML names, and those of the tree that trafilatura extracts (head, list, item, row, cell, lb).
_PARAGRAPHS = _names(
    "p h1 h2 h3 h4 h5 h6 head blockquote quote pre ul ol dl list table figure figcaption hr "
    "article section main header footer nav aside form fieldset address details"
)
_LINES = _names("div li item tr row dt dd br lb caption option legend summary body center")
_CELLS = _names("td th cell")
_ITEMS = _names("li item")
_SKIPPED = _names(
    "script style noscript template svg math iframe object embed applet canvas audio video map "
    "select textarea title meta link base"
)
_BLANKS = re.compile(r"[ \t\n\r\f]+")

_GAPS = ("", " ", " | ", "\n", "\n\n")
"""What may stand between two pieces of text; the widest that was asked for does."""
_BLANK, _CELL, _LINE, _PARAGRAPH = range(1, 5)


class _Writer:
    """Text under construction: gaps are written once, when text follows."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._gap = 0
        self._marker = ""

    def gap(self, width: int) -> None:
        self._gap = max(self._gap, width)

    def item(self, depth: int) -> None:
        self.gap(_LINE)
        self._marker = "  " * (depth - 1) + "- "

    def flow(self, text: str) -> None:
        """Add running text, whose blanks collapse."""
        words = _BLANKS.sub(" ", text)
        if words.startswith(" "):
            self.gap(_BLANK)
        if core := words.strip(" "):
            self.put(core)
            if words.endswith(" "):
                self.gap(_BLANK)

    def put(self, text: str) -> None:
        """Add text whose blanks and line ends are meant."""
        if self._parts:
            if self._gap >= _LINE:
                self._parts[-1] = self._parts[-1].rstrip("\n")
            self._parts.append(_GAPS[self._gap])
        self._parts.append(self._marker + text)
        self._gap = 0
        self._marker = ""

    def text(self) -> str:
        return "".join(self._parts)


def render(root: _Element) -> str:
    """Render an element without comments as text.

    A blank line parts paragraphs, "- " opens list items, table rows are lines of cells parted by
    " | ", preformatted text is kept as it stands. Scripts, styles, form controls and media are
    left out. There is no recursion, so that no depth of nesting can break it.
    """
    writer = _Writer()
    cells = items = verbatim = 0
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        tag = element.tag
        if tag in _SKIPPED:
            if event == "start":
                walk.skip_subtree()
            elif element.tail and element is not root:
                _add(writer, element.tail, verbatim)
            continue
        step = 1 if event == "start" else -1
        gap = _gap_around(element)
        if tag in _ITEMS:
            items += step
            if event == "start" and not cells:
                writer.item(items)
        if gap == _CELL:
            cells += step
            if event == "start" and element.getprevious() is not None:
                writer.gap(_CELL)
        elif gap:
            writer.gap(_BLANK if cells else min(gap, _LINE) if items else gap)
        if _is_verbatim(element):
            verbatim += step
        text = element.text if event == "start" else element.tail
        if text and (event == "start" or element is not root):
            _add(writer, text, verbatim)
    return writer.text()


def _add(writer: _Writer, text: str, verbatim: int) -> None:
    if verbatim:
        writer.put(text)
    else:
        writer.flow(text)


def _gap_around(element: _Element) -> int:
    if element.tag in _CELLS:
        # A cell that holds blocks is layout, not data.
        blocks = (child for child in element.iter() if child.tag in _PARAGRAPHS)
        return _LINE if next(blocks, None) is not None else _CELL
    if element.tag in _PARAGRAPHS:
        return _PARAGRAPH
    return _LINE if element.tag in _LINES else 0


def _is_verbatim(element: _Element) -> bool:
    return element.tag == "pre" or (element.tag == "code" and "\n" in (element.text or ""))
