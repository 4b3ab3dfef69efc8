"""Tables of the state, and how the ledger of a run goes into them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from sqlite3 import Connection

import pyarrow as pa
import pyarrow.compute as pc

FORMAT = 1
"""``user_version`` of a database with these tables."""

COLUMNS = ["id", "source", "source_version", "outcome", "duplicate_of", "content_hash", "run_id"]
"""What of the ledger the state is made of."""

_TABLES = """
CREATE TABLE runs (number INTEGER PRIMARY KEY, run_id TEXT NOT NULL);
CREATE TABLE files (
    number INTEGER PRIMARY KEY,
    uri TEXT NOT NULL UNIQUE,
    version TEXT,   -- NULL when all documents of the file are deleted
    run INTEGER NOT NULL
);
CREATE TABLE documents (
    id TEXT PRIMARY KEY,
    file INTEGER NOT NULL,
    key TEXT NOT NULL,
    run INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    published INTEGER,   -- the run whose version of the document is published
    duplicate_of TEXT,
    content_hash TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX documents_of_file ON documents (file, published);
CREATE INDEX members ON documents (duplicate_of) WHERE duplicate_of IS NOT NULL;
"""

_FILE = """
INSERT INTO files (uri, version, run) VALUES (?, ?, ?)
ON CONFLICT (uri) DO UPDATE SET
    version = iif(run = excluded.run, min(version, excluded.version), excluded.version),
    run = excluded.run
"""

# Of a repeated id the record that was kept, or is a duplicate, is what the id stands for. What
# failed leaves the version published before as it was.
_DOCUMENT = """
INSERT INTO documents VALUES (
    ?1, (SELECT number FROM files WHERE uri = ?2), ?3, ?4, ?5, iif(?5 = 'kept', ?4, NULL), ?6, ?7)
ON CONFLICT (id) DO UPDATE SET
    file = excluded.file,
    key = excluded.key,
    run = excluded.run,
    outcome = excluded.outcome,
    published = iif(excluded.outcome = 'failed', published, excluded.published),
    duplicate_of = iif(excluded.outcome = 'failed', duplicate_of, excluded.duplicate_of),
    content_hash = iif(excluded.outcome = 'failed', content_hash, excluded.content_hash)
WHERE run < excluded.run OR excluded.outcome = 'kept' OR outcome NOT IN ('kept', 'duplicate')
"""

_FORGET_FILES = """
UPDATE files SET version = NULL
WHERE number IN (SELECT file FROM documents WHERE run = ?1 AND outcome = 'deleted')
AND NOT EXISTS (SELECT 1 FROM documents WHERE file = number AND outcome <> 'deleted')
"""


def create(connection: Connection) -> None:
    """Make the empty tables."""
    connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {FORMAT}; COMMIT;")


def add_run(connection: Connection, run_id: str, ledger: Iterable[pa.Table]) -> None:
    """Apply the ledger of a run, the next one in the order of runs, inside a transaction.

    A compacted run has the rows of several runs, one after the other. Those of each get a number of
    their own, so that the newest row of a document counts; all have the id of the compacted run.

    Args:
        connection: to a database with these tables.
        run_id: the run.
        ledger: its ledger, in tables that have ``COLUMNS``.
    """
    run = _new_number(connection, run_id)
    for place, (_, tables) in enumerate(groupby(_by_run(ledger), itemgetter(0))):
        if place:
            run = _new_number(connection, run_id)
        _add_rows(connection, run, (table for _, table in tables))


def _new_number(connection: Connection, run_id: str) -> int:
    return int(connection.execute("INSERT INTO runs (run_id) VALUES (?)", (run_id,)).lastrowid or 0)


def _by_run(ledger: Iterable[pa.Table]) -> Iterator[tuple[str, pa.Table]]:
    """The rows that each run has written, with its id."""
    for table in ledger:
        encoded = pc.run_end_encode(table.column("run_id").combine_chunks())
        start = 0
        for run_id, end in zip(
            encoded.values.to_pylist(), encoded.run_ends.to_pylist(), strict=True
        ):
            yield run_id, table.slice(start, end - start)
            start = end


def _add_rows(connection: Connection, run: int, ledger: Iterable[pa.Table]) -> None:
    any_deleted = False
    for table in ledger:
        uris = pc.replace_substring_regex(table.column("source"), "#.*", "")
        table = table.append_column("uri", uris)
        pairs = table.group_by(["uri", "source_version"]).aggregate([]).to_pydict()
        connection.executemany(
            _FILE,
            ((*pair, run) for pair in zip(pairs["uri"], pairs["source_version"], strict=True)),
        )
        names = ("id", "uri", "source", "outcome", "duplicate_of", "content_hash")
        connection.executemany(
            _DOCUMENT,
            (
                (id_, uri, source[len(uri) + 1 :], run, outcome, duplicate_of, content_hash)
                for id_, uri, source, outcome, duplicate_of, content_hash in zip(
                    *(table.column(name).to_pylist() for name in names), strict=True
                )
            ),
        )
        any_deleted |= bool(pc.any(pc.equal(table.column("outcome"), "deleted")).as_py())
    if any_deleted:
        connection.execute(_FORGET_FILES, (run,))
