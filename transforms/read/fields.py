"""Which fields of a record hold what: its text, title, id, date and address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple

_TEXT = (
    "text", "content", "body", "raw_content", "article", "maintext", "main_text", "article_text",
    "articlebody", "full_text", "fulltext", "plain_text", "plaintext", "page_content", "raw_text",
    "document", "contents", "markdown", "html", "raw_html", "content_html", "body_html", "message",
    "abstract", "description", "summary",
)  # fmt: skip
_TITLE = ("title", "headline", "name", "heading", "subject", "page_title", "article_title")
_ID = ("id", "_id", "doc_id", "docid", "document_id", "uuid", "guid", "docno", "article_id", "uid")
_DATE = (
    "published_at", "published", "date", "publication_date", "date_published", "datepublished",
    "pubdate", "pub_date", "publish_date", "published_date", "created_at", "created", "timestamp",
    "datetime", "date_publish", "posted_at", "time", "updated_at", "date_created",
)  # fmt: skip
_URL = ("url", "link", "source_url", "uri", "permalink", "href", "page_url", "canonical_url")

MINIMUM_GUESS = 100
"""Characters that a field of no known name must have to be taken for the text."""


class FieldNames(NamedTuple):
    """Names of the fields to use; None detects by conventional names, whatever their case.

    A name given here may be a path into nested objects, with dots: ``article.body``.
    """

    text: str | None = None
    title: str | None = None
    id: str | None = None
    date: str | None = None
    url: str | None = None


DETECT = FieldNames()


@dataclass(frozen=True, slots=True)
class Columns:
    """The fields of records with one set of keys; each tuple is in order of preference."""

    text: tuple[str, ...]
    title: tuple[str, ...]
    id: tuple[str, ...]
    date: tuple[str, ...]
    url: tuple[str, ...]


@lru_cache(maxsize=4096)
def resolve(names: FieldNames, keys: tuple[str, ...]) -> Columns:
    """The columns of records with these keys."""
    by_lower: dict[str, str] = {}
    for key in keys:
        by_lower.setdefault(key.lower(), key)

    def choose(given: str | None, known: tuple[str, ...]) -> tuple[str, ...]:
        if given is not None:
            return (given,)
        return tuple(by_lower[name] for name in known if name in by_lower)

    return Columns(
        text=choose(names.text, _TEXT),
        title=choose(names.title, _TITLE),
        id=choose(names.id, _ID),
        date=choose(names.date, _DATE),
        url=choose(names.url, _URL),
    )


def lookup(record: Mapping[str, object], name: str) -> object:
    """Value of a field, or of a path with dots where no field has that name; None if absent."""
    if name in record:
        return record[name]
    value: object = record
    for step in name.split(".") if "." in name else ():
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value if value is not record else None


def text_of(value: object) -> str:
    """A text value: a string, or the paragraphs of a list of strings; else empty."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return "\n\n".join(value)
    return ""


def scalar(value: object) -> str:
    """A string, number, truth value or date as a string; empty for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    return ""
