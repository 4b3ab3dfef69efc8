"""What an HTML page says of itself: title, author, date, address, description.

Only declared metadata count: ``meta`` and ``link`` elements, JSON-LD, microdata, a lone ``time``
element of the article. Guessing dates from addresses or running text finds a date for nearly
every page, and often the wrong one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from transforms.dates import parse_date

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from lxml.html import HtmlElement

# Names of meta elements, the most telling first. Open Graph, Dublin Core, Highwire (citation_*),
# Parse.ly, Sailthru.
_TITLES = ("og:title", "citation_title", "twitter:title", "dc.title", "dcterms.title")
_DATES = (
    "article:published_time",
    "og:published_time",
    "datepublished",
    "citation_publication_date",
    "citation_date",
    "dcterms.issued",
    "dc.date.issued",
    "dcterms.date",
    "dc.date",
    "dcterms.created",
    "dc.date.created",
    "parsely-pub-date",
    "sailthru.date",
    "publishdate",
    "publish-date",
    "pubdate",
    "date",
)
_AUTHORS = ("author", "article:author", "citation_author", "dc.creator", "dcterms.creator")
_DESCRIPTIONS = ("description", "og:description", "dc.description", "twitter:description")
_SEPARATORS = (" | ", " – ", " — ", " - ", " · ", " » ", " :: ", " • ")
_HEADING_MARKS = " \u00b6#\xa0\n\t"  # the permanent links that generators put after headings
_MAX_JSON = 1_000_000


class PageMetadata(NamedTuple):
    """Declared metadata of a page; ``fields`` are those without a column of their own."""

    title: str = ""
    published_at: datetime | None = None
    fields: dict[str, str] = {}  # noqa: RUF012 (never changed: replaced)


def page_metadata(tree: HtmlElement) -> PageMetadata:
    """Read the metadata that a page declares."""
    meta = _meta(tree)
    article = _json_ld(tree)
    return PageMetadata(
        title=_title(tree, meta, article),
        published_at=_published_at(tree, meta, article),
        fields={name: value for name, value in _fields(tree, meta, article) if value},
    )


def _meta(tree: HtmlElement) -> dict[str, list[str]]:
    """Contents of meta elements by lower-case name, property or itemprop."""
    meta: dict[str, list[str]] = {}
    for element in tree.iter("meta"):
        content = _line(element.get("content"))
        for attribute in ("property", "name", "itemprop"):
            if content and (name := element.get(attribute)):
                meta.setdefault(name.strip().lower(), []).append(content)
    return meta


def _first(meta: dict[str, list[str]], names: tuple[str, ...]) -> str:
    return next((meta[name][0] for name in names if name in meta), "")


def _json_ld(tree: HtmlElement) -> dict[str, Any]:
    """First JSON-LD object of the page that has a headline or a date of publication."""
    for script in tree.iter("script"):
        source = script.text or ""
        if "ld+json" not in (script.get("type") or "").lower() or len(source) > _MAX_JSON:
            continue
        try:
            found = json.loads(source, strict=False)
        except (ValueError, RecursionError):
            continue
        for item in _objects(found):
            if "headline" in item or "datePublished" in item:
                return item
    return {}


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    pending = [value]
    while pending:
        item = pending.pop(0)
        if isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, dict):
            yield item
            pending.extend((item.get("@graph"), item.get("mainEntity")))


def _title(tree: HtmlElement, meta: dict[str, list[str]], article: dict[str, Any]) -> str:
    headings = [heading for h1 in tree.iter("h1") if (heading := _heading(h1))]
    named = next((name for t in tree.iter("title") if (name := _line(t.text_content()))), "")
    declared = _first(meta, _TITLES) or _names(article.get("headline")) or named
    # A heading that opens the declared title is that title without the name of the site.
    for heading in headings:
        if declared.casefold().startswith(heading.casefold()):
            return heading
    site = _first(meta, ("og:site_name", "application-name"))
    for separator in _SEPARATORS:
        title, found, last = declared.rpartition(separator)
        if found and site and last.casefold() == site.casefold():
            return title.strip()
    return declared or (headings[0] if headings else "")


def _heading(element: HtmlElement) -> str:
    return _line(element.text_content()).strip(_HEADING_MARKS)


def _published_at(
    tree: HtmlElement, meta: dict[str, list[str]], article: dict[str, Any]
) -> datetime | None:
    declared = [_names(article.get("datePublished"))]
    declared += [value for name in _DATES for value in meta.get(name, ())]
    times = list(tree.iter("time"))
    declared += [
        time.get("datetime") or ""
        for time in times
        if "pubdate" in time.attrib or time.get("itemprop") == "datePublished"
    ]
    if len(alone := {time.get("datetime") for time in times if time.get("datetime")}) == 1:
        declared += [str(*alone)]
    return next((moment for value in declared if (moment := parse_date(value))), None)


def _fields(
    tree: HtmlElement, meta: dict[str, list[str]], article: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    authors = next((meta[name] for name in _AUTHORS if name in meta), [])
    named = [author for author in authors if "://" not in author]
    yield "author", ", ".join(dict.fromkeys(named)) or _names(article.get("author"))
    yield "description", _first(meta, _DESCRIPTIONS)
    yield "site_name", _first(meta, ("og:site_name",))
    canonical = next(
        (link.get("href") for link in tree.iter("link") if link.get("rel") == "canonical"), None
    )
    yield "url", _line(canonical) or _first(meta, ("og:url",))
    root = next(tree.iter("html"), None)
    yield "lang", _line(root.get("lang")) if root is not None else ""


def _names(value: Any) -> str:
    """Text of a JSON-LD value: itself, its ``name``, or those of its members."""
    if isinstance(value, dict):
        value = value.get("name")
    if isinstance(value, list):
        return ", ".join(
            name for item in value[:20] if not isinstance(item, list) and (name := _names(item))
        )
    return _line(value) if isinstance(value, str) else ""


def _line(text: str | None) -> str:
    return " ".join((text or "").split())
