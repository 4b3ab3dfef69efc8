"""Cutting what is to be done into batches of bounded size, each of which is a run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pipelines.selection import Selection
from pipelines.state import DocumentRow, State
from transforms.document import Rejected
from transforms.files import is_remote
from transforms.read.slices import SourceFile, path_of
from transforms.read.survey import Survey

_GONE_BYTES = 1024
"""What the deletion of a file counts in the size of a batch, for its ledger rows."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one run has to do.

    ``files`` are read; of a file with ``only``, just those records. The documents of the files
    ``gone`` (URIs) are deleted. ``problems`` are places that could not be looked at: each gets a
    ledger row and a dead letter. ``unchanged`` files were passed over. ``planned`` are the URIs of
    all the files that the runs of this call read whole; ``ranks`` gives the priority of any other.
    """

    files: tuple[SourceFile, ...] = ()
    gone: tuple[str, ...] = ()
    problems: tuple[Rejected, ...] = ()
    unchanged: int = 0
    planned: frozenset[str] = frozenset()
    ranks: Survey | None = None


@dataclass(slots=True)
class _Batch:
    """A batch that is being filled."""

    files: dict[str, SourceFile] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    size: int = 0

    def add(self, files: Iterable[SourceFile], gone: Iterable[str] = ()) -> None:
        for file in files:
            known = self.files.get(file.uri)
            if known is None:
                self.size += file.size
            self.files[file.uri] = file if known is None else merged(known, file)
        for uri in gone:
            self.gone.append(uri)
            self.size += _GONE_BYTES


def merged(one: SourceFile, other: SourceFile) -> SourceFile:
    """What is wanted of a file, if this is wanted and that: all of it, or these records."""
    if one.only is None or other.only is None:
        return one if one.only is None else other
    return one._replace(only=one.only | other.only)


def cut(selection: Selection, state: State, found: Survey, batch_bytes: int) -> list[Work]:
    """The runs of a call, in their order.

    Deletions come first, each with the duplicates that have to be read again because their
    canonical goes: what is gone is then nobody's canonical in the batches that follow, and a call
    that is killed in between has deleted nothing without its survivors being elected. The files
    follow in the order of the listing.

    Args:
        selection: what is to be done.
        state: the state before the first run.
        found: tells the priority of files.
        batch_bytes: up to as many bytes of input are read in one run; a larger file is one alone.
    """
    whole = (*selection.new, *selection.changed)
    planned = frozenset(file.uri for file in whole)
    passed = planned | frozenset(selection.gone)
    orphans = reread(state.orphans(), passed, found)
    items: list[Item] = [((file,), ()) for file in orphans]
    items += _deletions(selection.gone, state, passed, found)
    items += [((file,), ()) for file in sorted(whole, key=lambda file: file.uri)]
    batches = list(_filled(items, batch_bytes))
    if not batches and selection.problems:
        batches = [_Batch()]
    return [
        Work(
            tuple(sorted(batch.files.values(), key=lambda file: file.uri)),
            tuple(batch.gone),
            () if number else selection.problems,
            0 if number else selection.unchanged,
            planned,
            found,
        )
        for number, batch in enumerate(batches)
    ]


Item = tuple[tuple[SourceFile, ...], tuple[str, ...]]
"""Files to be read and URIs of gone files that belong into one run."""


def _filled(items: Iterable[Item], batch_bytes: int) -> Iterator[_Batch]:
    batch = _Batch()
    for files, gone in items:
        more = sum(file.size for file in files if file.uri not in batch.files)
        if (batch.files or batch.gone) and batch.size + more > batch_bytes:
            yield batch
            batch = _Batch()
        batch.add(files, gone)
    if batch.files or batch.gone:
        yield batch


def _deletions(
    gone: tuple[str, ...], state: State, passed: frozenset[str], found: Survey
) -> list[Item]:
    """Each gone file with the duplicates of its documents."""
    file_of_canonical = {row.id: row.uri for row in state.documents_of(gone)}
    members: dict[str, list[DocumentRow]] = {}
    for row in state.members_of(file_of_canonical):
        members.setdefault(file_of_canonical[row.duplicate_of or ""], []).append(row)
    return [(tuple(reread(members.get(uri, ()), passed, found)), (uri,)) for uri in gone]


def reread(
    rows: Iterable[DocumentRow], passed: frozenset[str], found: Survey | None
) -> list[SourceFile]:
    """The files from which single documents are to be read again, but for those in ``passed``.

    They have the version that is known, not the one they have now: what else is in them is not
    looked at, so a change is still to be found.
    """
    wanted: dict[str, set[str]] = {}
    versions: dict[str, str] = {}
    for row in rows:
        if row.uri not in passed:
            wanted.setdefault(row.uri, set()).add(row.id)
            versions[row.uri] = row.version
    return [
        SourceFile(
            uri,
            _size(path_of(uri)),
            versions[uri],
            found.rank(uri) if found else 0,
            frozenset(ids),
        )
        for uri, ids in sorted(wanted.items())
    ]


def _size(path: str) -> int:
    """Bytes of a file; 0 where nobody can tell, and whoever reads it will say so."""
    try:
        if not is_remote(path):
            return os.stat(path).st_size  # noqa: PTH116  names that are no valid text pass through
        from apache_beam.io.filesystems import FileSystems

        return int(FileSystems.match([path])[0].metadata_list[0].size_in_bytes)
    except Exception:  # what Beam's filesystems raise has no common base
        return 0
