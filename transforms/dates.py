"""Dates as pages, front matter and records write them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from email.utils import parsedate_to_datetime

_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})$")
_RFC_5322 = re.compile(r"(?:[A-Za-z]{3},\s*)?\d{1,2}\s+[A-Za-z]{3}\s+\d{4}\s+\d{1,2}:\d{2}")
_ENGLISH = ("%d %B %Y", "%B %d, %Y", "%d %b %Y", "%b %d, %Y")
_YEARS = range(1000, 3000)


def parse_date(value: object) -> datetime | None:
    """Read one complete date, in UTC; None for anything that could mean two days.

    Takes ``date`` and ``datetime`` values and text: ISO 8601, year first with other separators,
    RFC 5322 (mail, HTTP), and English with the month in letters. A time without zone is UTC.
    """
    moment: datetime | None = None
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime.combine(value, time())
    elif isinstance(value, str):
        moment = _from_text(value.strip())
    if moment is None or moment.year not in _YEARS:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _from_text(text: str) -> datetime | None:
    try:
        if numbers := _YEAR_FIRST.match(text):
            return datetime(*map(int, numbers.groups()), tzinfo=UTC)  # type: ignore[misc,arg-type]
        if _RFC_5322.match(text):
            return parsedate_to_datetime(text)
        return datetime.fromisoformat(text)
    except (ValueError, TypeError):
        pass
    for form in _ENGLISH:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
