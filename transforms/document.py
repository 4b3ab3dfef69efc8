"""The records that flow: Document, Batch, and what is said of a document that does not go on.

``SCHEMA`` is the only definition of the published record; ``LEDGER_SCHEMA`` the only one of a
ledger row. Everything that reads or writes Parquet takes them from here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Literal

import pyarrow as pa

ENTITY_LABELS = ("PER", "ORG", "LOC", "MISC")
UNDETERMINED = "und"
"""ISO 639-2 code of a text whose language cannot be told."""

MAX_PAYLOAD = 64 * 1024
"""Bytes of a document's text that a dead letter carries."""

OutcomeName = Literal["kept", "duplicate", "rejected", "failed", "deleted"]


@dataclass(frozen=True, slots=True)
class Entity:
    """A named entity; ``start`` and ``end`` are character offsets in the text or title it is of."""

    text: str
    label: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """One document on its way; stages return changed copies (``dataclasses.replace``).

    ``source`` is the URI of the file and, where the file holds many documents, ``#`` and the
    record's key. ``source_version`` (of the file) and ``priority`` (rank of the source on the
    command line, 0 first) steer the run and are not published.
    """

    id: str
    source: str
    source_version: str = ""
    priority: int = 0
    media_type: str = "text/plain"
    title: str = ""
    text: str = ""
    published_at: datetime | None = None
    language: str = UNDETERMINED
    language_confidence: float = 0.0
    entities: tuple[Entity, ...] = ()
    title_entities: tuple[Entity, ...] = ()
    content_hash: str = ""
    cluster_id: str = ""
    duplicate_count: int = 0
    duplicate_of: str | None = None
    similarity: float | None = None
    word_count: int = 0
    quality: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A document, or a whole source file, that does not go on, and why.

    ``outcome`` is ``rejected`` for what was judged unfit (empty, binary, low quality) and
    ``failed`` for what could not be processed; the latter is also a dead letter, with the
    ``stage``, the ``error_type`` and, where there is one, the ``payload`` to replay.
    """

    id: str
    source: str
    source_version: str
    outcome: Literal["rejected", "failed"]
    reason: str
    stage: str
    error_type: str = ""
    payload: str | None = None
    content_hash: str = ""


def failure(document: Document, stage: str, error: Exception) -> Rejected:
    """A document on which a stage failed."""
    payload = document.text.encode("utf-8", "replace")[:MAX_PAYLOAD]
    return Rejected(
        id=document.id,
        source=document.source,
        source_version=document.source_version,
        outcome="failed",
        reason=f"{type(error).__name__}: {error}",
        stage=stage,
        error_type=type(error).__name__,
        payload=payload.decode("utf-8", "ignore"),
        content_hash=document.content_hash,
    )


@dataclass(frozen=True, slots=True)
class Batch:
    """Documents that travel together: the unit of work of every stage and of every file.

    ``part`` names the batch by its place in the plan, so the files a batch ends in have the
    same names however many workers there are.
    """

    part: str
    documents: tuple[Document, ...]


RejectedOfPart = tuple[str, tuple[Rejected, ...]]
"""The name of a part, and what was rejected of it at one stage."""


def document_id(uri: str, key: str = "") -> str:
    """Identity of a document: blake2b-128 hex of its source URI and its key in the source."""
    return blake2b(f"{uri}\x00{key}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def source_of(uri: str, key: str = "") -> str:
    """Name of a document in ``source``: the file's URI, and ``#key`` where it has one."""
    return f"{uri}#{key}" if key else uri


_TIMESTAMP = pa.timestamp("us", tz="UTC")
_ENTITIES = pa.list_(
    pa.struct(
        [
            ("text", pa.string()),
            ("label", pa.string()),
            ("start", pa.int32()),
            ("end", pa.int32()),
        ]
    )
)

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("language_confidence", pa.float32(), nullable=False),
        pa.field("published_at", _TIMESTAMP),
        pa.field("entities", _ENTITIES, nullable=False),
        pa.field("title_entities", _ENTITIES, nullable=False),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("cluster_id", pa.string(), nullable=False),
        pa.field("duplicate_count", pa.int32(), nullable=False),
        pa.field("duplicate_of", pa.string()),
        pa.field("similarity", pa.float32()),
        pa.field("word_count", pa.int32(), nullable=False),
        pa.field("quality", pa.list_(pa.string()), nullable=False),
        pa.field("media_type", pa.string(), nullable=False),
        pa.field("metadata", pa.map_(pa.string(), pa.string()), nullable=False),
        pa.field("ingested_at", _TIMESTAMP, nullable=False),
        pa.field("run_id", pa.string(), nullable=False),
    ]
)

_ADDED = ("title_entities",)
"""Columns that stores of earlier versions do not have."""

LEDGER_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("source_version", pa.string(), nullable=False),
        pa.field("outcome", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("duplicate_of", pa.string()),
        pa.field("similarity", pa.float32()),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("run_id", pa.string(), nullable=False),
        pa.field("recorded_at", _TIMESTAMP, nullable=False),
    ]
)


def completed(documents: pa.Table | pa.RecordBatch) -> pa.Table | pa.RecordBatch:
    """Documents of an older store, with the columns that its version did not have: empty lists."""
    for name in _ADDED:
        if name not in documents.schema.names:
            empty = pa.array([[]] * documents.num_rows, SCHEMA.field(name).type)
            documents = documents.append_column(SCHEMA.field(name), empty)
    return documents
