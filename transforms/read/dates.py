"""Dates in records: what ``transforms.dates`` reads, and times as numbers."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from transforms.dates import parse_date

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_COMPACT = re.compile(r"(?:1[6-9]|20|21)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
# Each unit ends where the next begins: seconds, milli-, micro-, nanoseconds from 1973 on.
_EPOCH_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3), (1e8, 1.0))


def parse_record_date(value: object) -> datetime | None:
    """UTC time of a record's field; None where it is no date.

    Takes what ``parse_date`` takes, ``YYYYMMDD`` and seconds, milli-, micro- or nanoseconds since
    1970, as numbers or as digits.
    """
    if isinstance(value, str):
        text = value.strip()
        if _NUMBER.fullmatch(text) and len(text) < 30:
            return _from_number(float(text) if "." in text else int(text))
        return parse_date(text.removesuffix(" UTC"))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _from_number(value)
    return parse_date(value)


def _from_number(value: float) -> datetime | None:
    try:
        if _COMPACT.fullmatch(str(value)):
            return datetime.strptime(str(value), "%Y%m%d").replace(tzinfo=UTC)
        for least, divisor in _EPOCH_UNITS:
            if value >= least:
                return datetime.fromtimestamp(value / divisor, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None
