"""What a file is: kind, compression and encoding, from its name and its first bytes."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import BinaryIO

from transforms.read.encodings import (
    SAMPLE_BYTES,
    decode_start,
    detect_encoding,
    utf16_without_mark,
)
from transforms.read.fields import DETECT, FieldNames
from transforms.read.kinds import (
    KINDS,
    Kind,
    Unsupported,
    binary_format,
    kind_from_name,
    kind_of,
    looks_binary,
)
from transforms.read.streams import BrokenDataError, Compression, blocks, compression_of

DEFAULT_MAX_DOCUMENT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read; what is None is detected.

    ``kind`` is one of ``KINDS``, ``encoding`` a name Python knows, ``max_document_bytes``
    bounds one text file, line or record, and so the memory that reading takes.

    Raises:
        ValueError: an unknown kind or encoding, or a limit below 1.
    """

    fields: FieldNames = DETECT
    kind: Kind | None = None
    encoding: str | None = None
    max_document_bytes: int = DEFAULT_MAX_DOCUMENT_BYTES

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in KINDS:
            raise ValueError(f"unknown kind {self.kind!r}; one of {', '.join(KINDS)}")
        if self.encoding is not None:
            try:
                "text".encode(self.encoding)
            except LookupError:
                raise ValueError(f"unknown encoding {self.encoding!r}") from None
        if self.max_document_bytes < 1:
            raise ValueError("max_document_bytes must be at least 1")


@dataclass(frozen=True, slots=True)
class Format:
    """What a file turned out to be; ``sample`` is the beginning of its text."""

    kind: Kind
    compression: Compression
    codec: str
    sample: str

    @property
    def splittable(self) -> bool:
        """Whether it may be cut at line ends: one byte is a newline and nothing else."""
        wide = self.codec.startswith(("utf-16", "utf-32", "utf_16", "utf_32"))
        return self.kind == "jsonl" and self.compression == "" and not wide


def detect_format(path: str, stream: BinaryIO, options: ReadOptions) -> Format | Unsupported | None:
    """What the file at ``path`` is; None if it holds nothing.

    ``stream`` is seekable and at its start; it is left anywhere.

    Raises:
        BrokenDataError: it is not what its name says (``.gz``), or broken from the start.
        OSError: it cannot be read.
    """
    name_kind, name_compression = kind_from_name(path.rpartition("/")[2])
    head = next(blocks(stream, "", SAMPLE_BYTES), b"")
    compression = compression_of(head)
    if compression:
        stream.seek(0)
        head = next(blocks(stream, compression), b"")[:SAMPLE_BYTES]
    if not head:
        return None
    if head.startswith(b"PAR1") or "parquet" in (name_kind, options.kind):
        return Format("parquet", compression, "utf-8", "")
    if options.kind is None:
        unsupported = _unsupported(head)
        if unsupported and name_compression and not compression:
            raise BrokenDataError(f"named .{name_compression} but not compressed in that way")
        if unsupported:
            return unsupported
    markup = "html" in (name_kind, options.kind) or name_kind is None
    codec = options.encoding or detect_encoding(head, markup=markup)
    text = decode_start(head, codec).removeprefix("\ufeff")
    kind = options.kind or kind_of(name_kind, text)
    return kind if isinstance(kind, Unsupported) else Format(kind, compression, codec, text)


def _unsupported(head: bytes) -> Unsupported | None:
    marked = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE))
    if marked:
        return None
    if found := binary_format(head):
        return found
    if looks_binary(head) and not utf16_without_mark(head):
        return Unsupported("binary", "application/octet-stream")
    return None
