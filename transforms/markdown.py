"""Markdown: its front matter and its title come off, the rest stays Markdown as it was written."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from transforms.dates import parse_date

if TYPE_CHECKING:
    from datetime import datetime

MAX_FRONT_MATTER = 64 * 1024
"""Characters of the longest front matter that is parsed."""

_FRONT_MATTER = re.compile(
    r"\s*(?P<fence>---|\+\+\+)[ \t]*\n(?P<body>.*?)(?:^(?:(?P=fence)|\.\.\.)[ \t]*(?:\n|\Z))",
    re.DOTALL | re.MULTILINE,
)
_FIRST_KEY = re.compile(
    r"(?:[ \t]*#[^\n]*\n|[ \t]*\n)*[ \t]*[\w\"'-][^\n:=]*[:=](?:\s|\Z|[\"'\[\d])"
)

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_SETEXT = re.compile(r" {0,3}(?:=+|-+)[ \t]*$")
_NOT_SETEXT_TEXT = re.compile(r"\s*$| {4}|\t| {0,3}(?:[-*+>|<]|\d+[.)])")
_IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]+)\](?:\([^)]*\)|\[[^\]]*\])")
_EMPHASIS = re.compile(r"(\*\*|__|\*|`+)(?=\S)(.+?)(?<=\S)\1")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")

_DATES = ("date", "published", "published_at", "publishdate", "pubdate", "created")
_AUTHORS = ("author", "authors")
_PLAIN = (str, int, float, bool, date)


class Markdown(NamedTuple):
    """What a Markdown source gives; ``metadata`` holds front matter values by their keys."""

    text: str
    title: str = ""
    published_at: datetime | None = None
    metadata: dict[str, str] = {}  # noqa: RUF012 (never changed: replaced)
    bad_front_matter: bool = False


def read_markdown(source: str, title: str = "") -> Markdown:
    """Take front matter (YAML between ``---``, TOML between ``+++``) and title off Markdown.

    A ``title`` that is known goes before that of the front matter. Without either, the first
    heading is the title if it is of level 1 (ATX or setext). A heading that says the title
    leaves the text where nothing stands before it and something after it. Front matter that does
    not parse stays in the text and is reported. A rule and a second rule further down are no
    front matter unless the line after the first has the look of ``key:`` or ``key =``.
    """
    found = _FRONT_MATTER.match(source[: MAX_FRONT_MATTER + 16])
    if not found or not _FIRST_KEY.match(found["body"]):
        return _with_heading(Markdown(source, title))
    values = _parse(found["fence"], found["body"])
    if values is None:
        return _with_heading(Markdown(source, title, bad_front_matter=True))
    fields = {str(key).lower(): value for key, value in values.items()}
    moments = (parse_date(fields.get(name)) for name in _DATES)
    return _with_heading(
        Markdown(
            text=source[found.end() :],
            title=title or " ".join(_as_text(fields.get("title")).split()),
            published_at=next((moment for moment in moments if moment), None),
            metadata=_metadata(fields),
        )
    )


def _parse(fence: str, body: str) -> dict[Any, Any] | None:
    try:
        values = tomllib.loads(body) if fence == "+++" else yaml.safe_load(body)
    except (yaml.YAMLError, ValueError, ArithmeticError, RecursionError, TypeError):
        # tomllib and yaml raise ValueError, OverflowError and TypeError on dates and keys too.
        return None
    return values if isinstance(values, dict) else None


def _metadata(fields: dict[str, Any]) -> dict[str, str]:
    metadata = {
        key: text
        for key, value in fields.items()
        if key not in ("title", *_AUTHORS) and (text := _as_text(value))
    }
    author = next((text for name in _AUTHORS if (text := _as_text(fields.get(name)))), "")
    return {**metadata, "author": author} if author else metadata


def _as_text(value: object) -> str:
    """Text of a plain value, of a list of such, of a person's ``name``; else ``""``."""
    if isinstance(value, dict):
        value = value.get("name")
    if isinstance(value, list):
        return ", ".join(
            text for item in value if not isinstance(item, list) and (text := _as_text(item))
        )
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):
        return value.isoformat()
    return str(value).strip() if isinstance(value, _PLAIN) else ""


def _with_heading(page: Markdown) -> Markdown:
    """Look for the first heading outside fenced code, and make it the title if there is none."""
    fence = ""
    previous = ""
    start = 0
    before = 0
    for line in page.text.splitlines(keepends=True):
        end = start + len(line)
        bare = line.rstrip("\n")
        if marks := _FENCE.match(bare):
            if not fence:
                fence = marks[1]
            elif marks[1].startswith(fence) and not bare.strip(" `~"):
                fence = ""
        elif not fence:
            if heading := _ATX.match(bare):
                return _titled(page, heading[2] or "", len(heading[1]), start, end)
            if _SETEXT.match(bare) and not _NOT_SETEXT_TEXT.match(previous):
                return _titled(page, previous, 1 if "=" in bare else 2, before, end)
        previous, before, start = bare, start, end
    return page


def _titled(page: Markdown, heading: str, level: int, start: int, end: int) -> Markdown:
    title = _plain(heading)
    if level != 1 or not title:
        return page
    if page.title and title.casefold() != page.title.casefold():
        return page
    above, below = page.text[:start], page.text[end:]
    text = below if below.strip() and not above.strip() else page.text
    return page._replace(title=page.title or title, text=text)


def _plain(heading: str) -> str:
    """Text of a heading without its inline Markdown."""
    text = _LINK.sub(r"\1", _IMAGE.sub(r"\1", heading))
    return " ".join(_ESCAPE.sub(r"\1", _EMPHASIS.sub(r"\2", text)).split())
