"""Arrow records of published documents as rows of the embedded index."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from transforms.document import completed
from transforms.mentions import count_mentions
from transforms.sqlite.schema import INDEXED, LABEL_COLUMNS
from transforms.sqlite.segment import segment, segments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from sqlite3 import Connection

# A word that no text holds, between two names, so that no phrase runs from one to the other.
_BETWEEN_NAMES = " \ue000 "

_ISO = "%Y-%m-%dT%H:%M:%SZ"

_PLAIN = (
    "id",
    "title",
    "source",
    "language",
    "word_count",
    "duplicate_count",
    "media_type",
    "language_confidence",
    "content_hash",
    "cluster_id",
    "duplicate_of",
    "similarity",
    "run_id",
    "text",
)
_TIMES = ("published_at", "ingested_at")
_COLUMNS = (*_PLAIN, *_TIMES, "quality", "metadata", "mentions", *LABEL_COLUMNS.values())

_INSERT = f"""INSERT INTO documents ({", ".join(_COLUMNS)})
VALUES ({", ".join("?" * len(_COLUMNS))})"""  # noqa: S608 - names of our own columns
_UNINDEX = f"""INSERT INTO documents_fts (documents_fts, rowid, {", ".join(INDEXED)})
VALUES ('delete', {", ".join("?" * (1 + len(INDEXED)))})"""  # noqa: S608
_STORED = f"SELECT rowid, title, text, {', '.join(LABEL_COLUMNS.values())} FROM documents"  # noqa: S608
_OF_IDS = f"""{_STORED}
WHERE id IN (SELECT value FROM json_each(?)) ORDER BY rowid"""  # noqa: S608


class Indexed(NamedTuple):
    """What the full-text table is told of a document, and told again to forget it."""

    rowid: int
    title: str
    text: str
    segments: str
    people: str
    organisations: str
    places: str
    miscellaneous: str


def indexed(rowid: int, title: str, text: str, *names: str) -> Indexed:
    """The full-text row of a document; ``names`` are its JSON arrays, one per label."""
    joined = (
        _BETWEEN_NAMES.join(map(segment, orjson.loads(array))) if array != "[]" else ""
        for array in names
    )
    return Indexed(rowid, title, text, segments(title, text), *joined)


def insert(connection: Connection, documents: pa.Table | pa.RecordBatch) -> None:
    """Insert documents whose ids are not there; of rows with one id the last counts."""
    rows = {row[0]: row for row in _rows(completed(documents))}
    connection.executemany(_INSERT, rows.values())
    index(connection, connection.execute(_OF_IDS, (_json(list(rows)),)))


def index(
    connection: Connection, stored: Iterable[tuple[Any, ...]], table: str = "documents_fts"
) -> None:
    """Fill a full-text table with rows of ``stored`` or ``_OF_IDS``."""
    marks = ", ".join("?" * (1 + len(INDEXED)))
    statement = f"INSERT INTO {table} (rowid, {', '.join(INDEXED)}) VALUES ({marks})"  # noqa: S608
    connection.executemany(statement, (indexed(*row) for row in stored))


def stored(connection: Connection) -> Iterable[tuple[Any, ...]]:
    """All documents, as ``index`` takes them."""
    return connection.execute(_STORED)


def remove(connection: Connection, ids: Iterable[str]) -> None:
    """Remove documents; ids that are not there are passed over."""
    gone = connection.execute(_OF_IDS, (_json(list(ids)),)).fetchall()
    connection.executemany(_UNINDEX, [indexed(*row) for row in gone])
    connection.executemany("DELETE FROM documents WHERE rowid = ?", [row[:1] for row in gone])


def add_duplicates(connection: Connection, counts: Mapping[str, int]) -> None:
    """Add to ``duplicate_count``; ids that are not there are passed over."""
    connection.executemany(
        "UPDATE documents SET duplicate_count = duplicate_count + ? WHERE id = ?",
        [(count, identity) for identity, count in counts.items()],
    )


def versions(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """``run_id`` by id of the documents that are there."""
    query = "SELECT id, run_id FROM documents WHERE id IN (SELECT value FROM json_each(?))"
    return dict(connection.execute(query, (_json(list(ids)),)))


def clear(connection: Connection) -> None:
    """Remove every document and every run."""
    connection.execute("DELETE FROM documents")
    connection.execute("INSERT INTO documents_fts (documents_fts) VALUES ('delete-all')")
    connection.execute("DELETE FROM runs")


def record(connection: Connection, run_ids: Iterable[str]) -> int:
    """Note runs as applied; return how many of them were not so yet."""
    now = datetime.now(UTC).strftime(_ISO)
    insert_run = "INSERT OR IGNORE INTO runs VALUES (?, ?)"
    return connection.executemany(insert_run, [(run_id, now) for run_id in run_ids]).rowcount


def _rows(documents: pa.Table | pa.RecordBatch) -> Iterator[tuple[object, ...]]:
    """The rows that ``_INSERT`` takes."""
    columns = [documents[name].to_pylist() for name in _PLAIN]
    columns += [_times(documents[name]) for name in _TIMES]
    columns.append([_json(flags) for flags in documents["quality"].to_pylist()])
    columns.append([_json(dict(pairs)) for pairs in documents["metadata"].to_pylist()])
    found = (documents[name].to_pylist() for name in ("title_entities", "entities"))
    mentions = [*map(count_mentions, *found)]
    columns.append([*map(_json, mentions)])
    for label in LABEL_COLUMNS:
        columns.append([_json(list(names.get(label, ()))) for names in mentions])
    return zip(*columns, strict=True)


def _times(column: pa.ChunkedArray | pa.Array) -> list[str | None]:
    """Instants as ISO 8601 to the second, which sort as text and which SQLite's dates read."""
    seconds = pc.cast(pc.floor_temporal(column, unit="second"), pa.timestamp("s", tz="UTC"))
    texts: list[str | None] = pc.strftime(seconds, format=_ISO).to_pylist()
    return texts


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
