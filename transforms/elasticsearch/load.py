"""The changes of a transaction as one stream of actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from transforms.elasticsearch.actions import Action, Failed, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from transforms.elasticsearch.bulk import BulkWriter

    OnFailed = Callable[[Failed], None]


class Load:
    """The actions of many changes as one stream; ``fail`` is told of each that is refused for good.

    Several changes are under way at once: of two on one document the greater version counts.
    """

    def __init__(self, writer: BulkWriter, fail: OnFailed) -> None:
        self._writer = writer
        self._fail = fail
        self._load = writer.load()

    def add(self, actions: Iterable[Action]) -> None:
        """Write actions, not all to their end."""
        for action in actions:
            self._tell(self._load.add(action))

    def flush(self) -> None:
        """Write what was added to its end."""
        self._tell(self._load.finish())
        self._load = self._writer.load()

    def _tell(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, Failed):
                self._fail(outcome)


def latest_time(documents: pa.Table | pa.RecordBatch) -> int:
    """The latest ``ingested_at``, in microseconds since 1970; 0 where there are no documents.

    A change of documents has no lower version than that, which is the greatest that ``to_action``
    gives them by itself: an index and a sink that write rows of one store agree on what is newer.
    """
    return pc.max(documents["ingested_at"]).value or 0


def last_of_each_id(documents: pa.Table | pa.RecordBatch) -> pa.Table:
    """The documents, of those with one id the last alone."""
    if isinstance(documents, pa.RecordBatch):
        documents = pa.Table.from_batches([documents])
    last = {identity: row for row, identity in enumerate(documents["id"].to_pylist())}
    if len(last) == documents.num_rows:
        return documents
    return documents.take(sorted(last.values()))
