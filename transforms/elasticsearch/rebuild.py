"""A new index from nothing, which takes the place of the old one at its commit."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Self

from transforms.elasticsearch.errors import ElasticsearchError
from transforms.elasticsearch.generation import Generation
from transforms.elasticsearch.load import Load, last_of_each_id, latest_time
from transforms.index import SearchIndexError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

    import pyarrow as pa

    from transforms.elasticsearch.actions import Action
    from transforms.elasticsearch.load import OnFailed


class RebuildTransaction:
    """A ``transforms.index.Transaction`` that fills a new index, which ``commit`` puts in place."""

    def __init__(
        self,
        run_ids: tuple[str, ...],
        new: Generation,
        swap: Callable[[Generation], None],
        fail: OnFailed,
        errors: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._run_ids = run_ids
        self._new = new
        self._swap = swap
        self._errors = errors
        self._version = 0
        self._ended = False
        self._writer = new.writer()
        self._load = Load(self._writer, fail)

    @property
    def skipped(self) -> bool:
        """Never: a new index has no runs."""
        return False

    def upsert(self, documents: pa.Table | pa.RecordBatch) -> None:
        """Publish documents; of several with one id in ``documents`` the last counts."""
        last = last_of_each_id(documents)
        self._write(partial(Generation.upserts, documents=last), latest_time(last))

    def delete(self, ids: Iterable[str]) -> None:
        """Take documents away."""
        self._write(partial(Generation.deletes, ids=ids))

    def add_duplicates(self, counts: Mapping[str, int]) -> None:
        """Add to ``duplicate_count`` of published documents."""
        with self._errors():
            self._load.flush()
        self._write(partial(Generation.counts, counts=counts))

    def prepare(self) -> None:
        """Refresh the new index and give it its settings; searches do not see it yet."""
        self._check()
        with self._errors():
            self._load.flush()
            self._new.refresh()
            self._new.restore(replace(self._new.state, runs=self._run_ids, version=self._version))

    def commit(self) -> None:
        """Put the new index in the place of the old one, at once; the old one stays."""
        self.prepare()
        with self._errors():
            self._swap(self._new)
        self._end()

    def rollback(self) -> None:
        """Delete the new index; nothing once the transaction has ended."""
        if self._ended:
            return
        self._end()
        try:
            with self._errors():
                self._new.remove()
        except ElasticsearchError:
            return  # the server is away: the next rebuild removes it

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.rollback()

    def _write(self, change: Callable[..., Iterable[Action]], at_least: int = 0) -> None:
        self._check()
        self._version = max(self._version + 1, at_least)
        with self._errors():
            self._load.add(change(self._new, version=self._version))

    def _end(self) -> None:
        self._writer.close()
        self._ended = True

    def _check(self) -> None:
        if self._ended:
            raise SearchIndexError("The transaction has ended: begin another")
