"""The changes of a run, kept until its commit."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from transforms.elasticsearch.errors import ElasticsearchError
from transforms.elasticsearch.load import Load, last_of_each_id, latest_time
from transforms.index import SearchIndexError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

    from transforms.elasticsearch.actions import Action
    from transforms.elasticsearch.generation import Generation
    from transforms.elasticsearch.load import OnFailed

    PlainErrors = Callable[[], AbstractContextManager[None]]

_ROWS = 512


@dataclass(frozen=True, slots=True)
class _Change:
    """Makes the actions of a change, given the index and a version that is ``at_least`` this.

    ``reads`` says that it reads what the changes before it have written.
    """

    actions: Callable[[Generation, int], Iterable[Action]]
    at_least: int = 0
    reads: bool = False


class RunTransaction:
    """A ``transforms.index.Transaction`` that asks the server for nothing before ``commit``.

    The documents wait in a temporary file. So a run whose server is away can still be committed
    to its store; then ``commit`` alone fails, and what it has written by then is written again,
    with the same versions, when the run is applied the next time.
    """

    def __init__(
        self,
        run_id: str | None,
        open_live: Callable[[], Generation],
        fail: OnFailed,
        errors: PlainErrors,
    ) -> None:
        self._run_id = run_id
        self._open_live = open_live
        self._fail = fail
        self._errors = errors
        self._spool = tempfile.TemporaryFile()  # noqa: SIM115  closed by rollback
        self._changes: list[_Change] = []

    @property
    def skipped(self) -> bool:
        """Whether the index has this run already."""
        with self._errors():
            return self._run_id in self._open_live().state.runs

    def upsert(self, documents: pa.Table | pa.RecordBatch) -> None:
        """Publish documents; of several with one id in ``documents`` the last counts."""
        self._check()
        table = last_of_each_id(documents)
        start = self._spool.seek(0, 2)
        with pa.ipc.new_stream(self._spool, table.schema) as stream:
            stream.write_table(table, _ROWS)
        self._changes.append(_Change(partial(self._upserts, start), latest_time(table)))

    def _upserts(self, start: int, live: Generation, version: int) -> Iterator[Action]:
        self._spool.seek(start)
        with pa.ipc.open_stream(self._spool) as stream:
            for batch in stream:
                yield from live.upserts(batch, version)

    def delete(self, ids: Iterable[str]) -> None:
        """Take documents away."""
        self._check()
        gone = list(ids)
        self._changes.append(_Change(lambda live, version: live.deletes(gone, version)))

    def add_duplicates(self, counts: Mapping[str, int]) -> None:
        """Add to ``duplicate_count`` of published documents."""
        self._check()
        kept = dict(counts)
        self._changes.append(_Change(lambda live, version: live.counts(kept, version), reads=True))

    def prepare(self) -> None:
        """Nothing: no server that answers now is sure to do so after the manifest is written."""
        self._check()

    def commit(self) -> None:
        """Write the changes, let readers see them, note the run.

        Raises:
            ElasticsearchError: the server cannot be written to; the run is to be applied again.
        """
        self._check()
        try:
            with self._errors():
                live = self._open_live()
                if self._run_id not in live.state.runs:
                    self._apply(live)
        except ElasticsearchError as error:
            if self._run_id is None:
                raise
            raise type(error)(
                f"{error}. The Parquet files are safe, but the index lacks at least a part of "
                f"run {self._run_id}: the next run or `docsluice reindex` brings it there"
            ) from None
        self.rollback()

    def _apply(self, live: Generation) -> None:
        if self._run_id is not None:  # what is of no run is little, and is to be seen soon
            live.loosen(replicas=False)
        state = live.state
        version = state.version
        with live.writer() as writer:
            load = Load(writer, self._fail)
            for change in self._changes:
                version = max(version + 1, change.at_least)
                if change.reads:
                    load.flush()
                load.add(change.actions(live, version))
            load.flush()
        live.refresh()
        runs = state.runs if self._run_id is None else (*state.runs, self._run_id)
        live.restore(replace(state, runs=runs, version=version))

    def rollback(self) -> None:
        """Forget the changes; nothing once the transaction has ended."""
        self._spool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.rollback()

    def _check(self) -> None:
        if self._spool.closed:
            raise SearchIndexError("The transaction has ended: begin another")
