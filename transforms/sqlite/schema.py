"""The file ``search.db``: its tables, how it is opened, and its errors in words.

Titles and texts are stored once, in ``documents``; the FTS5 table is an external-content one
(https://sqlite.org/fts5.html#external_content_tables) and ``transforms.sqlite.rows`` fills it
beside. Datasette finds the full-text table by the words ``content="documents"`` in its DDL.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from transforms.index import SearchIndexError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSION = 2
"""Raised with every change of the tables; kept in the file as ``user_version``."""

APPLICATION_ID = 0x646F6373
"""Marks an SQLite file as ours ("docs"); kept in the file as ``application_id``."""

LABEL_COLUMNS = {
    "PER": "people",
    "ORG": "organisations",
    "LOC": "places",
    "MISC": "miscellaneous",
}
"""The column of ``documents`` that holds a label's names, a JSON array, most mentioned first.

``mentions`` holds them all with their numbers: ``{"PER": {"Ada Lovelace": 3}}``."""

INDEXED = ("title", "text", "segments", *LABEL_COLUMNS.values())
"""The columns of the full-text table, in its order."""

WORDS = ("title", "text", "segments")
"""Those of them that words are looked for in."""

TOKENIZER = "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
"""Folds case and accents; vowel signs (Mn, Mc) belong to the words of Indic scripts."""

# Words gathered before FTS5 writes a segment; a load with its own 1 MiB is a quarter slower.
_HASH_BYTES = 16 * 1024 * 1024

# The text comes last: SQLite reads the columns before it without walking through its pages.
# `segments` is a column of the full-text table alone (see transforms.sqlite.segment), but FTS5
# wants each of its columns to exist in the content table.
_TABLES = f"""
CREATE TABLE documents (
    rowid INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    source TEXT NOT NULL,
    language TEXT NOT NULL,
    published_at TEXT,
    people TEXT NOT NULL,
    organisations TEXT NOT NULL,
    places TEXT NOT NULL,
    miscellaneous TEXT NOT NULL,
    mentions TEXT NOT NULL,
    word_count INTEGER NOT NULL,
    duplicate_count INTEGER NOT NULL,
    quality TEXT NOT NULL,
    media_type TEXT NOT NULL,
    metadata TEXT NOT NULL,
    language_confidence REAL NOT NULL,
    content_hash TEXT NOT NULL,
    cluster_id TEXT NOT NULL,
    duplicate_of TEXT,
    similarity REAL,
    ingested_at TEXT NOT NULL,
    run_id TEXT NOT NULL,
    text TEXT NOT NULL,
    segments TEXT GENERATED ALWAYS AS (NULL) VIRTUAL
);
CREATE INDEX documents_language ON documents (language);
CREATE INDEX documents_published_at ON documents (published_at);
CREATE VIRTUAL TABLE documents_fts USING fts5 (
    {", ".join(INDEXED)},
    content="documents",
    tokenize="{TOKENIZER}"
);
INSERT INTO documents_fts (documents_fts, rank) VALUES ('rank', 'bm25(8.0, 1.0, 1.0)');
INSERT INTO documents_fts (documents_fts, rank) VALUES ('hashsize', {_HASH_BYTES});
CREATE TABLE runs (run_id TEXT PRIMARY KEY, applied_at TEXT NOT NULL) WITHOUT ROWID;
CREATE VIEW newest AS
    SELECT id, title, source, language, published_at, word_count, duplicate_count, ingested_at
    FROM documents ORDER BY coalesce(published_at, ingested_at) DESC, rowid;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
"""  # noqa: S608 - nothing here comes from outside

_BUSY_SECONDS = 10.0
_CACHE_KIB = 64 * 1024
# What stays of the write-ahead log after a big run while readers keep it open.
_WAL_BYTES = 16 * 1024 * 1024


class UnusableIndexError(SearchIndexError):
    """The file is damaged, or of another format: only a rebuild helps."""


@contextmanager
def plain_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite says of the file into a ``SearchIndexError`` that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        code = _primary_code(error)
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            problem = f"The index {path} is damaged ({error}): rebuild it with `docsluice reindex`"
            raise UnusableIndexError(problem) from error
        raise SearchIndexError(_explain(path, code, error)) from error


def _primary_code(error: sqlite3.Error) -> int:
    """The result code without its extension (https://sqlite.org/rescode.html)."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _explain(path: Path, code: int, error: sqlite3.Error) -> str:
    match code:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return f"The index {path} is being written by another process: try again when it ends"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return f"The index {path} cannot be written: check the permissions of its directory"
        case sqlite3.SQLITE_CANTOPEN:
            return f"The index {path} cannot be opened: check that it is a file and its permissions"
        case sqlite3.SQLITE_FULL:
            return f"The disk is full: the index {path} keeps what it had"
        case _:
            return f"The index {path} failed: {error}"


def open_reader(
    path: Path, mode: Literal["ro", "rw"] = "rw", *, check_same_thread: bool = True
) -> sqlite3.Connection:
    """A connection that only reads, never waits for a writer, and sees whole runs.

    ``rw`` lets the last reader clear away the files of the write-ahead log; ``ro`` cannot write
    by any statement. Raises ``SearchIndexError`` where there is no usable index.
    """
    if not path.exists():
        raise SearchIndexError(f"There is no index at {path} yet: `docsluice run` makes one")
    with plain_errors(path):
        connection = _open_readable(path, mode, check_same_thread)
    _check_version(path, connection)
    return connection


def _open_readable(path: Path, mode: str, check_same_thread: bool) -> sqlite3.Connection:
    try:
        return _connect(path, f"mode={mode}", check_same_thread)
    except sqlite3.OperationalError as error:
        # On a read-only medium the log cannot be made; where there is none, none is needed.
        wal = path.with_name(f"{path.name}-wal")
        unwritable = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
        if _primary_code(error) not in unwritable or (wal.exists() and wal.stat().st_size):
            raise
    return _connect(path, "immutable=1", check_same_thread)


def _connect(path: Path, parameter: str, check_same_thread: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{parameter}",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=check_same_thread,
    )
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def open_writer(path: Path) -> sqlite3.Connection:
    """A connection that writes, outside a transaction; the file and its tables are made.

    Raises ``SearchIndexError`` where the file is another's, damaged, newer or not writable.
    """
    with plain_errors(path):
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        with plain_errors(path):
            is_new = connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
            # Readers go on undisturbed while a run writes: they see the state before it.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            if is_new:
                _create(connection)
        _check_version(path, connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    # Another process may have made the tables while this one waited.
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
        for statement in _TABLES.split(";\n"):
            connection.execute(statement)
    connection.execute("COMMIT")


def _check_version(path: Path, connection: sqlite3.Connection) -> None:
    with plain_errors(path):
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    if (application, version) == (APPLICATION_ID, VERSION):
        return
    connection.close()
    if application != APPLICATION_ID:
        raise SearchIndexError(
            f"{path} is no index of docsluice: move it away, or name another store"
        )
    age, remedy = ("newer", "upgrade docsluice, or") if version > VERSION else ("older", "")
    raise UnusableIndexError(
        f"The index {path} was written by a {age} docsluice (format {version}, this one reads "
        f"{VERSION}): {remedy} rebuild the index with `docsluice reindex`".replace("  ", " ")
    )


def discard(path: Path) -> None:
    """Delete an index file and the files of its write-ahead log."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
