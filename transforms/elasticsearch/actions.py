"""What Elasticsearch is asked to do with one document, and requests of many such actions.

Nothing here talks to a server. A body is serialised once, when its action is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from transforms.document import SCHEMA
from transforms.elasticsearch.words import search_fields
from transforms.mentions import count_mentions

_ENTITIES = ("entities", "title_entities")
_PLAIN = tuple(name for name in SCHEMA.names if name not in (*_ENTITIES, "metadata"))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HEADER_BYTES = 100
"""About the size of the line before a body."""


@dataclass(frozen=True, slots=True)
class Action:
    """Index ``body`` (JSON) under ``id``, or, where ``body`` is None, delete that document.

    ``version`` decides between two actions on one document, in whichever order they arrive: the
    greater wins, and equal ones do the same.
    """

    id: str
    version: int
    body: bytes | None

    @property
    def size(self) -> int:
        """Bytes in a request, about."""
        return len(self.id) + _HEADER_BYTES + len(self.body or b"")


@dataclass(frozen=True, slots=True)
class Indexed:
    """An action that is done.

    ``status`` is the server's: 200 and 201 (written), 404 (deleted, and was not there), 409 (the
    index has a newer version, so there was nothing to do).
    """

    id: str
    status: int


@dataclass(frozen=True, slots=True)
class Failed:
    """An action that cannot be done, in the server's words; ``body`` is what was to be written.

    ``status`` is 0 where it never came to the server.
    """

    id: str
    status: int
    error_type: str
    reason: str
    body: bytes | None


Outcome = Indexed | Failed


def to_document(row: Mapping[str, Any]) -> dict[str, Any]:
    """A published document as Elasticsearch stores it.

    The names of title and text are arrays per label, the most mentioned first, under
    ``entities``; how often each is mentioned is under ``mentions``; ``search`` holds what
    ``transforms.elasticsearch.words`` makes of it all. Missing values are left out.

    Args:
        row: of ``transforms.document.SCHEMA``, as Arrow's ``to_pylist`` gives it; columns of
            entities that an older store lacks count as empty.
    """
    document = {name: row[name] for name in _PLAIN if row.get(name) is not None}
    mentions = count_mentions(row.get("title_entities") or (), row.get("entities") or ())
    document["entities"] = {label: list(names) for label, names in mentions.items()}
    document["mentions"] = mentions
    document["metadata"] = dict(row.get("metadata") or ())
    document["search"] = search_fields(row)
    return document


def to_action(row: Mapping[str, Any], version: int | None = None) -> Action:
    """The action that publishes a document, made of ``to_document``.

    Args:
        row: of ``transforms.document.SCHEMA``.
        version: of the document; the microseconds of ``ingested_at`` since 1970 where it is not
            given, which no version that the index itself gives a later run is below.
    """
    if version is None:
        version = (row["ingested_at"] - _EPOCH) // _MICROSECOND
    return Action(row["id"], version, encode(to_document(row)))


def encode(document: Mapping[str, Any]) -> bytes:
    """A document as JSON; times are in UTC."""
    return orjson.dumps(document, option=orjson.OPT_UTC_Z)


def to_lines(actions: Iterable[Action]) -> list[bytes]:
    """Actions as the lines of a request to ``_bulk`` (newline-delimited JSON).

    ``external_gte`` lets a replay write the same again, and no older run overwrite a newer one.
    """
    lines: list[bytes] = []
    for action in actions:
        lines.append(
            b'{"%b":{"_id":%b,"version":%d,"version_type":"external_gte"}}'
            % (
                b"delete" if action.body is None else b"index",
                orjson.dumps(action.id),
                action.version,
            )
        )
        if action.body is not None:
            lines.append(action.body)
    return lines


class Batcher:
    """Puts actions together to batches of at most so many bytes and so many actions.

    An action that is larger than a batch may be is a batch of its own.
    """

    def __init__(self, max_bytes: int, max_count: int) -> None:
        self._max_bytes = max_bytes
        self._max_count = max_count
        self._batch: list[Action] = []
        self._bytes = 0

    def add(self, action: Action) -> Iterator[list[Action]]:
        """Take an action; yield the batch that is complete with it, or before it."""
        size = action.size
        if self._batch and self._bytes + size > self._max_bytes:
            yield from self.flush()
        self._batch.append(action)
        self._bytes += size
        if len(self._batch) >= self._max_count or self._bytes >= self._max_bytes:
            yield from self.flush()

    def flush(self) -> Iterator[list[Action]]:
        """Yield the batch that is not complete, if there is one."""
        if self._batch:
            batch, self._batch, self._bytes = self._batch, [], 0
            yield batch
