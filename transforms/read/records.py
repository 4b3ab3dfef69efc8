"""From one record of a JSON, CSV or Parquet file to a Document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from transforms.document import Document, Rejected, document_id, source_of
from transforms.read.dates import parse_record_date
from transforms.read.fields import (
    DETECT,
    MINIMUM_GUESS,
    Columns,
    FieldNames,
    lookup,
    resolve,
    scalar,
    text_of,
)
from transforms.read.slices import SourceFile

STAGE = "read"
MAX_METADATA_CHARACTERS = 1000
MAX_METADATA_FIELDS = 64
MAX_KEY_CHARACTERS = 512
MAX_PAYLOAD_BYTES = 64 * 1024

_HTML_START = re.compile(r"\s*<(?:!doctype\s+html|html[\s>])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Origin:
    """What all documents of a file share. ``encoding`` is empty for UTF-8."""

    file: SourceFile
    names: FieldNames = DETECT
    encoding: str = ""
    max_document_bytes: int = 64 * 1024 * 1024

    def failed(
        self, reason: str, error_type: str, key: str = "", payload: bytes | str | None = None
    ) -> Rejected:
        """A row for what could not be read; a payload of more than 64 KiB is left out."""
        return Rejected(
            id=document_id(self.file.uri, key),
            source=source_of(self.file.uri, key),
            source_version=self.file.version,
            outcome="failed",
            reason=reason,
            stage=STAGE,
            error_type=error_type,
            payload=_payload(payload),
        )

    def rejected(self, reason: str, key: str = "") -> Rejected:
        """A row for what was read and holds no document."""
        return Rejected(
            id=document_id(self.file.uri, key),
            source=source_of(self.file.uri, key),
            source_version=self.file.version,
            outcome="rejected",
            reason=reason,
            stage=STAGE,
        )

    def too_long(self, what: str, size: int, key: str = "") -> Rejected:
        """The row for a document of ``size`` bytes, more than ``max_document_bytes``."""
        return self.failed(
            f"{what} is longer than {self.max_document_bytes:,} bytes ({size:,}); "
            "raise max_document_bytes to read it",
            "TooLong",
            key,
        )

    def whole(self, text: str, media_type: str, *, replaced: bool) -> Document:
        """The one document of a text, Markdown or HTML file."""
        metadata = {"encoding": self.encoding} if self.encoding else {}
        if replaced:
            metadata["replacement_characters"] = str(text.count("\ufffd"))
        return Document(
            id=document_id(self.file.uri),
            source=self.file.uri,
            source_version=self.file.version,
            priority=self.file.priority,
            media_type=media_type,
            text=text,
            metadata=metadata,
        )

    def document(self, record: Mapping[str, object], position: str) -> Document | Rejected:
        """The document of a record; its key is its id field's value, else ``position``.

        The rule is local on purpose: whoever reads another part of the file need not know
        which ids stand in this one. Equal ids within a file are told apart later.
        """
        columns = resolve(self.names, tuple(record))
        key = _key(record, columns) or position
        name, text = _text(record, columns)
        if not text:
            return self.rejected(_no_text(record, columns, self.names.text), key)
        title_name, title = _first(record, columns.title)
        date_name, raw_date = _first(record, columns.date)
        published_at = parse_record_date(_value(record, date_name)) if raw_date else None
        used = {name, title_name, *columns.id[:1]}
        if published_at is not None:
            used.add(date_name)
        metadata = _metadata(record, used)
        url_name, url = _first(record, columns.url)
        if url and len(url) <= MAX_METADATA_CHARACTERS:
            metadata.pop(url_name, None)
            metadata["url"] = url
        if self.encoding:
            metadata["encoding"] = self.encoding
        if "\ufffd" in text:
            metadata["replacement_characters"] = str(text.count("\ufffd"))
        return Document(
            id=document_id(self.file.uri, key),
            source=source_of(self.file.uri, key),
            source_version=self.file.version,
            priority=self.file.priority,
            media_type=_media_type(name, text),
            title=title.strip(),
            text=text,
            published_at=published_at,
            metadata=metadata,
        )


def _payload(payload: bytes | str | None) -> str | None:
    if payload is None or len(payload) > MAX_PAYLOAD_BYTES:
        return None
    return payload if isinstance(payload, str) else payload.decode("utf-8", "replace")


def _value(record: Mapping[str, object], name: str) -> object:
    return record[name] if name in record else lookup(record, name)


def _first(record: Mapping[str, object], names: tuple[str, ...]) -> tuple[str, str]:
    """The first of these fields that has a value, and the value; empty strings if none has."""
    for name in names:
        if text := scalar(_value(record, name)):
            return name, text
    return "", ""


def _key(record: Mapping[str, object], columns: Columns) -> str:
    for name in columns.id[:1]:
        key = scalar(_value(record, name)).strip()
        if len(key) <= MAX_KEY_CHARACTERS:
            return key
    return ""


def _text(record: Mapping[str, object], columns: Columns) -> tuple[str, str]:
    for name in columns.text:
        if text := text_of(_value(record, name)):
            return name, text
    if columns.text:
        return "", ""
    named = {*columns.title, *columns.id, *columns.date, *columns.url}
    strings = [
        (name, value)
        for name, value in record.items()
        if isinstance(value, str) and len(value) >= MINIMUM_GUESS and name not in named
    ]
    return max(strings, key=lambda field: len(field[1]), default=("", ""))


def _no_text(record: Mapping[str, object], columns: Columns, given: str | None) -> str:
    for name in columns.text:
        if _value(record, name) is not None or name in record:
            return f"field {name!r} holds no text"
    named = f" {given!r}" if given else ""
    fields = ", ".join(list(record)[:20]) or "none"
    return f"no text field{named}; fields are: {fields[:500]}; name it with --text-field"


def _media_type(name: str, text: str) -> str:
    if text[:1] in "<\n\r\t \ufeff" and _HTML_START.match(text[:200]):
        return "text/html"
    if name == "text":
        return "text/plain"
    lowered = name.lower()
    if "html" in lowered:
        return "text/html"
    return "text/markdown" if lowered == "markdown" else "text/plain"


def _metadata(record: Mapping[str, object], used: set[str]) -> dict[str, str]:
    metadata: dict[str, str] = {}
    for name, value in record.items():
        if name in used:
            continue
        text = value if type(value) is str else scalar(value)
        if text and len(text) <= MAX_METADATA_CHARACTERS and len(name) <= 200:
            metadata[name] = text
            if len(metadata) == MAX_METADATA_FIELDS:
                break
    return metadata
