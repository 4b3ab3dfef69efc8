"""The index in an Elasticsearch server, behind an alias.

Documents lie in ``ALIAS-VERSION-STAMP``, the alias leads to one such index, and ``ALIAS-state``
keeps what is known of them. A rebuild fills a new one and lets the alias change over, which the
server does at once; the old one stays until ``prune``.
"""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Self

from elasticsearch import ApiError, NotFoundError, TransportError

from transforms.elasticsearch import templates
from transforms.elasticsearch.config import ElasticsearchConfig
from transforms.elasticsearch.connection import Connection
from transforms.elasticsearch.entries import entries
from transforms.elasticsearch.errors import ElasticsearchRefusedError, explain
from transforms.elasticsearch.generations import Generations
from transforms.elasticsearch.queries import search_body
from transforms.elasticsearch.rebuild import RebuildTransaction
from transforms.elasticsearch.search import to_results
from transforms.elasticsearch.transaction import RunTransaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from transforms.elasticsearch.actions import Failed
    from transforms.index import Query, Results

log = logging.getLogger(__name__)

DEFAULT_ALIAS = "docsluice"
DEFAULT_LANGUAGES = ("de", "en", "es", "fr")

_ALIAS = re.compile(r"[a-z][a-z0-9_.]*(-[a-z_.][a-z0-9_.]*)*")
_LONGEST_ALIAS = 200


def check_alias(alias: str) -> None:
    """Raises ``ValueError`` for what cannot be the alias of indices."""
    if not _ALIAS.fullmatch(alias) or len(alias) > _LONGEST_ALIAS:
        raise ValueError(
            f"{alias!r} cannot name an index: take small letters, digits, _, . and -, "
            "with a letter first and after each -"
        )


def _log_failed(failed: Failed) -> None:
    log.warning("Elasticsearch refuses document %s: %s", failed.id, failed.reason)


class ElasticsearchIndex:
    """A ``transforms.index.Index`` in a server; one process writes to an alias at a time.

    Args:
        config: how to reach the server; it is asked for nothing before the first call.
        alias: the name that searches use, and that all the index's names begin with.
        languages: ISO 639-1 codes of those that title and text get a subfield for, analysed by the
            server's analyzer of that language; ``search`` does not use them, Kibana can.
        on_failed: told of each document that the server refuses for good; else a warning says it.
        waits: whether all but the first contact and ``search`` wait for a server that is away or
            busy, as long as ``config.total_seconds`` says.

    Raises:
        ValueError: an alias that cannot be, or a language without an analyzer.
    """

    def __init__(
        self,
        config: ElasticsearchConfig,
        alias: str = DEFAULT_ALIAS,
        languages: Iterable[str] = DEFAULT_LANGUAGES,
        on_failed: Callable[[Failed], None] | None = None,
        waits: bool = True,
    ) -> None:
        check_alias(alias)
        self.alias = alias
        self._config = config
        self._languages = tuple(templates.analyzers(languages))
        self._on_failed = on_failed or _log_failed
        self._waits = waits
        self._refused = 0
        self._connected: Connection | None = None
        self._transaction: RunTransaction | RebuildTransaction | None = None

    @property
    def refused(self) -> int:
        """Number of documents that the server has refused for good since this was opened."""
        return self._refused

    def connect(self) -> None:
        """Reach the server now; else the first call does.

        Raises:
            ValueError: a secret or a certificate that is not where the configuration says.
        """
        if self._connected is None:
            self._connected = Connection.open(self._config, waits=self._waits)

    def begin(self, run_id: str | None) -> RunTransaction:
        """Open the transaction of a run, or of none; nothing is asked for before its commit."""
        transaction = RunTransaction(
            run_id, lambda: self._generations.open_live(), self._fail, self._errors
        )
        self._transaction = transaction
        return transaction

    def rebuild(self, run_ids: Iterable[str]) -> RebuildTransaction:
        """Open a transaction that fills a new index."""
        self.recover()
        with self._errors():
            new = self._generations.create(is_live=False)
            new.loosen(replicas=True)
        transaction = RebuildTransaction(
            tuple(run_ids), new, self._generations.swap, self._fail, self._errors
        )
        self._transaction = transaction
        return transaction

    def recover(self) -> None:
        """Mend what a load that died has left: loosened settings, an index that is not complete.

        For who writes, before it writes: another process that fills the index must not run.
        """
        with self._errors():
            self._generations.recover()

    def runs(self) -> frozenset[str]:
        """Ids of the runs applied; empty where there is no index yet."""
        with self._errors():
            return frozenset(self._generations.runs())

    def search(self, query: Query) -> Results:
        """The best documents for a query."""
        body = search_body(query)
        began = perf_counter()
        with self._errors():
            try:
                answer = self._connection.prompt.search(
                    index=self.alias,
                    query=body["query"],
                    sort=body["sort"],
                    from_=body["from"],
                    size=body["size"],
                    source=body["_source"],
                    track_scores=body["track_scores"],
                    track_total_hits=True,
                    allow_partial_search_results=False,
                )
            except NotFoundError:
                raise ElasticsearchRefusedError(
                    f"there is no index {self.alias} at {self._config.where}: "
                    "`docsluice run --index elasticsearch` or `docsluice reindex` makes it"
                ) from None
        return to_results(query, answer.body, (perf_counter() - began) * 1000)

    def versions(self, ids: Iterable[str]) -> dict[str, str]:
        """The run whose version of each document is in the index."""
        wanted = list(ids)
        with self._errors():
            if not wanted or self._generations.live() is None:
                return {}
            answer = self._connection.prompt.mget(index=self.alias, ids=wanted, source=["run_id"])
        return {one["_id"]: one["_source"]["run_id"] for one in answer["docs"] if one.get("found")}

    def count(self) -> int:
        """Number of documents published; none where there is no index yet."""
        with self._errors():
            if self._generations.live() is None:
                return 0
            count: int = self._connection.patient.count(index=self.alias)["count"]
            return count

    def entries(self) -> Iterator[tuple[str, str, int]]:
        """Id, run and ``duplicate_count`` of every document; none where there is no index yet."""
        with self._errors():
            if self._generations.live() is not None:
                yield from entries(self._connection.patient, self.alias)

    def verify(self) -> list[str]:
        """Every disagreement between alias, index, its mapping and what is known of it."""
        with self._errors():
            return self._generations.verify()

    def prune(self) -> list[str]:
        """Delete the indices of earlier rebuilds; returns their names."""
        with self._errors():
            return self._generations.prune()

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back."""
        if self._transaction:
            self._transaction.rollback()
        if self._connected:
            self._connected.close()
        self._transaction = self._connected = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _connection(self) -> Connection:
        self.connect()
        assert self._connected is not None  # noqa: S101  connect has seen to it
        return self._connected

    @property
    def _generations(self) -> Generations:
        return Generations(self._connection, self.alias, self._languages)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (ApiError, TransportError) as error:
            raise explain(error, self._config.where, self._config.credentials) from None

    def _fail(self, failed: Failed) -> None:
        self._refused += 1
        self._on_failed(failed)
