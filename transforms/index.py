"""What an index of published documents offers, whichever engine holds it.

An index is filled by transactions, one per run, and asked by queries. The driver of a run fills
the transaction, writes the run's manifest, then commits: a store whose manifests name a run that
the index misses (``Index.runs``) applies that run again, which is harmless when it was applied.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import TracebackType

    import pyarrow as pa


class SearchIndexError(RuntimeError):
    """The index cannot be used; the message says why and what to do, in words for a user."""


class QueryError(ValueError):
    """The query asks for nothing that can be looked for; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for; every given condition must hold.

    ``text`` holds words, ``"phrases"``, ``prefix*``, ``-excluded`` and ``OR``. ``entities`` are
    names, or words of names, found whatever their case and accents; ``label`` (PER, ORG, LOC,
    MISC) says of which kind they are, or, alone, that there is one of that kind. ``source`` is
    any part of the source's name. ``since`` and ``until`` bound ``published_at``, both included.
    Without words and names the newest documents come first, else the best match.
    """

    text: str = ""
    language: str | None = None
    entities: tuple[str, ...] = ()
    label: str | None = None
    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 10
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of a snippet; ``is_match`` where it is what the query asked for."""

    text: str
    is_match: bool = False


@dataclass(frozen=True, slots=True)
class Snippet:
    """A passage of the text, to the character; ``cut_*`` where the text goes on beyond it."""

    fragments: tuple[Fragment, ...] = ()
    cut_before: bool = False
    cut_after: bool = False

    @property
    def text(self) -> str:
        """The passage without its marks."""
        return "".join(fragment.text for fragment in self.fragments)


@dataclass(frozen=True, slots=True)
class Name:
    """An entity of a document, and how often title and text mention it."""

    text: str
    label: str
    mentions: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A document found. ``score`` only orders the hits of one query: higher is better.

    ``entities`` are the most mentioned names of each label.
    """

    id: str
    source: str
    title: str
    language: str
    snippet: Snippet
    score: float
    published_at: datetime | None
    entities: tuple[Name, ...]
    duplicate_count: int


@dataclass(frozen=True, slots=True)
class Results:
    """``hits`` is the page asked for of ``total`` documents; ``took_ms`` is in milliseconds."""

    total: int
    hits: tuple[Hit, ...]
    took_ms: float


class Transaction(Protocol):
    """The changes of one run: all of them count from ``commit`` on, none before.

    Leaving the ``with`` block without ``commit`` rolls back. Where the index has applied the
    run already, ``skipped`` is true and every call does nothing.
    """

    @property
    def skipped(self) -> bool:
        """Whether the index has this run already."""

    def upsert(self, documents: pa.Table | pa.RecordBatch) -> None:
        """Publish documents (``transforms.document.SCHEMA``); one of the same id is replaced.

        An older store may lack columns of entities: they count as empty.
        """

    def delete(self, ids: Iterable[str]) -> None:
        """Take documents away; an id that is not there is no error."""

    def add_duplicates(self, counts: Mapping[str, int]) -> None:
        """Add to ``duplicate_count`` of published documents; unknown ids are ignored."""

    def prepare(self) -> None:
        """Do all that can be done, and can fail, before ``commit``."""

    def commit(self) -> None:
        """Let readers see the changes, all at once."""

    def rollback(self) -> None:
        """Forget the changes."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class Index(Protocol):
    """Where published documents are searched. Its methods raise ``SearchIndexError``."""

    @property
    def refused(self) -> int:
        """Number of documents that the index has refused for good since it was opened."""

    def begin(self, run_id: str | None) -> Transaction:
        """Open the transaction of a run; one at a time per index.

        One of no run (None) leaves no trace in ``runs``: its documents are those of a run to come.
        """

    def rebuild(self, run_ids: Iterable[str]) -> Transaction:
        """Open a transaction that starts from nothing and stands for all these runs.

        Readers see the old documents until ``commit`` swaps the new ones in.
        """

    def runs(self) -> frozenset[str]:
        """Ids of the runs applied; empty where there is no index yet."""

    def search(self, query: Query) -> Results:
        """The best documents for a query. Raises ``QueryError`` as well."""

    def versions(self, ids: Iterable[str]) -> dict[str, str]:
        """The run whose version of each document is in the index; ids not in it are left out."""

    def count(self) -> int:
        """Number of documents published."""

    def entries(self) -> Iterator[tuple[str, str, int]]:
        """Id, run and ``duplicate_count`` of every document, in any order."""

    def verify(self) -> list[str]:
        """Every disagreement inside the index, in words; an empty list where all is well."""

    def prune(self) -> list[str]:
        """Delete what rebuilds have replaced and kept; returns its names."""

    def close(self) -> None:
        """Release files and connections; an open transaction is rolled back."""
