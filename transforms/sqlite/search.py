"""Queries against the embedded index: best first by BM25, or newest first without words."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from time import perf_counter
from typing import TYPE_CHECKING

import orjson

from transforms.index import Hit, Name, Query, QueryError, Results
from transforms.sqlite.query import expression, needles
from transforms.sqlite.schema import INDEXED, LABEL_COLUMNS
from transforms.sqlite.snippet import CLOSE, CUT, OPEN, around, from_marks

if TYPE_CHECKING:
    from sqlite3 import Connection

_NAMES_PER_LABEL = 3
_SNIPPET_TOKENS = 40

_DOCUMENT = """SELECT id, source, title, language, published_at, duplicate_count, mentions, text
FROM documents WHERE rowid = ?"""
_SNIPPET = f"""SELECT snippet(documents_fts, {INDEXED.index("text")}, '{OPEN}', '{CLOSE}', '{CUT}',
{_SNIPPET_TOKENS}) FROM documents_fts WHERE documents_fts MATCH ? AND rowid = ?"""  # noqa: S608


def search(connection: Connection, query: Query) -> Results:
    """Run a query in one snapshot of the index. Raises ``QueryError`` and SQLite's errors."""
    if query.limit < 0 or query.offset < 0:
        raise QueryError("limit and offset must not be negative")
    began = perf_counter()
    match = expression(query)
    conditions, values = _filters(query)
    if match is None and not conditions:
        raise QueryError("Give a word to look for, a name, or another condition")
    if match is None:
        tables, score, order = "documents AS d", "0.0", "d.published_at DESC, d.rowid"
    else:
        # CROSS JOIN keeps SQLite from asking the full-text table once per document.
        tables = "documents_fts CROSS JOIN documents AS d ON d.rowid = documents_fts.rowid"
        tables = tables if conditions else "documents_fts"
        score, order = "-documents_fts.rank", "documents_fts.rank, documents_fts.rowid"
        conditions, values = ["documents_fts MATCH ?", *conditions], [match, *values]
    source = f"FROM {tables} WHERE {' AND '.join(conditions)}"
    rowid = "d.rowid" if match is None else "documents_fts.rowid"

    connection.execute("BEGIN")
    try:
        (total,) = connection.execute(f"SELECT count(*) {source}", values).fetchone()
        page = connection.execute(
            f"SELECT {rowid}, {score} {source} ORDER BY {order} LIMIT ? OFFSET ?",
            [*values, query.limit, query.offset],
        ).fetchall()
        wanted = needles(query)
        hits = tuple(_hit(connection, rowid, score, match, wanted) for rowid, score in page)
    finally:
        connection.execute("ROLLBACK")
    return Results(total, hits, (perf_counter() - began) * 1000)


def _filters(query: Query) -> tuple[list[str], list[object]]:
    """Conditions on ``documents AS d`` and the values of their marks."""
    filters: list[tuple[str, object]] = []
    if query.language is not None:
        filters.append(("d.language = ?", _encodable(query.language.lower())))
    if query.source:
        filters.append(("instr(d.source, ?)", _encodable(query.source)))
    if query.label and not query.entities:
        filters.append((f"d.{LABEL_COLUMNS[query.label]} <> ?", "[]"))
    if query.since:
        filters.append(("d.published_at >= ?", _instant(query.since)))
    if query.until:
        filters.append(("d.published_at <= ?", _instant(query.until)))
    return [condition for condition, _ in filters], [value for _, value in filters]


def _encodable(typed: str) -> str:
    """Without lone surrogates, which a command line may hold and no document does."""
    return typed.encode("utf-8", "replace").decode()


def _instant(when: datetime) -> str:
    """The form of ``transforms.sqlite.rows``; without a time zone it is taken as UTC."""
    utc = when.astimezone(UTC) if when.tzinfo else when
    return utc.isoformat(timespec="seconds")[:19] + "Z"


def _hit(
    connection: Connection, rowid: int, score: float, match: str | None, wanted: list[str]
) -> Hit:
    row = connection.execute(_DOCUMENT, (rowid,)).fetchone()
    identity, source, title, language, published_at, duplicate_count, mentions, text = row
    snippet = None
    if match is not None:
        (marked,) = connection.execute(_SNIPPET, (match, rowid)).fetchone()
        snippet = from_marks(marked)
    names = [
        Name(name, label, number)
        for label, numbers in orjson.loads(mentions).items()
        for name, number in islice(numbers.items(), _NAMES_PER_LABEL)
    ]
    return Hit(
        id=identity,
        source=source,
        title=title,
        language=language,
        snippet=snippet or around(text, wanted),
        score=score,
        published_at=datetime.fromisoformat(published_at) if published_at else None,
        entities=tuple(names),
        duplicate_count=duplicate_count,
    )
