"""Bytes of a file as bounded blocks: opening, decompressing, transcoding, cutting into lines.

Everything is a generator of blocks, so no more than a block and a line is in memory however
large the file or however far its compressed bytes blow up.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast

import zstandard

Compression = Literal["", "gz", "bz2", "xz", "zst"]
Opener = Callable[[str], BinaryIO]

BLOCK_BYTES = 256 * 1024
# A zstandard block of 128 KiB may be as short as 4 bytes; this many become 64 MiB at most.
_ZSTD_FEED_BYTES = 2048

_MAGIC: tuple[tuple[bytes, Compression], ...] = (
    (b"\x1f\x8b\x08", "gz"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zst"),
)
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17rE8P\x90")
_FILES: dict[str, Callable[[BinaryIO], gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile]] = {
    "gz": lambda stream: gzip.GzipFile(fileobj=stream),
    "bz2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
}
_NAMES = {"gz": "gzip", "bz2": "bzip2", "xz": "xz", "zst": "zstandard"}


class BrokenDataError(Exception):
    """Compressed data that is damaged or ends early."""


def open_local(path: str) -> BinaryIO:
    """Open a local file for reading, without a buffer: readers ask for large blocks."""
    return cast("BinaryIO", Path(path).open("rb", buffering=0))


def compression_of(head: bytes) -> Compression:
    """The compression that the first bytes of a file show; empty for none."""
    for magic, name in _MAGIC:
        if head.startswith(magic) and (name != "bz2" or head[4:10] in _BZIP2_BLOCKS):
            return name
    return ""


def blocks(
    stream: BinaryIO, compression: Compression = "", size: int | None = None
) -> Iterator[bytes]:
    """Decompressed bytes of ``stream`` from where it stands, in blocks.

    Streams of several members are read to their end. ``size`` bounds the bytes read of an
    uncompressed stream.

    Raises:
        BrokenDataError: after all blocks before the damage, naming what is wrong.
        OSError: the stream cannot be read.
    """
    if compression == "":
        yield from _plain(stream, size)
        return
    try:
        yield from _gathered(_decompressed(stream, compression))
    except (EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError, gzip.BadGzipFile) as error:
        raise BrokenDataError(f"broken {_NAMES[compression]} data: {error}") from error
    except OSError as error:
        if error.errno is None:  # bz2 has no error of its own
            raise BrokenDataError(f"broken {_NAMES[compression]} data: {error}") from error
        raise


def _plain(stream: BinaryIO, size: int | None) -> Iterator[bytes]:
    left = size if size is not None else -1
    while left != 0:
        block = stream.read(min(BLOCK_BYTES, left) if left > 0 else BLOCK_BYTES)
        if not block:
            return
        left = max(left - len(block), 0) if left > 0 else left
        yield block


def _decompressed(stream: BinaryIO, compression: Compression) -> Iterator[bytes]:
    if compression == "zst":
        yield from _zstandard(stream)
        return
    with _FILES[compression](stream) as opened:
        # read1 gives what there is before it raises, read would lose it.
        while block := opened.read1(BLOCK_BYTES):
            yield block


def _zstandard(stream: BinaryIO) -> Iterator[bytes]:
    # Not ZstdDecompressor.stream_reader: it takes a cut-off frame for a complete one.
    decompressor = zstandard.ZstdDecompressor().decompressobj()
    started = False
    while data := stream.read(_ZSTD_FEED_BYTES):
        while data:
            yield decompressor.decompress(data)
            started = True
            data = b""
            if decompressor.eof:
                data = decompressor.unused_data
                decompressor = zstandard.ZstdDecompressor().decompressobj()
                started = False
    if started:
        raise EOFError("Compressed file ended before the end-of-stream marker was reached")


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Join small pieces to blocks; what was gathered comes out before an error does."""
    held: list[bytes] = []
    size = 0
    try:
        for piece in pieces:
            held.append(piece)
            size += len(piece)
            if size >= BLOCK_BYTES:
                yield b"".join(held)
                held, size = [], 0
    except Exception:
        if size:
            yield b"".join(held)
        raise
    if size:
        yield b"".join(held)


def utf8_blocks(source: Iterator[bytes], codec: str) -> Iterator[bytes]:
    """The same text in UTF-8; undecodable bytes become U+FFFD. UTF-8 passes as it is."""
    if codec == "utf-8":
        yield from source
        return
    if codec == "utf-8-sig":
        first = next(source, b"")
        yield first.removeprefix(codecs.BOM_UTF8)
        yield from source
        return
    decoder = codecs.getincrementaldecoder(codec)("replace")
    for block in source:
        yield decoder.decode(block).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class TooLong:
    """Stands in for ``size`` bytes that were longer than the limit and were not kept."""

    size: int


def lines(source: Iterator[bytes], limit: int) -> Iterator[bytes | TooLong]:
    """Lines without their line feed; one longer than ``limit`` bytes is skipped unread."""
    held: list[bytes] = []
    size = 0
    for block in source:
        first, *others = block.split(b"\n")
        size += len(first)
        if size <= limit:
            held.append(first)
        else:
            held.clear()
        if not others:
            continue
        yield b"".join(held) if size <= limit else TooLong(size)
        last = others.pop()
        if len(block) <= limit:
            yield from others
        else:
            yield from (line if len(line) <= limit else TooLong(len(line)) for line in others)
        size = len(last)
        held = [last] if size <= limit else []
    if size > limit:
        yield TooLong(size)
    elif size:
        yield b"".join(held)


def read_whole(source: Iterator[bytes], limit: int) -> bytes | TooLong:
    """All bytes of ``source``, unless they are more than ``limit``."""
    held: list[bytes] = []
    size = 0
    for block in source:
        size += len(block)
        if size <= limit:
            held.append(block)
        else:
            held.clear()
    return b"".join(held) if size <= limit else TooLong(size)
