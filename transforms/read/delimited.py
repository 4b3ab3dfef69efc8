"""CSV and TSV: records under a header, which may span lines inside quotes (RFC 4180)."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from typing import Literal

from transforms.document import Document, Rejected
from transforms.read.kinds import complete_rows
from transforms.read.records import Origin
from transforms.read.streams import TooLong

_NUMBER = re.compile(r"[-+\d.,:/ ]+")
_LONGEST_NAME = 100
_Quoting = Literal[0, 3]
_TSV_DIALECTS: tuple[tuple[str, _Quoting], ...] = (("\t", 0), ("\t", 3))
_CSV_DIALECTS: tuple[tuple[str, _Quoting], ...] = ((",", 0), (";", 0), ("\t", 0), ("|", 0))


def read_delimited(
    lines: Iterator[bytes | TooLong], sample: str, origin: Origin, *, tabs: bool
) -> Iterator[Document | Rejected]:
    """Read lines in UTF-8: a Document or Rejected for each record.

    Keys are ids, or ``L`` and the number of the record's first line. The delimiter is told from
    ``sample``, the beginning of the text.

    The first record is the header, unless it looks like data; columns are then named
    ``column1`` and so on. A record with wrong quotes, or with more fields than the header, is
    a failed row; reading goes on at the line after its first, so that a quote that is never
    closed costs one line and not the rest of the file.
    """
    csv.field_size_limit(2**31 - 1)
    delimiter, quoting = sniff_dialect(sample, tabs=tabs)
    source = _Lines(lines, origin.max_document_bytes)
    reader = csv.reader(source, delimiter=delimiter, quoting=quoting, strict=True)
    header: list[str] = []
    while True:
        source.begin_record()
        fault = ""
        record: list[str] | None = []
        try:
            record = next(reader, None)
        except csv.Error as error:
            fault = str(error)
        for number, line in source.skipped():
            yield origin.too_long(f"line {number}", line.size, f"L{number}")
        if record is None:
            return
        if record and header:
            fault = _misfit(record, header, source.lines_taken)
        if fault:
            number, text = source.give_back()
            reason = f"line {number}: broken record: {fault}"
            yield origin.failed(reason, "csv.Error", f"L{number}", text)
            reader = csv.reader(source, delimiter=delimiter, quoting=quoting, strict=True)
        elif record and not header:
            header, is_data = _header(record)
            if is_data:
                yield _document(origin, header, record, source.record_line)
        elif record:
            yield _document(origin, header, record, source.record_line)


def sniff_dialect(sample: str, *, tabs: bool) -> tuple[str, _Quoting]:
    """Delimiter and quoting under which the first records are of one width, and the widest.

    Quotes in tab-separated values are text where they cannot be quotes.
    """
    best = (0.0, 1)
    dialect: tuple[str, _Quoting] = ("\t" if tabs else ",", csv.QUOTE_MINIMAL)
    for candidate in _TSV_DIALECTS if tabs else _CSV_DIALECTS:
        delimiter, quoting = candidate
        rows = complete_rows(sample, delimiter, quoted=quoting == csv.QUOTE_MINIMAL)
        if not rows and not tabs:  # a wrong quote spoils the sample, not the header
            rows = complete_rows(sample.partition("\n")[0], delimiter)
        if not rows:
            continue
        width = len(rows[0])
        same = sum(len(row) == width for row in rows) / len(rows)
        if width > 1 and (same, width) > best:
            best, dialect = (same, width), candidate
    return dialect


def _document(
    origin: Origin, header: list[str], record: list[str], line: int
) -> Document | Rejected:
    fields = {name: value for name, value in zip(header, record, strict=False) if name}
    return origin.document(fields, f"L{line}")


def _header(first: list[str]) -> tuple[list[str], bool]:
    """Names of the columns, and whether the first record is data because it cannot be names."""
    names = [cell.strip().removeprefix("\ufeff") for cell in first]
    given = [name for name in names if name]
    is_data = (
        any(len(name) > _LONGEST_NAME or _NUMBER.fullmatch(name) for name in given)
        or len(set(given)) < len(given)
    )  # fmt: skip
    return ([f"column{n}" for n in range(1, len(first) + 1)] if is_data else names), is_data


def _misfit(record: list[str], header: list[str], lines_taken: int) -> str:
    """Why a record cannot stand under the header; empty if it can.

    Short ones may, their last fields are empty, but not if they span lines: then a quote has
    swallowed the fields of other records.
    """
    if len(record) > len(header) or (lines_taken > 1 and len(record) < len(header)):
        return f"{len(record)} fields under a header of {len(header)}"
    return ""


class _Lines(Iterator[str]):
    """Lines for ``csv.reader``, of which those of the current record can be given back."""

    def __init__(self, source: Iterator[bytes | TooLong], limit: int) -> None:
        self._source = enumerate(source, 1)
        self._limit = limit
        self._pending: deque[tuple[int, str]] = deque()
        self._taken: list[tuple[int, str]] = []
        self._size = 0
        self._skipped: list[tuple[int, TooLong]] = []

    def __next__(self) -> str:
        if self._size > self._limit:
            raise csv.Error(f"a quote is not closed within {self._limit:,} characters")
        if self._pending:
            entry = self._pending.popleft()
        else:
            number, line = next(self._source)
            while isinstance(line, TooLong):
                self._skipped.append((number, line))
                number, line = next(self._source)
            entry = number, line.decode("utf-8", "replace") + "\n"
        self._taken.append(entry)
        self._size += len(entry[1])
        return entry[1]

    @property
    def record_line(self) -> int:
        """Number of the first line of the current record."""
        return self._taken[0][0]

    @property
    def lines_taken(self) -> int:
        """How many lines the current record has taken."""
        return len(self._taken)

    def begin_record(self) -> None:
        """What was taken is done with."""
        self._taken.clear()
        self._size = 0

    def give_back(self) -> tuple[int, str]:
        """All lines but the first are to be read again; the first and its number."""
        first, *others = self._taken
        self._pending.extendleft(reversed(others))
        return first

    def skipped(self) -> list[tuple[int, TooLong]]:
        """Lines that were too long since the last call."""
        skipped, self._skipped = self._skipped, []
        return skipped
