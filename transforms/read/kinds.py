"""What a file holds, told from its name and its content.

The content has the last word where it is certain (signatures of binary formats, compression,
JSON against JSON Lines); the name decides between what is equally possible (any text file may be
Markdown); the content decides again where the name is silent.
"""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from typing import Literal, get_args

from transforms.read.streams import Compression

Kind = Literal["text", "markdown", "html", "json", "jsonl", "csv", "tsv", "parquet"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_EXTENSIONS: dict[str, Kind] = {
    "txt": "text", "text": "text", "log": "text", "rst": "text", "asc": "text",
    "md": "markdown", "markdown": "markdown", "mdown": "markdown", "mkd": "markdown",
    "html": "html", "htm": "html", "xhtml": "html", "shtml": "html",
    "json": "json", "jsonl": "jsonl", "ndjson": "jsonl", "jsonlines": "jsonl",
    "csv": "csv", "tsv": "tsv", "tab": "tsv",
    "parquet": "parquet", "pq": "parquet",
}  # fmt: skip
_COMPRESSIONS: dict[str, Compression] = {
    "gz": "gz", "gzip": "gz", "bz2": "bz2", "xz": "xz", "zst": "zst", "zstd": "zst",
}  # fmt: skip
_SIGNATURES = (
    (0, b"%PDF-", "PDF", "application/pdf"),
    (0, b"PK\x03\x04", "ZIP archive or office document", "application/zip"),
    (0, b"PK\x05\x06", "ZIP archive", "application/zip"),
    (0, b"\x89PNG\r\n", "PNG image", "image/png"),
    (0, b"\xff\xd8\xff", "JPEG image", "image/jpeg"),
    (0, b"GIF8", "GIF image", "image/gif"),
    (8, b"WEBP", "WebP image", "image/webp"),
    (0, b"II*\x00", "TIFF image", "image/tiff"),
    (0, b"MM\x00*", "TIFF image", "image/tiff"),
    (0, b"\x7fELF", "ELF program", "application/x-elf"),
    (0, b"MZ\x90\x00", "Windows program", "application/vnd.microsoft.portable-executable"),
    (0, b"\xca\xfe\xba\xbe", "Java class or Mach-O program", "application/java-vm"),
    (0, b"\xcf\xfa\xed\xfe", "Mach-O program", "application/x-mach-binary"),
    (0, b"\x00asm", "WebAssembly", "application/wasm"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Office document", "application/x-ole-storage"),
    (0, b"{\\rtf", "RTF", "application/rtf"),
    (0, b"SQLite format 3\x00", "SQLite database", "application/vnd.sqlite3"),
    (0, b"7z\xbc\xaf\x27\x1c", "7-Zip archive", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "RAR archive", "application/vnd.rar"),
    (257, b"ustar", "tar archive", "application/x-tar"),
    (0, b"ARROW1", "Arrow file", "application/vnd.apache.arrow.file"),
    (0, b"Obj\x01", "Avro file", "application/avro"),
    (0, b"ORC", "ORC file", "application/orc"),
    (0, b"\x1f\x8b\x08", "gzip inside the compression", "application/gzip"),
    (4, b"ftyp", "MP4 or HEIF media", "video/mp4"),
    (0, b"OggS", "Ogg media", "application/ogg"),
    (0, b"ID3", "MP3 audio", "audio/mpeg"),
    (0, b"RIFF", "RIFF media", "application/x-riff"),
)  # fmt: skip
_CONTROL = bytes(set(range(32)) - set(b"\b\t\n\v\f\r\x1a\x1b")) + b"\x7f"
_HTML = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*"
    r"(?:<!doctype\s+html|<html[\s>]|<head[\s>]|<body[\s>])",
    re.IGNORECASE | re.DOTALL,
)
_HEADER_CELL = re.compile(r"[^\W\d](?:[\w .:/@-]{0,38}\w)?")


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Content that no reader is for; ``name`` says what it is."""

    name: str
    media_type: str


def kind_from_name(name: str) -> tuple[Kind | None, Compression]:
    """Kind and compression that the extensions of a file name say, None and "" where silent."""
    parts = name.lower().split(".")[1:]
    compression: Compression = ""
    if parts and parts[-1] in _COMPRESSIONS:
        compression = _COMPRESSIONS[parts.pop()]
    return (_EXTENSIONS.get(parts[-1]) if parts else None), compression


def binary_format(head: bytes) -> Unsupported | None:
    """The binary format whose signature ``head`` (decompressed) bears; not Parquet.

    A signature of letters counts only in binary data: a text may begin with ORC or RIFF.
    """
    for offset, magic, name, media_type in _SIGNATURES:
        if head.startswith(magic, offset):
            certain = not magic.isalnum() or looks_binary(head)
            return Unsupported(name, media_type) if certain else None
    return None


def looks_binary(head: bytes) -> bool:
    """Whether too many control characters stand in ``head`` for text in an 8-bit encoding.

    Random bytes are 10% control characters; a text may have a few strays.
    """
    controls = len(head) - len(head.translate(None, _CONTROL))
    return controls * 10 > len(head) or (controls >= 4 and controls * 50 > len(head))


def kind_of(name_kind: Kind | None, text: str) -> Kind | Unsupported:
    """The kind of a file whose name says ``name_kind`` and that begins with ``text``."""
    if name_kind in ("json", "jsonl"):
        return _json_or_lines(text) or name_kind
    if name_kind is not None:
        return name_kind
    if _HTML.match(text[:4096]):
        return "html"
    if text.lstrip().startswith("<?xml"):
        return Unsupported("XML", "application/xml")
    if re.match(r'\s*(?:\{\s*["}]|\[\s*["{\]])', text):
        return _json_or_lines(text) or "json"
    return _delimited_kind(text) or "text"


def _json_or_lines(text: str) -> Kind | None:
    """JSON Lines if most lines are objects, JSON if the first only opens one.

    None where one line is all there is to see.
    """
    found = [line for line in text.lstrip().split("\n", 50) if line.strip()][:50]
    if len(found) < 2:
        return "json" if text.lstrip().startswith("[") else None
    if found[0].strip() in ("{", "[") or found[0].startswith("["):
        return "json"
    whole = found[:-1]  # the last may be cut off
    return "jsonl" if sum(map(_is_object, whole)) * 2 >= len(whole) else None


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _delimited_kind(text: str) -> Kind | None:
    """CSV or TSV only where a header of names is followed by rows that are all as wide."""
    for delimiter, kind in (("\t", "tsv"), (",", "csv"), (";", "csv"), ("|", "csv")):
        rows = complete_rows(text, delimiter)
        if len(rows) < 3 or len(rows[0]) < 2:
            continue
        header = rows[0]
        widths = {len(row) for row in rows}
        names = all(_HEADER_CELL.fullmatch(cell) for cell in header)
        enough = len(header) > 2 or any(_is_field_name(cell) for cell in header)
        if names and enough and len(widths) == 1 and len(set(header)) == len(header):
            return "tsv" if kind == "tsv" else "csv"
    return None


def _is_field_name(cell: str) -> bool:
    return cell.strip().lower() in {"id", "text", "title", "content", "body", "url", "date"}


def complete_rows(text: str, delimiter: str, *, quoted: bool = True) -> list[list[str]]:
    """The first records of delimited ``text``, 50 at most; none where the quotes are wrong.

    The last is left out if it may be cut off.
    """
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        strict=True,
    )
    rows: list[list[str]] = []
    try:
        for row in reader:
            rows.append(row)
            if len(rows) == 51:
                break
    except csv.Error as error:
        if "unexpected end" not in str(error):
            return []
        return [row for row in rows if row]
    if len(rows) == 51 or not text.endswith("\n"):
        rows = rows[:-1] or rows
    return [row for row in rows if row]
