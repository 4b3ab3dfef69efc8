"""The database of a state: questions to it, and how it takes up a run. See ``pipelines.state``."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from pipelines import state_rows
from pipelines.store import Store, StoreError
from transforms.document import source_of

_BUSY_SECONDS = 60.0
_CACHE_KIB = 32 * 1024
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """What stands of a document.

    ``version`` is that of its file ``uri``, ``outcome`` that of the newest row. A document that
    failed keeps ``duplicate_of``, ``content_hash`` and ``published_in`` (the run whose version of
    it is published, if any) from before.
    """

    id: str
    uri: str
    key: str
    version: str
    outcome: str
    published_in: str | None
    duplicate_of: str | None
    content_hash: str

    @property
    def source(self) -> str:
        """The document's ``source``."""
        return source_of(self.uri, self.key)


_ROW = """
SELECT d.id, f.uri, d.key, coalesce(f.version, ''), d.outcome, r.run_id, d.duplicate_of,
    d.content_hash
FROM documents AS d JOIN files AS f ON f.number = d.file
LEFT JOIN runs AS r ON r.number = d.published
"""
_IN_ORDER = " ORDER BY f.uri, d.key, d.id"
_WANTED = "(SELECT value FROM json_each(?))"
_NO_CANONICALS = """(
SELECT m.duplicate_of
FROM (SELECT DISTINCT duplicate_of FROM documents WHERE duplicate_of IS NOT NULL) AS m
LEFT JOIN documents AS c ON c.id = m.duplicate_of
WHERE c.published IS NULL OR c.duplicate_of IS NOT NULL
)"""
"""Ids that documents are duplicates of, and that stand for no published canonical."""


