"""HTML pages to their main text, title, date and what else they declare."""

from __future__ import annotations

import logging
import re
from html import unescape
from typing import TYPE_CHECKING, Literal, NamedTuple

import trafilatura
from lxml import etree
from lxml.html import HTMLParser, document_fromstring

from transforms.html_metadata import page_metadata
from transforms.html_text import render

if TYPE_CHECKING:
    from datetime import datetime

    from lxml.html import HtmlElement

HtmlMode = Literal["main", "fast", "all"]
"""``main``: the main text, most exact. ``fast``: the main text in half the time, with more of
what surrounds it. ``all``: everything a reader of the page sees."""

MAX_EXTRACTION = 4_000_000
"""Characters of the longest page whose main text is looked for; a longer one is taken whole."""

# trafilatura logs each page it gives up; here the flag ``html_fallback`` says so.
logging.getLogger("trafilatura").setLevel(logging.CRITICAL)

_WORD = re.compile(r"\w")
_LIMIT = [etree.ErrorTypes.ERR_RESOURCE_LIMIT]
_UNREAD = re.compile(
    r"<(script|style|title|template|noscript)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_TAG = re.compile(r"<[a-zA-Z/!?][^>]*(?:>|\Z)")


class Page(NamedTuple):
    """What an HTML source gives; ``fallback`` when its main text was not found."""

    text: str
    title: str = ""
    published_at: datetime | None = None
    metadata: dict[str, str] = {}  # noqa: RUF012 (never changed: replaced)
    fallback: bool = False


def read_html(source: str, mode: HtmlMode = "main") -> Page:
    """Extract the main text of a page and its metadata, in one parse.

    The main text is found by trafilatura (Barbaresi 2021, ACL demo; Apache-2.0). Its own search
    for metadata is not used: it takes most of its time, and guesses dates. Where it finds
    nothing, and always with mode ``all``, the text is everything visible in the body; and where
    the parser gives up, what is left without the tags: no page that has text is lost. Broken
    HTML never raises; ``source`` must encode as UTF-8.
    """
    # Bytes with the encoding given: a declaration in the page about the file it once was in
    # would be believed otherwise. A huge tree is one of 2,048 levels, not 256.
    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        tree = document_fromstring(source.encode(), parser=parser)
    except (etree.LxmlError, AssertionError):  # no element at all
        return Page(_without_tags(source), fallback=mode != "all")
    metadata = page_metadata(tree)
    text = _main_text(tree, mode) if mode != "all" and len(source) <= MAX_EXTRACTION else ""
    fallback = mode != "all" and not text
    text = text or render(tree)
    if not _WORD.search(text) or parser.error_log.filter_types(_LIMIT):
        text = _without_tags(source)
        fallback = mode != "all"
    return Page(text, metadata.title, metadata.published_at, metadata.fields, fallback)


def _without_tags(source: str) -> str:
    text = unescape(_TAG.sub("\n", _UNREAD.sub("\n", source)))
    return "\n".join(line for line in map(str.strip, text.split("\n")) if line)


def _main_text(tree: HtmlElement, mode: HtmlMode) -> str:
    try:
        found = trafilatura.bare_extraction(
            tree,
            include_comments=False,
            fast=mode == "fast",
            favor_recall=mode == "fast",
        )
    except Exception:  # heuristics over hostile input: whatever breaks, the page is not lost
        return ""
    if found is None or found.body is None:
        return ""
    text = render(found.body)
    return text if _WORD.search(text) else ""
