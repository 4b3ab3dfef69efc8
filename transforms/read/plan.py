"""Cutting the input into units of work of about equal size, the same on any machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from transforms.read.formats import Format, ReadOptions, detect_format
from transforms.read.slices import Slice, SourceFile, WorkUnit
from transforms.read.streams import BrokenDataError, Opener, open_local

SMALLEST_UNIT = 256 * 1024
LARGEST_UNIT = 16 * 1024 * 1024
_UNITS = 64
_MAX_SLICES = 1000
_SCAN_BYTES = 4 * 1024 * 1024


def unit_size(total_bytes: int) -> int:
    """Bytes per unit: a 64th of the input, but at least 256 KiB and at most 16 MiB.

    It depends on nothing but the input, so the plan, and with it the names of all that is
    written, is the same for any number of workers.
    """
    return min(max(total_bytes // _UNITS, SMALLEST_UNIT), LARGEST_UNIT)


def plan_units(
    files: Sequence[SourceFile],
    unit_bytes: int | None = None,
    options: ReadOptions = ReadOptions(),  # noqa: B008
    open_: Opener = open_local,
) -> Iterator[WorkUnit]:
    """Units of ``unit_bytes`` (``unit_size`` of all by default) or a little more, in order.

    Small files share a unit. A JSON Lines file that is larger than a unit, not compressed and
    in an encoding with one-byte line ends, is read through once to be cut at line ends; any
    other file is one slice.
    """
    size = unit_bytes or unit_size(sum(file.size for file in files))
    number = 0
    held: list[Slice] = []
    weight = 0
    for file in files:
        for slice_ in _slices(file, size, options, open_):
            held.append(slice_)
            weight += slice_.end - slice_.start
            if weight >= size or len(held) == _MAX_SLICES:
                yield WorkUnit(number, tuple(held))
                number, held, weight = number + 1, [], 0
    if held:
        yield WorkUnit(number, tuple(held))


def _slices(file: SourceFile, size: int, options: ReadOptions, open_: Opener) -> Iterator[Slice]:
    if file.size > size:
        try:
            with open_(file.path) as stream:
                found = detect_format(file.path, stream, options)
                if isinstance(found, Format) and found.splittable:
                    stream.seek(0)
                    yield from cut_at_line_ends(stream, file, size)
                    return
        except (OSError, BrokenDataError):
            pass  # whoever reads it will say so
    yield Slice(file, 0, file.size)


def cut_at_line_ends(stream: BinaryIO, file: SourceFile, size: int) -> Iterator[Slice]:
    """Slices of at least ``size`` bytes, each up to and with the first line end after that.

    A file that has changed since it was listed is cut as far as its listed size.
    """
    start, first_line = 0, 1
    position, line = 0, 1  # of the block's beginning
    while position < file.size and (block := stream.read(min(_SCAN_BYTES, file.size - position))):
        counted = 0
        while True:
            newline = block.find(b"\n", max(start + size - 1 - position, counted))
            if newline < 0:
                break
            line += block.count(b"\n", counted, newline + 1)
            counted = newline + 1
            yield Slice(file, start, position + counted, first_line)
            start, first_line = position + counted, line
        line += block.count(b"\n", counted)
        position += len(block)
    if start < file.size:
        yield Slice(file, start, file.size, first_line)
