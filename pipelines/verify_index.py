"""Whether the index holds the published documents, and nothing else."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import orjson

from pipelines.publish import beyond, open_index, place
from pipelines.settings import Settings
from pipelines.state import State
from pipelines.store import Store
from pipelines.stream_seen import START_AGAIN, sessions, stream_holder
from pipelines.verify_problem import Problem, Repair
from transforms import files
from transforms.index import Index
from transforms.sqlite.schema import UnusableIndexError
from transforms.stream.staging import STAGED

_TABLES = """
CREATE TABLE expected (id TEXT PRIMARY KEY, run TEXT, duplicates INTEGER) WITHOUT ROWID;
CREATE TABLE found (id TEXT PRIMARY KEY, run TEXT, duplicates INTEGER) WITHOUT ROWID;
CREATE TABLE refused (id TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_CHECKS = (
    (
        "published document(s) are not in it",
        "SELECT count(*), min(id) FROM expected WHERE id NOT IN (SELECT id FROM found) "
        "AND id NOT IN (SELECT id FROM refused)",
    ),
    (
        "document(s) in it are not published",
        "SELECT count(*), min(id) FROM found WHERE id NOT IN (SELECT id FROM expected) "
        "AND run <> :staged",
    ),
    (
        "document(s) in it are of another run than the published ones",
        "SELECT count(*), min(id) FROM found JOIN expected USING (id) "
        "WHERE found.run <> expected.run AND id NOT IN (SELECT id FROM refused) "
        "AND found.run <> :staged",
    ),
    (
        "document(s) in it have another duplicate_count",
        "SELECT count(*), min(id) FROM found JOIN expected USING (id) "
        "WHERE found.duplicates <> expected.duplicates AND found.run = expected.run",
    ),
)
_EARLY = "SELECT count(*) FROM found WHERE run = :staged"
_REFUSED = "-index.jsonl"
_AT_ONCE = 10_000


def check_index(settings: Settings, store: Store, state: State) -> Iterator[Problem]:
    """What is wrong with the index that the settings name.

    Args:
        settings: the settings.
        store: the store.
        state: the state of the store as the ledger has it.

    Raises:
        SearchIndexError: a server that cannot be used.
    """
    where = place(settings)
    if settings.index == "sqlite" and not store.index_path.exists():
        yield Problem(where, "there is no index", repair=Repair.INDEX)
        return
    with open_index(settings) as index:
        if index is None:
            return
        try:
            found = [Problem(where, damage, repair=Repair.INDEX) for damage in index.verify()]
            found = found or [*_compare(where, store, state, index)]
        except UnusableIndexError as error:
            found = [Problem(where, str(error), repair=Repair.INDEX)]
    yield from found


def _compare(where: str, store: Store, state: State, index: Index) -> Iterator[Problem]:
    """Disagreements between index and store."""
    known, runs = index.runs(), set(store.manifests)
    if behind := runs - known:
        what = f"it is {len(behind):,} run(s) behind, such as {min(behind)}"
        yield Problem(where, what, repair=Repair.INDEX)
        return
    if unknown := beyond(store, known):
        what = f"it has {len(unknown):,} run(s) that no manifest names, such as {min(unknown)}"
        yield Problem(where, what, repair=Repair.INDEX)
        return
    with (
        tempfile.TemporaryDirectory(prefix="docsluice-") as directory,
        closing(sqlite3.connect(Path(directory, "index.db"), isolation_level=None)) as database,
    ):
        database.executescript(f"PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; {_TABLES}")
        _fill(database, "expected", _published(store, state))
        _fill(database, "found", index.entries())
        _fill(database, "refused", ((id_,) for id_ in _refused(store)))
        for what, query in _CHECKS:
            number, example = database.execute(query, {"staged": STAGED}).fetchone()
            if number:
                said = f"{number:,} {what}, such as {example}"
                yield Problem(where, said, repair=Repair.INDEX)
        [(early,)] = database.execute(_EARLY, {"staged": STAGED}).fetchall()
    if early and stream_holder(store) is None:
        yield _left(where, store, early)


def _left(where: str, store: Store, early: int) -> Problem:
    """Documents that a stream let searches find, and did not commit before it ended."""
    what = f"{early:,} document(s) in it are of a stream that was not ended in order"
    if sessions(store):
        return Problem(where, what, f"{START_AGAIN}: it commits what it had staged")
    return Problem(where, what, repair=Repair.INDEX)


def _fill(database: sqlite3.Connection, table: str, rows: Iterator[tuple[str | int, ...]]) -> None:
    marks = ", ".join("?" * (1 if table == "refused" else 3))
    statement = f"INSERT OR IGNORE INTO {table} VALUES ({marks})"  # noqa: S608  our own names
    while some := list(islice(rows, _AT_ONCE)):
        database.execute("BEGIN")
        database.executemany(statement, some)
        database.execute("COMMIT")


def _published(store: Store, state: State) -> Iterator[tuple[str, str, int]]:
    """Id, run and number of duplicates of each published document."""
    for run_id in store.manifests:
        for table in store.tables("documents", ["id", "run_id"], [run_id]):
            ids = table.column("id").to_pylist()
            written_by = table.column("run_id").to_pylist()
            stands = state.standing(ids, [run_id] * len(ids))
            counts = state.member_counts(ids)
            for id_, run, one in zip(ids, written_by, stands, strict=True):
                if one:
                    yield id_, run, counts.get(id_, 0)


def _refused(store: Store) -> Iterator[str]:
    """Ids of documents that the index has refused for good."""
    for _, path in store.parts("dead-letters"):
        if path.endswith(_REFUSED):
            for line in files.read(path).splitlines():
                yield str(orjson.loads(line)["id"])
