"""Whether the embedded index agrees with itself."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from transforms.sqlite.rows import index, stored
from transforms.sqlite.schema import INDEXED, TOKENIZER

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNFINDABLE = """SELECT count(*), min(id) FROM documents
WHERE rowid NOT IN (SELECT id FROM documents_fts_docsize)"""
_LEFT_OVER = """SELECT count(*), min(id) FROM documents_fts_docsize
WHERE id NOT IN (SELECT rowid FROM documents)"""

_EXPECTED = f"""
CREATE VIRTUAL TABLE temp.expected USING fts5 (
    {", ".join(INDEXED)}, content='', tokenize="{TOKENIZER}"
);
CREATE VIRTUAL TABLE temp.expected_words USING fts5vocab (temp, expected, col);
CREATE VIRTUAL TABLE temp.actual_words USING fts5vocab (main, documents_fts, col)
"""

_DIFFERENT = """
SELECT count(DISTINCT term), min(term) FROM (
    SELECT * FROM (SELECT * FROM actual_words EXCEPT SELECT * FROM expected_words)
    UNION ALL
    SELECT * FROM (SELECT * FROM expected_words EXCEPT SELECT * FROM actual_words)
)
"""


def disagreements(connection: sqlite3.Connection) -> list[str]:
    """What is wrong in the index, in words; nothing is changed.

    Checks SQLite's pages, the inner structure of the full-text index, that it holds each
    document once, and that its words are those of the documents, by indexing them anew.
    ``connection`` must be able to write: SQLite runs its checks as writes.
    """
    problems: list[str] = []
    connection.execute("BEGIN IMMEDIATE")
    try:
        for check in (_damaged_pages, _damaged_words, _missing_rows, _wrong_words):
            problems.extend(check(connection))
            if problems:
                break
    except sqlite3.DatabaseError as error:
        problems.append(f"the file is damaged: {error}")
    finally:
        connection.execute("ROLLBACK")
    return problems


def _damaged_pages(connection: sqlite3.Connection) -> Iterator[str]:
    for (problem,) in connection.execute("PRAGMA integrity_check(20)"):
        if problem != "ok":
            yield f"the file is damaged: {problem}"


def _damaged_words(connection: sqlite3.Connection) -> Iterator[str]:
    try:
        connection.execute("INSERT INTO documents_fts (documents_fts) VALUES ('integrity-check')")
    except sqlite3.DatabaseError as error:
        yield f"the full-text index is damaged: {error}"


def _missing_rows(connection: sqlite3.Connection) -> Iterator[str]:
    for statement, problem in (
        (_UNFINDABLE, "documents cannot be found by words"),
        (_LEFT_OVER, "rows of the full-text index have no document"),
    ):
        count, example = connection.execute(statement).fetchone()
        if count:
            yield f"{count} {problem}, such as {example}"


def _wrong_words(connection: sqlite3.Connection) -> Iterator[str]:
    for statement in _EXPECTED.split(";\n"):
        connection.execute(statement)
    index(connection, stored(connection), "temp.expected")
    count, word = connection.execute(_DIFFERENT).fetchone()
    if count:
        yield f"{count} words of the full-text index are not those of the documents, such as {word}"
