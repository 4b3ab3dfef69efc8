"""What is to be read: files, slices of files, and work units of bounded size."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file found under a source.

    ``path`` is what a Beam filesystem opens, ``uri`` its canonical name (``file:///…`` with
    percent-escapes for local files), ``size`` bytes, ``version`` changes when the file does
    (size and modification time), ``priority`` the rank of the source it was found under.
    ``only`` are the ids of the documents that are wanted of it; None wants all.
    """

    path: str
    uri: str
    size: int
    version: str
    priority: int = 0
    only: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """Bytes ``[start, end)`` of a file; a whole file unless it was split at line ends.

    ``first_line`` is the number, from 1, of the first line in the slice.
    """

    file: SourceFile
    start: int
    end: int
    first_line: int = 1


@dataclass(frozen=True, slots=True)
class WorkUnit:
    """Slices that one worker reads one after the other; ``number`` is its place in the plan."""

    number: int
    slices: tuple[Slice, ...]
