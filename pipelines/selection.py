"""What is to be done: the sources of now compared with what the state knows of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from pipelines.console import count
from pipelines.settings import Settings
from pipelines.state import State
from transforms.document import Rejected
from transforms.read.slices import SourceFile
from transforms.read.survey import Survey, survey, uri_of
from transforms.read.versions import changed_at, is_same_content, is_same_stamp, with_digest

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Selection:
    """What a call has to do, and what it leaves.

    ``new`` and ``changed`` files are to be read, the documents of ``gone`` ones (URIs) to be
    deleted. ``problems`` are places that could not be looked at; ``still_failed`` is the number
    of those that were recorded before. ``not_deleted`` is the number of published documents whose
    files are gone, which are more than ``max_delete_fraction`` allows; ``published`` is the number
    of documents under the sources that it is a fraction of. ``young`` files have changed within
    ``settle_seconds`` and are left to the next call.
    """

    new: tuple[SourceFile, ...] = ()
    changed: tuple[SourceFile, ...] = ()
    unchanged: int = 0
    gone: tuple[str, ...] = ()
    problems: tuple[Rejected, ...] = ()
    still_failed: int = 0
    not_deleted: int = 0
    published: int = 0
    young: int = 0


def survey_sources(settings: Settings) -> Survey:
    """Look at the sources that the settings name; what lies in the store is a result, no source."""
    found = survey(settings.sources, settings.include, settings.exclude)
    return found.outside(uri_of(settings.store))


def select(settings: Settings, state: State, found: Survey) -> Selection:
    """Compare the files that were found with the state of the store.

    Raises:
        SourceError: a source that cannot be listed, of which the store knows nothing.
    """
    found = _without_unlisted(settings, state, found)
    is_same = is_same_content if settings.check == "content" else is_same_stamp
    files: Iterator[SourceFile] = iter(found.files)
    if settings.check == "content":
        files = map(with_digest, files)
    now = time.time()
    new: list[SourceFile] = []
    changed: list[SourceFile] = []
    gone: list[str] = []
    unchanged, young = 0, 0
    for uri, file, version in _paired(files, state.versions()):
        if file is None:
            if found.is_gone(uri):
                gone.append(uri)
        elif version is not None and not settings.reprocess and is_same(version, file.version):
            unchanged += 1
        elif 0 <= now - changed_at(file.version) < settings.settle_seconds:
            young += 1  # a date in the future says nothing
        else:
            (new if version is None else changed).append(file)
    known = state.versions_of(row.source for row in found.problems)
    # What could not be looked at before and still cannot is no news.
    problems = tuple(row for row in found.problems if known.get(row.source) != row.source_version)
    at_risk, published = _at_risk(state, found, gone) if gone else (0, 0)
    is_allowed = at_risk <= settings.max_delete_fraction * published
    return Selection(
        tuple(new),
        tuple(changed),
        unchanged,
        tuple(gone) if is_allowed else (),
        problems,
        len(found.problems) - len(problems),
        0 if is_allowed else at_risk,
        published,
        young,
    )


def _paired(
    files: Iterator[SourceFile], known: Iterator[tuple[str, T]]
) -> Iterator[tuple[str, SourceFile | None, T | None]]:
    """(URI, file found, what is known) of each file that was found or is known, in order."""
    nothing: tuple[str, T | None] = ("", None)
    uri, value = next(known, nothing)
    for file in files:
        while uri and uri < file.uri:
            yield uri, None, value
            uri, value = next(known, nothing)
        if uri == file.uri:
            yield uri, file, value
            uri, value = next(known, nothing)
        else:
            yield file.uri, file, None
    while uri:
        yield uri, None, value
        uri, value = next(known, nothing)


def _at_risk(state: State, found: Survey, gone: list[str]) -> tuple[int, int]:
    """Number of published documents in gone files, and in all files under the sources."""
    lost, at_risk, published = set(gone), 0, 0
    for uri, file, number in _paired(iter(found.files), state.published_by_file()):
        if uri in lost:
            at_risk += number or 0
        if uri in lost or file is not None:
            published += number or 0
    return at_risk, published


def _without_unlisted(settings: Settings, state: State, found: Survey) -> Survey:
    """The survey, when it is settled what becomes of the sources that could not be listed."""
    for one in found.unlisted:
        if not _knows(state, one.scope.covers):
            raise one.error
    if settings.max_delete_fraction >= 1:
        found = found.with_absent()
    for one in found.unlisted:
        published = sum(n for uri, n in state.published_by_file() if one.scope.covers(uri))
        allow = " (if it is gone for good: --max-delete-fraction 1)" if one.is_absent else ""
        log.error(
            "%s; nothing is deleted: %s from there stay published%s",
            one.error,
            count(published, "document"),
            allow,
        )
    return found


def _knows(state: State, covers: Callable[[str], bool]) -> bool:
    return any(covers(uri) for uri, _ in state.versions())
