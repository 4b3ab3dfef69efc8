"""Whether ``state.db`` and the cache are what they should be."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from heapq import merge
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from pipelines.cache import NAME as CACHE
from pipelines.console import count
from pipelines.state import State
from pipelines.store import Store
from pipelines.verify_problem import Problem, Repair
from transforms import files

_DOCUMENTS = """
SELECT d.id, f.uri, d.key, d.outcome, r.run_id, d.duplicate_of, d.content_hash
FROM {0}.documents AS d LEFT JOIN {0}.files AS f ON f.number = d.file
LEFT JOIN {0}.runs AS r ON r.number = d.published ORDER BY d.id
"""
_FILES = "SELECT uri, version FROM {0}.files ORDER BY uri"

Row = tuple[Any, ...]


def check_state(store: Store, expected: State) -> Iterator[Problem]:
    """Compare the state of a local store with one that was made of the ledger just now.

    Args:
        store: the store.
        expected: the state that it should have, in a file of its own.
    """
    if files.is_remote(store.path):
        return
    where = str(store.state_path)
    if not store.state_path.exists():
        yield Problem(where, "it is missing", repair=Repair.STATE)
        return
    try:
        with closing(sqlite3.connect(expected.path, isolation_level=None)) as connection:
            connection.execute("ATTACH ? AS known", (f"{store.state_path.absolute()}",))
            problem = _difference(connection, list(store.manifests))
    except sqlite3.Error as error:
        problem = f"it is damaged: {error}"
    if problem:
        yield Problem(where, problem, repair=Repair.STATE)


def _difference(connection: sqlite3.Connection, runs: list[str]) -> str:
    [(damage,)] = connection.execute("PRAGMA known.quick_check(1)").fetchall()
    if damage != "ok":
        return f"it is damaged: {damage}"
    query = "SELECT run_id FROM known.runs GROUP BY run_id ORDER BY min(number)"
    known = [run_id for (run_id,) in connection.execute(query)]
    if known != runs:
        missing = len(set(runs) - set(known))
        return f"it is {missing:,} run(s) behind" if missing else "it has runs that do not count"
    for what, query in (("file", _FILES), ("document", _DOCUMENTS)):
        sides = (connection.execute(query.format(side)) for side in ("main", "known"))
        number, example = _different(*sides)
        if number:
            return f"{count(number, what)} not as in the ledger, such as {example}"
    return ""


def _different(one: Iterator[Row], other: Iterator[Row]) -> tuple[int, str]:
    """How many rows, sorted by their first column, differ, and the first column of the first."""
    number, example = 0, ""
    for name, rows in groupby(merge(one, other, key=itemgetter(0)), itemgetter(0)):
        first, *more = rows
        if more != [first]:
            number += 1
            example = example or name
    return number, example


def check_cache(store: Store) -> Iterator[Problem]:
    """Whether SQLite finds the cache whole."""
    path = Path(store.path, CACHE)
    if files.is_remote(store.path) or not path.exists():
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as cache:
            [(answer,)] = cache.execute("PRAGMA quick_check(1)").fetchall()
            cache.execute("SELECT key, value FROM entries LIMIT 1").fetchall()
    except sqlite3.Error as error:
        answer = str(error)
    if answer != "ok":
        yield Problem(str(path), f"it is damaged: {answer}", repair=Repair.CACHE)
