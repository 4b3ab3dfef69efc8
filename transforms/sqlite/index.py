"""The index in one SQLite file: ``search.db`` of a store.

A run is one SQLite transaction over a write-ahead log: readers neither wait for it nor see half
of it, and a process that dies leaves what was there before.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from transforms.index import SearchIndexError
from transforms.sqlite import rows
from transforms.sqlite.schema import (
    UnusableIndexError,
    discard,
    open_reader,
    open_writer,
    plain_errors,
)
from transforms.sqlite.search import search
from transforms.sqlite.verify import disagreements

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping
    from types import TracebackType

    import pyarrow as pa

    from transforms.index import Query, Results

# Documents in memory as Python objects at a time.
_SLICE = 512


class SqliteIndex:
    """A ``transforms.index.Index`` in the SQLite file ``path``, made by the first transaction.

    Needs no server. One process writes at a time, any number reads. An instance belongs to the
    thread that uses it first.
    """

    refused = 0

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._reader: sqlite3.Connection | None = None
        self._transaction: SqliteTransaction | None = None

    def begin(self, run_id: str | None) -> SqliteTransaction:
        """Open the transaction of a run, or of none."""
        connection = open_writer(self.path)
        run_ids = [] if run_id is None else [run_id]
        return self._track(SqliteTransaction(self.path, connection, run_ids))

    def rebuild(self, run_ids: Iterable[str]) -> SqliteTransaction:
        """Open a transaction that starts from nothing; also the way out of a damaged file."""
        run_ids = list(run_ids)
        try:
            connection = open_writer(self.path)
            return self._track(SqliteTransaction(self.path, connection, run_ids, fresh=True))
        except UnusableIndexError:
            self.close()
            discard(self.path)
        connection = open_writer(self.path)
        return self._track(SqliteTransaction(self.path, connection, run_ids, fresh=True))

    def runs(self) -> frozenset[str]:
        """Ids of the runs applied; empty where there is no file yet."""
        if not self.path.exists():
            return frozenset()
        with plain_errors(self.path):
            return frozenset(run for (run,) in self._read().execute("SELECT run_id FROM runs"))

    def search(self, query: Query) -> Results:
        """The best documents for a query."""
        with plain_errors(self.path):
            return search(self._read(), query)

    def versions(self, ids: Iterable[str]) -> dict[str, str]:
        """The run whose version of each document is in the index."""
        if not self.path.exists():
            return {}
        with plain_errors(self.path):
            return rows.versions(self._read(), ids)

    def count(self) -> int:
        """Number of documents published."""
        with plain_errors(self.path):
            count: int
            (count,) = self._read().execute("SELECT count(*) FROM documents").fetchone()
            return count

    def entries(self) -> Iterator[tuple[str, str, int]]:
        """Id, run and ``duplicate_count`` of every document; none where there is no file yet."""
        if not self.path.exists():
            return
        with plain_errors(self.path):
            yield from self._read().execute("SELECT id, run_id, duplicate_count FROM documents")

    def verify(self) -> list[str]:
        """Every disagreement inside the file; reads all of it, at about the pace of a load."""
        try:
            self._read()
            connection = open_writer(self.path)
        except UnusableIndexError as error:
            return [str(error)]
        with plain_errors(self.path), closing(connection):
            return disagreements(connection)

    def prune(self) -> list[str]:
        """Nothing: a rebuild replaces the documents in the file."""
        return []

    def close(self) -> None:
        """Close the file; an open transaction is rolled back."""
        if self._transaction:
            self._transaction.rollback()
        if self._reader:
            self._reader.close()
        self._transaction = self._reader = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> sqlite3.Connection:
        if self._reader is None:
            self._reader = open_reader(self.path)
        return self._reader

    def _track(self, transaction: SqliteTransaction) -> SqliteTransaction:
        self._transaction = transaction
        return transaction


class SqliteTransaction:
    """A ``transforms.index.Transaction``; owns ``connection`` and closes it at its end."""

    def __init__(
        self, path: Path, connection: sqlite3.Connection, run_ids: list[str], *, fresh: bool = False
    ) -> None:
        self._path = path
        self._connection = connection
        self._ended = False
        try:
            with plain_errors(path):
                connection.execute("BEGIN IMMEDIATE")
                if fresh:
                    rows.clear(connection)
                recorded = rows.record(connection, run_ids) if run_ids else 0
                self._skipped = recorded < len(run_ids)
        except BaseException:
            self.rollback()
            raise

    @property
    def skipped(self) -> bool:
        """Whether the index has this run already."""
        return self._skipped

    def upsert(self, documents: pa.Table | pa.RecordBatch) -> None:
        """Publish documents; of several with one id in ``documents`` the last counts."""
        with self._changing() as connection:
            for start in range(0, 0 if self.skipped else documents.num_rows, _SLICE):
                part = documents.slice(start, _SLICE)
                rows.remove(connection, part["id"].to_pylist())
                rows.insert(connection, part)

    def delete(self, ids: Iterable[str]) -> None:
        """Take documents away."""
        gone = [] if self.skipped else list(ids)
        with self._changing() as connection:
            for start in range(0, len(gone), _SLICE):
                rows.remove(connection, gone[start : start + _SLICE])

    def add_duplicates(self, counts: Mapping[str, int]) -> None:
        """Add to ``duplicate_count`` of published documents."""
        with self._changing() as connection:
            rows.add_duplicates(connection, {} if self.skipped else counts)

    def prepare(self) -> None:
        """Write out the words still in memory, so that ``commit`` has little left to fail at."""
        with self._changing() as connection:
            # FTS5 flushes what it has gathered when a savepoint opens.
            connection.execute("SAVEPOINT flushed")
            connection.execute("RELEASE flushed")

    def commit(self) -> None:
        """Let readers see the changes."""
        with self._changing() as connection:
            connection.execute("COMMIT")
            # Readers may hold the log; then it stays until they close, and is harmless.
            connection.execute("PRAGMA busy_timeout = 0")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.rollback()

    def rollback(self) -> None:
        """Forget the changes; nothing once the transaction has ended."""
        # Closing rolls back what is not committed.
        self._connection.close()
        self._ended = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.rollback()

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        if self._ended:
            raise SearchIndexError("The transaction has ended: begin another")
        with plain_errors(self._path):
            yield self._connection
