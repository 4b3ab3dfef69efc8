"""Which documents of a store a person means by an id, a path, a URL, or the end of one."""

from __future__ import annotations

# ruff: noqa: PTH100, PTH111
# os.path: links are not resolved, and names that are no valid text pass through.
import os
import re
from dataclasses import dataclass

from pipelines.history import ids_of_address
from pipelines.state import State
from pipelines.store import Store, StoreError
from transforms.document import document_id
from transforms.read.listing import uri_of_path

MANY = 20
"""Up to as many documents of a file are told of; of more there is a summary."""

_ID = re.compile(r"[0-9a-f]{32}")


class UnknownDocumentError(StoreError):
    """No run has seen such a document."""


@dataclass(frozen=True, slots=True)
class Meant:
    """What a person may mean.

    Either ``ids`` of documents that belong together, or the URI of a ``file`` that has many, or
    ``candidates``, sources and ids of which one has to be chosen, or nothing at all.
    """

    ids: tuple[str, ...] = ()
    file: str = ""
    candidates: tuple[tuple[str, str], ...] = ()


def find(store: Store, state: State, wanted: str) -> Meant:
    """Look for a document; the whole name of one goes before the ends of others.

    Raises:
        UnknownDocumentError: no run has seen such a document.
        StoreError: the store is damaged.
    """
    if _ID.fullmatch(wanted) and state.documents([wanted]):
        return Meant((wanted,))
    meant = _named(state, wanted)
    if meant is None and "://" in wanted:
        meant = _chosen(state, ids_of_address(store, wanted))
    if meant is None:
        raise UnknownDocumentError(
            f"no run of {store.path} has seen {wanted!r}; give an id, a path, a URL or the end of "
            "one (docsluice search and docsluice report may help to find it)"
        )
    return meant


def _named(state: State, wanted: str) -> Meant | None:
    """The documents of the file, or the record, of this name; else those whose name ends so."""
    for ends_do in (False, True):
        files = _files(state, wanted, ends_do)
        if len(files) == 1:
            return _of_file(state, files[0])
        if files:
            known = {row.source: row.id for row in state.documents(map(document_id, files))}
            return Meant(candidates=tuple((uri, known.get(uri, "")) for uri in files))
        name, hash_, key = wanted.rpartition("#")
        uris = _files(state, name, ends_do) if hash_ else []
        found = _chosen(state, [document_id(uri, key) for uri in uris])
        if found is not None:
            return found
    return None


def _files(state: State, name: str, ends_do: bool) -> list[str]:
    """URIs of the files with this name, or of those that end in it."""
    if ends_do:
        end = f"/{os.path.normpath(name).lstrip('/')}"
        return state.files_ending({end, uri_of_path(end).removeprefix("file://")})
    uri = name if "://" in name else uri_of_path(os.path.abspath(os.path.expanduser(name)))
    return [uri] if state.outcomes_in(uri) else []


def _of_file(state: State, uri: str) -> Meant:
    if state.outcomes_in(uri).total() > MANY:
        return Meant(file=uri)
    return Meant(tuple(row.id for row in state.seen_in(uri, MANY)))


def _chosen(state: State, ids: list[str]) -> Meant | None:
    """The one of these documents that there is; candidates, if there are several."""
    rows = state.documents(ids)
    if len(rows) > 1:
        return Meant(candidates=tuple((row.source, row.id) for row in rows))
    return Meant((rows[0].id,)) if rows else None
