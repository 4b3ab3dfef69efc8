"""Which duplicates have to be read again, because the document they resemble is no longer it."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping

from pipelines.batches import Work, merged, reread
from pipelines.cleaned_again import cleaned_again
from pipelines.settings import Settings
from pipelines.state import DocumentRow, State
from transforms.read.slices import SourceFile

log = logging.getLogger(__name__)

Files = tuple[SourceFile, ...]


def bereft(settings: Settings, state: State, work: Work) -> Files:
    """Files with the duplicates to be read again in a run, as its canonicals change or vanish.

    The canonicals that lie in a changed file and have duplicates elsewhere are read beforehand:
    only of those whose cleaned text is another than before, or that are no longer there, the
    duplicates are read again. Duplicates in files that this run, or a later one of this call, reads
    whole need no care; those in files of earlier runs do, as they were compared with what then was.

    Args:
        settings: how files are read and cleaned.
        state: the state before the run.
        work: what the run has to do.
    """
    whole = {file.uri: file for file in work.files if file.only is None}
    if not whole:
        return ()
    first = min(whole)  # earlier runs have read what comes before it
    passed = frozenset(uri for uri in work.planned if uri >= first) | frozenset(work.gone)
    canonicals = {
        row.id: row
        for row in state.documents_of(whole)
        if row.published_in is not None and row.duplicate_of is None
    }
    members = [row for row in state.members_of(canonicals) if row.uri not in passed]
    if not members:
        return ()
    by_file: dict[str, dict[str, str]] = defaultdict(dict)
    for row in members:
        canonical = canonicals[row.duplicate_of or ""]
        by_file[canonical.uri][canonical.id] = canonical.content_hash
    moved = {
        id_ for uri, known in by_file.items() for id_ in _other_texts(settings, whole[uri], known)
    }
    found = [row for row in members if row.duplicate_of in moved]
    if found:
        log.info("%d duplicates are read again: their canonicals have changed", len(found))
    return tuple(reread(found, passed, work.ranks))


def _other_texts(settings: Settings, file: SourceFile, known: Mapping[str, str]) -> set[str]:
    """Ids of the documents whose text is not the known one; none if the file cannot be read."""
    from transforms.document import Rejected
    from transforms.fingerprint import content_hash
    from transforms.read.transform import open_anywhere

    same: set[str] = set()
    for one in cleaned_again(settings, file, known, open_anywhere):
        if not isinstance(one, Rejected):
            if content_hash(one.text) == known[one.id]:
                same.add(one.id)
        elif one.outcome == "failed":
            if one.stage == "read":
                return set()
            same.add(one.id)
    return set(known) - same


def with_files(files: tuple[SourceFile, ...], more: tuple[SourceFile, ...]) -> Files:
    """Both lots of files, each file once."""
    by_uri = {file.uri: file for file in files}
    for file in more:
        by_uri[file.uri] = merged(by_uri[file.uri], file) if file.uri in by_uri else file
    return tuple(by_uri[uri] for uri in sorted(by_uri))


def withdrawn(
    state: State, files: tuple[SourceFile, ...], gone: tuple[str, ...]
) -> list[DocumentRow]:
    """What the state has of the documents that a run reads again or deletes."""
    wanted = {file.uri: file.only for file in files} | dict.fromkeys(gone)
    rows = state.documents_of(wanted)
    return [row for row in rows if (only := wanted[row.uri]) is None or row.id in only]
