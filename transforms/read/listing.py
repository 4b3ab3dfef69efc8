"""Which files there are under the sources that a person names.

A source is a file, a directory, a glob (``*``, ``?``, ``[…]``, and ``**`` for any depth) or a URI
of any Beam filesystem. Directories are read recursively, without hidden files and directories
(``.name``) and editors' backups (``name~``, ``#name#``); who wants one of these names it.
Links to directories are followed once each, after the real directories, so a link that leads in
a circle is harmless and a file reached both ways has its real name.
"""

from __future__ import annotations

# ruff: noqa: PTH100, PTH111, PTH112, PTH116, PTH207
# os.path: links are not resolved, and names that are no valid text pass through.
import glob
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from stat import S_ISDIR, S_ISREG
from urllib.parse import quote_from_bytes, unquote, urlsplit

from transforms.document import Rejected, document_id
from transforms.files import NoFilesystemError, check_filesystem, is_remote
from transforms.read.globs import GLOB, glob_regex, is_hidden, taker
from transforms.read.slices import LOCAL, SourceFile

_NAME, _URI, _SOURCE = attrgetter("name"), attrgetter("uri"), attrgetter("source")


class SourceError(ValueError):
    """A source that cannot be listed at all; the message is one line for the user."""


class SourceAbsentError(SourceError):
    """A source at which there is nothing: no such file or directory, or no file that matches."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Files in order of their URI, and a row for each place that could not be looked at."""

    files: tuple[SourceFile, ...]
    problems: tuple[Rejected, ...]


def list_sources(
    sources: Sequence[str], include: Sequence[str] = (), exclude: Sequence[str] = ()
) -> Listing:
    """The files under ``sources``, each once, under the first source that has it.

    Of files under directories and globs those are taken that match a pattern of ``include``,
    if there are any, and none of ``exclude``. A pattern with ``/`` is held against the path
    below the source, one without against every name in that path, so that ``drafts`` and
    ``*.log`` do what they say; ``*`` does not match ``/`` but ``**`` does.

    Raises:
        SourceError: a source does not exist, matches nothing, or needs an extra.
    """
    takes = taker(include, exclude)
    return joined([list_source(source, takes, rank) for rank, source in enumerate(sources)])


def list_source(source: str, takes: Callable[[str], bool], priority: int = 0) -> Listing:
    """The files under one source of this rank, of those below it the ones that ``takes`` takes.

    Raises:
        SourceError: it does not exist, matches nothing, or needs an extra.
    """
    files, problems = [], []
    for below, found in _entries(source, priority):
        if isinstance(found, Rejected):
            problems.append(found)
        elif not below or takes(below):
            files.append(found)
    files.sort(key=_URI)
    return Listing(tuple(files), tuple(sorted(problems, key=lambda row: row.source)))


def joined(listings: Sequence[Listing]) -> Listing:
    """Listings as one, each file and each place as the first of them has it."""
    if len(listings) == 1:
        return listings[0]
    files = sorted((file for one in listings for file in one.files), key=_URI)
    problems = sorted((row for one in listings for row in one.problems), key=_SOURCE)
    return Listing(
        tuple(next(same) for _, same in groupby(files, _URI)),
        tuple(next(same) for _, same in groupby(problems, _SOURCE)),
    )


Entry = tuple[str, SourceFile | Rejected]
"""What was found, and its path below the source: "" for a file that is the source itself."""


def _entries(source: str, priority: int) -> Iterator[Entry]:
    if source.lower().startswith(LOCAL):
        source = unquote(urlsplit(source).path, errors="surrogateescape")
    if is_remote(source):
        return _remote(source, priority)
    path = os.path.abspath(os.path.expanduser(source))
    try:
        status = os.stat(path)
    except FileNotFoundError:
        if GLOB.search(source):
            return _globbed(path, source, priority)
        raise SourceAbsentError(f"source not found: {_shown(source)}") from None
    except OSError as error:
        raise SourceError(f"cannot read source {_shown(source)}: {error.strerror}") from None
    if S_ISDIR(status.st_mode):
        return _walk(path, priority)
    return iter([("", _local(uri_of_path(path), status, priority))])


def _local(uri: str, status: os.stat_result, priority: int) -> SourceFile | Rejected:
    if not S_ISREG(status.st_mode):
        return _problem(uri, "not a regular file", "")
    size = status.st_size
    return SourceFile(uri, size, f"{size}-{status.st_mtime_ns}", priority)


