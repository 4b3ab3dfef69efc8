"""From a slice of a file to its documents, whatever the file is."""

from __future__ import annotations

import codecs
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO, cast

from transforms.document import Document, Rejected
from transforms.read.delimited import read_delimited
from transforms.read.encodings import decode, public_name
from transforms.read.formats import ReadOptions, detect_format
from transforms.read.json_document import read_json
from transforms.read.jsonl import read_json_lines
from transforms.read.kinds import Kind, Unsupported
from transforms.read.parquet_rows import read_parquet
from transforms.read.records import Origin
from transforms.read.slices import Slice
from transforms.read.streams import (
    BrokenDataError,
    Compression,
    Opener,
    TooLong,
    blocks,
    lines,
    open_local,
    read_whole,
    utf8_blocks,
)

_MEDIA_TYPES = {"text": "text/plain", "markdown": "text/markdown", "html": "text/html"}
_SPOOL_BYTES = 16 * 1024 * 1024


def read_slice(
    slice_: Slice, options: ReadOptions, open_: Opener = open_local
) -> Iterator[Document | Rejected]:
    """Every document of a slice in order, and a Rejected for all that is none; one row at least.

    ``open_`` opens a path as a seekable stream of bytes. Nothing is raised for what a file
    holds or for a file that cannot be read. A file that may be readable the next time has a
    row with an empty ``source_version``. Of a file with ``only`` the row that says where
    it broke is one of the whole file.
    """
    origin = Origin(slice_.file, options.fields, "", options.max_document_bytes)
    rows = 0
    try:
        with open_(slice_.file.path) as stream:
            for row in _read(stream, slice_, options, origin):
                yield row
                rows += 1
    except BrokenDataError as error:
        cause = type(error.__cause__).__name__
        key = f"after {rows}" if rows and slice_.file.only is None else ""
        yield origin.failed(f"{error}; {rows} records were read before", cause, key)
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
        yield replace(origin.failed(reason, type(error).__name__), source_version="")
    except Exception as error:  # one file must not end the run, whatever is wrong with it
        key = f"after {rows}" if rows and slice_.file.only is None else ""
        yield origin.failed(f"cannot be read: {error}", type(error).__name__, key)
    else:
        if not rows:
            yield _nothing(slice_, origin)


def _nothing(slice_: Slice, origin: Origin) -> Rejected:
    if slice_.file.size == 0:
        return origin.rejected("empty file")
    if slice_.start == 0 and slice_.end == slice_.file.size:
        return origin.rejected("no records")
    reason = f"no records in bytes {slice_.start:,} to {slice_.end:,}"
    return origin.rejected(reason, f"L{slice_.first_line}")


def _read(
    stream: BinaryIO, slice_: Slice, options: ReadOptions, origin: Origin
) -> Iterator[Document | Rejected]:
    found = detect_format(slice_.file.path, stream, options)
    if found is None:
        return
    if isinstance(found, Unsupported):
        yield origin.rejected(f"unsupported: {found.name} ({found.media_type})")
        return
    if found.codec not in ("utf-8", "utf-8-sig"):
        origin = replace(origin, encoding=public_name(found.codec))
    stream.seek(slice_.start)
    if found.kind == "parquet":
        with _seekable(stream, found.compression) as file:
            yield from read_parquet(file, origin)
        return
    size = slice_.end - slice_.start if found.splittable else None
    source = blocks(stream, found.compression, size)
    if found.kind in _MEDIA_TYPES:
        yield from _read_whole(source, found.kind, options, origin)
        return
    utf8 = utf8_blocks(source, found.codec)
    if found.kind == "json":
        yield from read_json(_text_blocks(utf8), origin)
    elif found.kind == "jsonl":
        yield from read_json_lines(
            lines(utf8, options.max_document_bytes), slice_.first_line, origin
        )
    else:
        records = lines(utf8, options.max_document_bytes)
        yield from read_delimited(records, found.sample, origin, tabs=found.kind == "tsv")


def _read_whole(
    source: Iterator[bytes], kind: Kind, options: ReadOptions, origin: Origin
) -> Iterator[Document | Rejected]:
    data = read_whole(source, options.max_document_bytes)
    if isinstance(data, TooLong):
        yield origin.too_long("file", data.size)
        return
    decoded = decode(data, options.encoding, markup=kind == "html")
    encoding = "" if decoded.encoding == "utf-8" else decoded.encoding
    yield replace(origin, encoding=encoding).whole(
        decoded.text, _MEDIA_TYPES[kind], replaced=decoded.replaced
    )


def _text_blocks(utf8: Iterator[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for block in utf8:
        yield decoder.decode(block)
    yield decoder.decode(b"", final=True)


@contextmanager
def _seekable(stream: BinaryIO, compression: Compression) -> Iterator[BinaryIO]:
    """The stream, decompressed to a file where need be: Parquet is read from its end."""
    if not compression:
        yield stream
        return
    with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as file:
        for block in blocks(stream, compression):
            file.write(block)
        file.seek(0)
        yield cast("BinaryIO", file)
