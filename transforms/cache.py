"""A cache on a local disk: values by key in one SQLite file, for several processes at once.

Entries are only ever added, through a write-ahead log that a killed process cannot leave half
written, and stand in the order in which they came: so the oldest can go together. A cache saves
time and nothing else, so nothing here raises for what is wrong with the file. A warning says it,
and what was to be looked up is computed.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from hashlib import blake2b
from pathlib import Path

_VERSION = 1
"""Raised with every change of the table; kept in the file as ``user_version``."""
_BUSY_SECONDS = 30.0
_KEYS_AT_ONCE = 500
_FILLED = 0.9
"""Share of the limit that ``trim`` leaves, so that it is not needed again after the next run."""
_TRIM_KIB = 64 * 1024
"""Memory for pages while entries are taken away: their keys lie all over the file."""

_logger = logging.getLogger(__name__)


def key_of(*parts: str) -> bytes:
    """Key of what ``parts`` say: their blake2b-128, each with its length before it."""
    digest = blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.digest()


class Cache:
    """The entries of a file that ``prepare`` made, for one thread at a time, not across a fork.

    ``hits`` and ``misses`` count the keys that ``get`` found and did not find.
    """

    def __init__(self, path: str | Path) -> None:
        self.hits = self.misses = 0
        self._path = Path(path)
        self._connection: sqlite3.Connection | None = None
        try:
            self._connection = _connect(self._path, "rw")
        except sqlite3.Error as error:
            self._give_up(error)

    def get(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return the values that there are, by key."""
        wanted = list(dict.fromkeys(keys))
        found: dict[bytes, bytes] = {}
        if self._connection:
            try:
                for start in range(0, len(wanted), _KEYS_AT_ONCE):
                    some = wanted[start : start + _KEYS_AT_ONCE]
                    among = ",".join("?" * len(some))
                    query = f"SELECT key, value FROM entries WHERE key IN ({among})"  # noqa: S608
                    found.update(self._connection.execute(query, some))
            except sqlite3.Error as error:
                self._give_up(error)
        self.hits += len(found)
        self.misses += len(wanted) - len(found)
        return found

    def put(self, entries: Mapping[bytes, bytes]) -> None:
        """Add entries in one transaction; of a key that is there the value stays."""
        if not self._connection or not entries:
            return
        try:
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.executemany(
                    "INSERT OR IGNORE INTO entries (key, value) VALUES (?, ?)", entries.items()
                )
        except sqlite3.Error as error:
            self._give_up(error)

    def close(self) -> None:
        """Close the file; what is asked for from now on is not there."""
        if self._connection:
            self._connection.close()
        self._connection = None

    def _give_up(self, error: sqlite3.Error) -> None:
        """Do without the file; what is damaged is deleted, for the next ``prepare`` to make anew.

        The files of its log stay for that as well: other processes may still be using them.
        """
        self.close()
        if _is_damage(error):
            self._path.unlink(missing_ok=True)
            what = "is damaged and was deleted; the next run begins a new one"
        else:
            what = "cannot be used; this run goes on without it"
        _logger.warning("the cache %s %s (%s)", self._path, what, error)


def prepare(path: str | Path) -> bool:
    """Make the file, anew if it is damaged or of another version; say whether it can be used.

    To be called while no other process uses the file.
    """
    path = Path(path)
    try:
        if path.exists():
            try:
                with closing(_connect(path, "rw")) as connection:
                    if connection.execute("PRAGMA user_version").fetchone() == (_VERSION,):
                        return True
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                _logger.warning("the cache %s is damaged (%s); a new one is begun", path, error)
        _discard(path)
        with closing(_connect(path, "rwc")) as connection:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before anything is written
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(
                "CREATE TABLE entries (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, "
                "value BLOB NOT NULL)"
            )
            connection.execute(f"PRAGMA user_version = {_VERSION}")
    except (OSError, sqlite3.Error) as error:
        _logger.warning(
            "the cache %s cannot be used; this run goes on without it (%s)", path, error
        )
        return False
    return True


def trim(path: str | Path, limit: int) -> None:
    """Take away the oldest entries of a file that is larger than ``limit`` bytes.

    To be called while no other process uses the file.
    """
    path = Path(path)
    if not path.exists():
        return
    try:
        with closing(_connect(path, "rw")) as connection:
            connection.execute(f"PRAGMA cache_size = -{_TRIM_KIB}")
            while (size := _size(connection)) > limit and _shorten(
                connection, 1 - _FILLED * limit / size
            ):
                pass
    except sqlite3.Error as error:
        if _is_damage(error):
            _discard(path)
        _logger.warning("the cache %s could not be kept to its size (%s)", path, error)


def _shorten(connection: sqlite3.Connection, share: float) -> bool:
    """Take away the oldest entries, this share of all; say whether there was anything to take."""
    (number,) = connection.execute("SELECT count(*) FROM entries").fetchone()
    last = connection.execute(
        "SELECT id FROM entries ORDER BY id LIMIT 1 OFFSET ?", [int(number * share)]
    ).fetchone()
    if last is None:
        return False
    connection.execute("DELETE FROM entries WHERE id <= ?", last)
    connection.executescript("PRAGMA incremental_vacuum")  # a page at each step, and this takes all
    return True


def _size(connection: sqlite3.Connection) -> int:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (page,) = connection.execute("PRAGMA page_size").fetchone()
    return int(pages * page)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open the file and look into it. ``mode``: ``rw``, or ``rwc`` to make it."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,  # Beam moves its steps from thread to thread
    )
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _is_damage(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without its extension
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _discard(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
