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
from stat import S_ISDIR, S_ISREG
from urllib.parse import quote_from_bytes, unquote, urlsplit

from transforms.document import Rejected, document_id
from transforms.files import NoFilesystemError, check_filesystem, is_remote
from transforms.read.slices import SourceFile

GLOB = re.compile(r"[*?[]")


class SourceError(ValueError):
    """A source that cannot be listed at all; the message is one line for the user."""


class SourceAbsentError(SourceError):
    """A source at which there is nothing: no such file or directory, or no file that matches."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Files in order of their URI, and a row for each place that could not be looked at."""

    files: tuple[SourceFile, ...]
    problems: tuple[Rejected, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file found; ``relative`` is its path under the source, which patterns are held against.

    It is empty for a file that is the source itself.
    """

    path: str
    uri: str
    relative: str
    size: int
    version: str


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
    files: dict[str, SourceFile] = {}
    problems: dict[str, Rejected] = {}
    for priority, source in enumerate(sources):
        for entry in _entries(source):
            if isinstance(entry, Rejected):
                problems.setdefault(entry.id, entry)
                continue
            if entry.relative and not takes(entry.relative):
                continue
            file = SourceFile(entry.path, entry.uri, entry.size, entry.version, priority)
            files.setdefault(entry.uri, file)
    ordered = sorted(files.values(), key=lambda file: file.uri)
    return Listing(tuple(ordered), tuple(sorted(problems.values(), key=lambda row: row.source)))


def taker(include: Sequence[str] = (), exclude: Sequence[str] = ()) -> Callable[[str], bool]:
    """Tells of the path of a file below its source whether the patterns take it."""
    included = [_pattern(p) for p in include]
    excluded = [_pattern(p) for p in exclude]

    def takes(relative: str) -> bool:
        if included and not any(p.fullmatch(relative) for p in included):
            return False
        return not any(p.fullmatch(relative) for p in excluded)

    return takes


def _entries(source: str) -> Iterator[_Entry | Rejected]:
    if source.lower().startswith("file://"):
        source = unquote(urlsplit(source).path, errors="surrogateescape")
    if is_remote(source):
        return _remote(source)
    path = os.path.abspath(os.path.expanduser(source))
    try:
        status = os.stat(path)
    except FileNotFoundError:
        if GLOB.search(source):
            return _globbed(path, source)
        raise SourceAbsentError(f"source not found: {_shown(source)}") from None
    except OSError as error:
        raise SourceError(f"cannot read source {_shown(source)}: {error.strerror}") from None
    if S_ISDIR(status.st_mode):
        return _walk(path)
    return iter([_local(path, "", status)])


def _local(path: str, relative: str, status: os.stat_result) -> _Entry | Rejected:
    uri = uri_of_path(path)
    if not S_ISREG(status.st_mode):
        return _problem(uri, "not a regular file", "")
    version = f"{status.st_size}-{status.st_mtime_ns}"
    return _Entry(path, uri, relative, status.st_size, version)


def _walk(root: str) -> Iterator[_Entry | Rejected]:
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
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            yield _problem(uri_of_path(directory), f"cannot be listed: {error.strerror}", error)
            continue
        for entry in entries:
            if is_hidden(entry.name):
                continue
            relative = f"{below}{entry.name}"
            try:
                if entry.is_dir():
                    queue = linked if entry.is_symlink() else waiting
                    queue.append((entry.path, f"{relative}/"))
                else:
                    yield _local(entry.path, relative, entry.stat())
            except OSError as error:
                yield _problem(uri_of_path(entry.path), f"cannot be read: {error.strerror}", error)


def _globbed(pattern: str, source: str) -> Iterator[_Entry | Rejected]:
    fixed = pattern[: GLOB.search(pattern).start()].rpartition("/")[0] or "/"  # type: ignore[union-attr]
    found: list[_Entry | Rejected] = []
    if "**" in pattern:
        # Not glob.glob: it goes round and round in links.
        matches = re.compile(glob_regex(pattern))
        walked = _walk(fixed) if os.path.isdir(fixed) else iter(())
        found = [e for e in walked if isinstance(e, Rejected) or matches.fullmatch(e.path)]
    else:
        for path in sorted(glob.glob(pattern)):
            try:
                status = os.stat(path)
            except OSError as error:
                reason = f"cannot be read: {error.strerror}"
                found.append(_problem(uri_of_path(path), reason, error))
                continue
            if not S_ISDIR(status.st_mode):
                found.append(_local(path, os.path.relpath(path, fixed), status))
    if not any(isinstance(entry, _Entry) for entry in found):
        kind = SourceError if found else SourceAbsentError  # found: what could not be looked at
        raise kind(f"no file matches {_shown(source)}")
    return iter(found)


def _remote(source: str) -> Iterator[_Entry | Rejected]:
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
            yield _Entry(file.path, file.path, relative, file.size_in_bytes, version)


def is_hidden(name: str) -> bool:
    """Whether a file or directory of this name is passed over unless it is named itself."""
    return name.startswith(".") or name.endswith("~") or (name[:1] == "#" == name[-1:])


def _pattern(text: str) -> re.Pattern[str]:
    """A pattern that also matches whatever is below what it matches."""
    anywhere = "" if "/" in text.strip("/") else "(?:.*/)?"
    return re.compile(f"{anywhere}{glob_regex(text.strip('/'))}(?:/.*)?", re.DOTALL)


def glob_regex(pattern: str) -> str:
    """The regular expression of a glob that whole paths are held against."""
    regex = []
    for piece in re.findall(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]|.", pattern, re.DOTALL):
        if piece == "**/":
            regex.append("(?:.*/)?")
        elif piece == "**":
            regex.append(".*")
        elif piece in "*?":
            regex.append("[^/]*" if piece == "*" else "[^/]")
        elif piece.startswith("[") and len(piece) > 1:
            inner = piece[1:-1].replace("\\", r"\\")
            regex.append(f"[^{inner[1:]}]" if inner.startswith("!") else f"[{inner}]")
        else:
            regex.append(re.escape(piece))
    return "".join(regex)


def uri_of_path(path: str) -> str:
    """URI of a local file: the same as ``Path(path).as_uri()``, at a fraction of its cost."""
    return "file://" + quote_from_bytes(os.fsencode(path))


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