class State:
    """The state of a store; made by ``open_state`` and ``read_state``. One process writes."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    def run_ids(self) -> list[str]:
        """The runs it has, oldest first."""
        query = "SELECT run_id FROM runs GROUP BY run_id ORDER BY min(number)"
        return [row[0] for row in self._all(query)]

    def versions(self) -> Iterator[tuple[str, str]]:
        """URI and newest version of each file that was seen and is not gone, in order of the URI.

        A file that could not be read to its end has the version ``""``, and so is read again.
        """
        yield from self._all(
            "SELECT uri, version FROM files WHERE version IS NOT NULL ORDER BY uri"
        )

    def versions_of(self, uris: Iterable[str]) -> dict[str, str]:
        """Newest version by URI of these files, as far as they are known and not gone."""
        query = """SELECT uri, version FROM files
                   WHERE uri IN (SELECT value FROM json_each(?)) AND version IS NOT NULL"""
        return dict(self._all(query, _json(uris)))

    def published_by_file(self) -> Iterator[tuple[str, int]]:
        """URI of each file that has published documents, and their number, in order of the URI."""
        yield from self._all(
            "SELECT f.uri, count(*) FROM files AS f JOIN documents AS d ON d.file = f.number "
            "WHERE d.published IS NOT NULL GROUP BY f.uri ORDER BY f.uri"
        )

    def documents_of(self, uris: Iterable[str]) -> list[DocumentRow]:
        """All documents of files, without deleted ones."""
        query = f"{_ROW} WHERE f.uri IN {_WANTED} AND d.outcome <> 'deleted' {_IN_ORDER}"
        return self._rows(query, uris)

    def documents(self, ids: Iterable[str]) -> list[DocumentRow]:
        """Documents by their ids; those never seen are left out."""
        return self._rows(f"{_ROW} WHERE d.id IN {_WANTED} {_IN_ORDER}", ids)

    def seen_in(self, uri: str, at_most: int) -> list[DocumentRow]:
        """The first documents of a file, by their keys; also deleted ones."""
        query = f"{_ROW} WHERE f.uri IN {_WANTED} {_IN_ORDER} LIMIT {at_most:d}"
        return self._rows(query, [uri])

    def outcomes_in(self, uri: str) -> Counter[str]:
        """Number of documents of a file by the outcome of their newest row."""
        query = """SELECT outcome, count(*) FROM documents
                   WHERE file = (SELECT number FROM files WHERE uri = ?) GROUP BY outcome"""
        return Counter(dict(self._all(query, uri)))

    def files_ending(self, ends: Iterable[str]) -> list[str]:
        """URIs, in order, of the files that end in one of these; also of those that are gone."""
        query = """SELECT DISTINCT uri FROM files JOIN json_each(?) AS given
                   ON substr(uri, -length(given.value)) = given.value ORDER BY uri"""
        return [uri for (uri,) in self._all(query, _json(ends))]

    def members_of(self, ids: Iterable[str]) -> list[DocumentRow]:
        """The documents that are duplicates of one of these."""
        return self._rows(f"{_ROW} WHERE d.duplicate_of IN {_WANTED} {_IN_ORDER}", ids)

    def orphans(self) -> list[DocumentRow]:
        """Duplicates whose canonical is not published, or a duplicate itself; not what failed."""
        return self._rows(
            f"{_ROW} WHERE d.duplicate_of IN {_NO_CANONICALS} AND d.outcome <> 'failed' {_IN_ORDER}"
        )

    def member_counts(self, ids: Iterable[str]) -> dict[str, int]:
        """How many duplicates each of these documents has; those without any are left out."""
        query = """SELECT duplicate_of, count(*) FROM documents
                   WHERE duplicate_of IN (SELECT value FROM json_each(?)) GROUP BY duplicate_of"""
        return dict(self._all(query, _json(ids)))

    def standing(self, ids: Sequence[str], run_ids: Sequence[str]) -> list[bool]:
        """Of each document and run, whether that run's version of it is published now."""
        query = """SELECT d.id, r.run_id FROM documents AS d JOIN runs AS r
                   ON r.number = d.published WHERE d.id IN (SELECT value FROM json_each(?))"""
        published = dict(self._all(query, _json(ids)))
        return [published.get(id_) == run_id for id_, run_id in zip(ids, run_ids, strict=True)]

    def published(self) -> int:
        """Number of documents that are published."""
        [(number,)] = self._all("SELECT count(*) FROM documents WHERE published IS NOT NULL")
        return int(number)

    def published_by_run(self) -> dict[str, int]:
        """Number of published documents by the run whose version of them is published."""
        query = """SELECT r.run_id, count(*) FROM documents AS d JOIN runs AS r
                   ON r.number = d.published GROUP BY r.run_id"""
        return dict(self._all(query))

    def outcomes(self) -> Counter[str]:
        """Number of documents by the outcome of their newest row."""
        query = "SELECT outcome, count(*) FROM documents GROUP BY outcome"
        return Counter(dict(self._all(query)))

    def apply(self, store: Store, run_id: str) -> None:
        """Take up the ledger of a committed run; nothing if it is known.

        Raises:
            StoreError: the ledger is damaged, or the state cannot be written.
        """
        if run_id in self.run_ids():
            return
        with self._plainly(), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            ledger = store.tables("ledger", state_rows.COLUMNS, [run_id])
            state_rows.add_run(self._connection, run_id, ledger)

    def catch_up(self, store: Store) -> None:
        """Apply the committed runs that are missing."""
        for run_id in list(store.manifests)[len(self.run_ids()) :]:
            self.apply(store, run_id)

    def fits(self, store: Store) -> bool:
        """Whether it is made of the store's oldest runs, and of nothing else."""
        known = self.run_ids()
        return known == list(store.manifests)[: len(known)]

    def copy_to(self, path: Path) -> None:
        """Write a copy of the state."""
        with self._plainly(), closing(sqlite3.connect(path)) as copy:
            self._connection.backup(copy)

    def _rows(self, query: str, values: Iterable[str] | None = None) -> list[DocumentRow]:
        given = [] if values is None else [_json(values)]
        return [DocumentRow(*row) for row in self._all(query, *given)]

    def _all(self, query: str, *values: str) -> Iterator[tuple[Any, ...]]:
        with self._plainly():
            yield from self._connection.execute(query, values)

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if error.sqlite_errorcode & 0xFF in _DAMAGED:
                raise DamagedStateError(f"{self.path} is damaged: {error}") from None
            raise StoreError(
                f"cannot use {self.path}: {error}; what is committed is safe"
            ) from None


class DamagedStateError(StoreError):
    """The state is no database, or a damaged one; it can be deleted and is made anew."""


def _json(values: Iterable[str]) -> str:
    return orjson.dumps(list(values)).decode()


@contextmanager
def opened(path: Path, mode: str = "rwc") -> Iterator[State]:
    """The state in a file, as it is; ``mode`` is ``rwc``, which makes it, or ``ro``.

    Raises:
        DamagedStateError: it is no state, or of another format.
        StoreError: it cannot be opened.
    """
    connection = _connect(path, mode)
    try:
        state = State(path, connection)
        with state._plainly():
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if mode == "rwc":  # who only reads asks little, in many processes at once
                connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            if version == 0 and mode == "rwc":
                state_rows.create(connection)
            elif version != state_rows.FORMAT:
                raise DamagedStateError(f"{path} has another format ({version})")
        yield state
    finally:
        connection.close()


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    try:
        return sqlite3.connect(uri, timeout=_BUSY_SECONDS, isolation_level=None, uri=True)
    except sqlite3.Error as error:
        raise StoreError(f"cannot open {path}: {error}") from None
