"""What is to be read: files, slices of files, and work units of bounded size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote


class SourceFile(NamedTuple):
    """One file found under a source; a tuple, because there may be millions of them.

    ``uri`` is its canonical name (``file:///…`` with percent-escapes for local files), ``size``
    bytes, ``version`` changes when the file does (size and modification time), ``priority`` the
    rank of the source it was found under. ``only`` are the ids of the documents that are wanted
    of it; None wants all.
    """

    uri: str
    size: int
    version: str
    priority: int = 0
    only: frozenset[str] | None = None

    @property
    def path(self) -> str:
        """What a filesystem opens: the path of a local file, the URI of any other."""
        return path_of(self.uri)


def path_of(uri: str) -> str:
    """What a filesystem opens for the canonical name of a file."""
    if uri.startswith(LOCAL):
        return unquote(uri.removeprefix(LOCAL), errors="surrogateescape")
    return uri


LOCAL = "file://"
"""What the names of local files begin with."""


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