def _walk(root: str, priority: int) -> Iterator[Entry]:
    """Files under a directory; links to directories last, each directory once."""
    seen: set[tuple[int, int]] = set()
    waiting = [(root, "")]
    linked: list[tuple[str, str]] = []
    while waiting or linked:
        directory, below = waiting.pop() if waiting else linked.pop(0)
        try:
            status = os.stat(directory)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(directory) as found:
                entries = sorted((entry for entry in found if not is_hidden(entry.name)), key=_NAME)
        except OSError as error:
            uri = uri_of_path(directory)
            yield below, _problem(uri, f"cannot be listed: {error.strerror}", error)
            continue
        for entry, uri in zip(entries, _uris(directory, entries), strict=True):
            relative = f"{below}{entry.name}"
            try:
                if entry.is_dir():
                    queue = linked if entry.is_symlink() else waiting
                    queue.append((entry.path, f"{relative}/"))
                else:
                    yield relative, _local(uri, entry.stat(), priority)
            except OSError as error:
                yield relative, _problem(uri, f"cannot be read: {error.strerror}", error)


def _uris(directory: str, entries: Sequence[os.DirEntry[str]]) -> list[str]:
    """URIs of what is in a directory; all names are quoted at once, for no name has a slash."""
    if not entries:
        return []
    base = uri_of_path(directory).rstrip("/")
    names = quote_from_bytes(os.fsencode("/".join(entry.name for entry in entries)))
    return [f"{base}/{name}" for name in names.split("/")]


def _globbed(pattern: str, source: str, priority: int) -> Iterator[Entry]:
    fixed = pattern[: GLOB.search(pattern).start()].rpartition("/")[0] or "/"  # type: ignore[union-attr]
    found: list[Entry] = []
    if "**" in pattern:
        # Not glob.glob: it goes round and round in links.
        matches = re.compile(glob_regex(pattern))
        top = f"{fixed.rstrip('/')}/"
        walked = _walk(fixed, priority) if os.path.isdir(fixed) else iter(())
        found = [
            (below, one)
            for below, one in walked
            if isinstance(one, Rejected) or matches.fullmatch(f"{top}{below}")
        ]
    else:
        for path in sorted(glob.glob(pattern)):
            below, uri = os.path.relpath(path, fixed), uri_of_path(path)
            try:
                status = os.stat(path)
            except OSError as error:
                reason = f"cannot be read: {error.strerror}"
                found.append((below, _problem(uri, reason, error)))
                continue
            if not S_ISDIR(status.st_mode):
                found.append((below, _local(uri, status, priority)))
    if not any(isinstance(one, SourceFile) for _, one in found):
        kind = SourceError if found else SourceAbsentError  # found: what could not be looked at
        raise kind(f"no file matches {_shown(source)}")
    return iter(found)


def _remote(source: str, priority: int) -> Iterator[Entry]:
    from apache_beam.io.filesystem import BeamIOError
    from apache_beam.io.filesystems import FileSystems

    try:
        check_filesystem(source)
    except NoFilesystemError as error:
        raise SourceError(str(error)) from None
    base = source[: found.start()].rpartition("/")[0] if (found := GLOB.search(source)) else source
    patterns = [source] if found else [source, f"{source.rstrip('/')}/**"]
    try:
        for pattern in patterns:
            matched = FileSystems.match([pattern])[0].metadata_list
            if matched:
                break
    except BeamIOError as error:
        raise SourceError(f"cannot list {source}: {str(error).splitlines()[0]}") from None
    if not matched:
        raise SourceAbsentError(
            f"source not found: {source}" if not found else f"no file matches {source}"
        )
    for file in matched:
        relative = file.path.removeprefix(base).lstrip("/")
        version = f"{file.size_in_bytes}-{file.last_updated_in_seconds or 0:.6f}"
        placeholder = file.path.endswith("/")  # how object stores show empty directories
        if not placeholder and not any(is_hidden(name) for name in relative.split("/")):
            yield relative, SourceFile(file.path, file.size_in_bytes, version, priority)


def uri_of_path(path: str) -> str:
    """URI of a local file: the same as ``Path(path).as_uri()``, at a fraction of its cost."""
    return LOCAL + quote_from_bytes(os.fsencode(path))


def _shown(source: str) -> str:
    return source.encode("utf-8", "replace").decode()


def _problem(uri: str, reason: str, error: OSError | str) -> Rejected:
    return Rejected(
        id=document_id(uri),
        source=uri,
        source_version="",
        outcome="failed",
        reason=reason,
        stage="read",
        error_type=type(error).__name__ if isinstance(error, OSError) else "",
    )
