"""Writes actions to an Elasticsearch index in bulk: each gets its outcome, none is lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import BoundedSemaphore
from types import TracebackType
from typing import Self

from elasticsearch import Elasticsearch

from transforms.elasticsearch.actions import Action, Batcher, Outcome
from transforms.elasticsearch.config import ElasticsearchConfig
from transforms.elasticsearch.counters import Counters
from transforms.elasticsearch.delivery import Delivery
from transforms.elasticsearch.pace import Pace, Patience


class BulkWriter:
    """Writes to one index over one client; several threads may share it.

    What is refused for the moment (429, 5xx) is sent again alone, after a random wait that grows
    (exponential back-off with full jitter, as in Brooker's "Exponential Backoff And Jitter",
    AWS 2015). A request that is too large is cut in two. A document that is refused for good, or
    ``attempts`` times while the server takes others, is ``Failed``. A server that takes nothing
    at all is waited for, ``total_seconds`` long. As versions are external, sending again what had
    arrived changes nothing.

    No more than ``max_in_flight`` batches are in memory; fewer are sent at once while the server
    refuses some.
    """

    def __init__(self, client: Elasticsearch, index: str, config: ElasticsearchConfig) -> None:
        self.config = config
        self._delivery = Delivery(
            client,
            index,
            config,
            Pace(config.max_in_flight),
            Patience(config.total_seconds),
        )
        self._room = BoundedSemaphore(config.max_in_flight)
        self._pool = ThreadPoolExecutor(config.max_in_flight, thread_name_prefix="elasticsearch")

    @property
    def counters(self) -> Counters:
        """What was counted, over all threads."""
        return self._delivery.counters

    @property
    def pace(self) -> Pace:
        """How many requests are in flight, and may be."""
        return self._delivery.pace

    def write(self, actions: Iterable[Action]) -> Iterator[Outcome]:
        """Write actions; yield one outcome for each, in the order in which they become known.

        The actions are drawn only as fast as the server takes them. Actions on one document
        belong in different calls, or have different versions.

        Raises:
            ElasticsearchError: the server does not answer, or refuses whatever the document is.
                All actions may then be written again.
        """
        load = self.load()
        for action in actions:
            yield from load.add(action)
        yield from load.finish()

    def load(self) -> BulkLoad:
        """The same as ``write``, for who is handed the actions one by one."""
        return BulkLoad(self)

    def submit(self, batch: list[Action]) -> Future[list[Outcome]]:
        """Send a batch as soon as one more may be in memory; ``BulkLoad`` calls this."""
        self._room.acquire()
        try:
            return self._pool.submit(self._deliver, batch)
        except BaseException:
            self._room.release()
            raise

    def close(self) -> None:
        """End what is under way, waits at once, without an outcome; the client stays open."""
        self._delivery.closed.set()
        self._pool.shutdown(wait=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _deliver(self, batch: list[Action]) -> list[Outcome]:
        try:
            return self._delivery.deliver(batch)
        finally:
            self._room.release()


class BulkLoad:
    """A stream of actions through a writer; one thread adds, and learns what became of them."""

    def __init__(self, writer: BulkWriter) -> None:
        self._writer = writer
        self._batcher = Batcher(writer.config.batch_bytes, writer.config.batch_count)
        self._sent: set[Future[list[Outcome]]] = set()

    def add(self, action: Action) -> list[Outcome]:
        """Take an action; return the outcomes that have become known."""
        outcomes: list[Outcome] = []
        for batch in self._batcher.add(action):
            self._sent.add(self._writer.submit(batch))
            outcomes += self._known(timeout=0)
        return outcomes

    def finish(self) -> Iterator[Outcome]:
        """Send what is left, and yield the outcomes that are not known yet as they become so."""
        for batch in self._batcher.flush():
            self._sent.add(self._writer.submit(batch))
        while self._sent:
            yield from self._known(timeout=None)

    def _known(self, timeout: float | None) -> list[Outcome]:
        done, self._sent = wait(self._sent, timeout, FIRST_COMPLETED)
        return [outcome for future in done for outcome in future.result()]
