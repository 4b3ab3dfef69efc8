"""What there is under the sources now, and which files would be there if they had not gone.

A file that was read once and is no longer listed is gone only if one of the sources would have
given it: a directory that could not be listed says nothing of its files, nor do the patterns of
``include`` and ``exclude`` of those that they leave out.
"""

from __future__ import annotations

# ruff: noqa: PTH100, PTH111
# os.path: links are not resolved, and names that are no valid text pass through.
import os
import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from urllib.parse import unquote, urlsplit

from transforms.document import Rejected
from transforms.files import is_remote
from transforms.read.globs import GLOB, glob_regex, is_hidden, taker
from transforms.read.listing import (
    SourceAbsentError,
    SourceError,
    joined,
    list_source,
    uri_of_path,
)
from transforms.read.slices import SourceFile

_URI = attrgetter("uri")


@dataclass(frozen=True, slots=True)
class Scope:
    """The files that a source gives: those below ``base`` (a URI) that match and are taken.

    ``matches`` is the pattern of a glob, which whole paths are held against.
    """

    source: str
    base: str
    matches: re.Pattern[str] | None
    takes: Callable[[str], bool]

    def covers(self, uri: str) -> bool:
        """Whether the source would give the file ``uri``, were it there."""
        if uri == self.base:
            return self.matches is None
        base = self.base.rstrip("/") + "/"
        if not uri.startswith(base):
            return False
        relative = uri[len(base) :]
        if not is_remote(uri):
            relative = unquote(relative, errors="surrogateescape")
            path = unquote(urlsplit(uri).path, errors="surrogateescape")
        else:
            path = uri
        if self.matches is not None and not self.matches.fullmatch(path):
            return False
        return not any(map(is_hidden, relative.split("/"))) and self.takes(relative)


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A source that could not be listed, and why."""

    scope: Scope
    error: SourceError

    @property
    def is_absent(self) -> bool:
        """Whether it is certain that there is nothing."""
        return isinstance(self.error, SourceAbsentError)


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found under all the sources.

    ``files`` in the order of their URI, ``problems`` (places that could not be looked at), the
    ``scopes`` of the sources that were listed, and the sources that were not.
    """

    files: tuple[SourceFile, ...]
    problems: tuple[Rejected, ...]
    scopes: tuple[Scope, ...]
    unlisted: tuple[Unlisted, ...] = ()

    def is_gone(self, uri: str) -> bool:
        """Whether a file that is not among ``files`` would be, if it were still there."""
        return any(scope.covers(uri) for scope in self.scopes) and not self._is_hidden(uri)

    def _is_hidden(self, uri: str) -> bool:
        """Whether the file lies where something could not be looked at."""
        return any(
            uri == problem.source or uri.startswith(f"{problem.source}/")
            for problem in self.problems
        )

    def rank(self, uri: str) -> int:
        """Priority of a file: the rank of the first source that gives it, else after all."""
        scopes = (*self.scopes, *(one.scope for one in self.unlisted))
        ranks = (rank for rank, scope in enumerate(scopes) if scope.covers(uri))
        return next(ranks, len(scopes))

    def outside(self, directory: str) -> Survey:
        """The same without the files below a directory (a URI without a slash at its end)."""
        first = bisect_left(self.files, f"{directory}/", key=_URI)
        end = bisect_left(self.files, f"{directory}0", key=_URI)  # 0 comes right after /
        if first == end:
            return self
        return replace(self, files=self.files[:first] + self.files[end:])

    def with_absent(self) -> Survey:
        """The same, taking what is absent for listed and empty."""
        absent = tuple(one.scope for one in self.unlisted if one.is_absent)
        rest = tuple(one for one in self.unlisted if not one.is_absent)
        return replace(self, scopes=(*self.scopes, *absent), unlisted=rest)


def survey(sources: Sequence[str], include: Sequence[str], exclude: Sequence[str]) -> Survey:
    """Look at all the sources; one that cannot be listed does not hide the others."""
    takes = taker(include, exclude)
    listings, scopes, unlisted = [], [], []
    for priority, source in enumerate(sources):
        scope = scope_of(source, takes)
        try:
            listings.append(list_source(source, takes, priority))
        except SourceError as error:
            unlisted.append(Unlisted(scope, error))
        else:
            scopes.append(scope)
    found = joined(listings)
    return Survey(found.files, found.problems, tuple(scopes), tuple(unlisted))


def uri_of(place: str) -> str:
    """URI of a directory, given as a person names it; without a slash at its end."""
    return place.rstrip("/") if is_remote(place) else uri_of_path(os.path.abspath(place))


def scope_of(source: str, takes: Callable[[str], bool]) -> Scope:
    """The scope of a source as a person names it; ``takes`` is what the patterns take."""
    given = source
    if source.lower().startswith("file://"):
        source = unquote(urlsplit(source).path, errors="surrogateescape")
    if is_remote(source):
        wild = GLOB.search(source)
        if wild is None:
            return Scope(given, source.rstrip("/"), None, takes)
        base = source[: wild.start()].rpartition("/")[0]
        return Scope(given, base, re.compile(glob_regex(source), re.DOTALL), takes)
    path = os.path.abspath(os.path.expanduser(source))
    wild = None if os.path.lexists(path) else GLOB.search(path)
    if wild is None:
        return Scope(given, uri_of_path(path), None, takes)
    base = path[: wild.start()].rpartition("/")[0] or "/"
    return Scope(given, uri_of_path(base), re.compile(glob_regex(path), re.DOTALL), takes)
