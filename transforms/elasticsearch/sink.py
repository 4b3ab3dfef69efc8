"""Documents into an Elasticsearch index, as a step of any Beam pipeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, NamedTuple, TypeAlias

import apache_beam as beam
import pyarrow as pa
from apache_beam.metrics import Metrics
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.window import BoundedWindow
from apache_beam.utils.windowed_value import WindowedValue
from elasticsearch import Elasticsearch

from transforms.elasticsearch.actions import Action, Failed, Indexed, Outcome, to_action
from transforms.elasticsearch.bulk import BulkLoad, BulkWriter
from transforms.elasticsearch.config import ElasticsearchConfig, connect
from transforms.elasticsearch.rows import to_rows

Rows: TypeAlias = "Mapping[str, Any] | pa.Table | pa.RecordBatch"
"""An element: a row, or an Arrow table of rows."""

ToAction = Callable[[Mapping[str, Any]], Action]

_INDEXED, _FAILED = "indexed", "failed"


class Written(NamedTuple):
    """What became of the documents: each is in one of the two."""

    indexed: beam.PCollection[Indexed]
    failed: beam.PCollection[Failed]


@dataclass
class WriteToElasticsearch(beam.PTransform[beam.PCollection[Rows], Written]):
    """Writes documents to an index or alias; nothing is lost, and a replay changes nothing.

    An element is one row (a mapping, as ``ReadFromParquet`` gives) or an Arrow table of rows (as
    ``ReadFromParquetBatched`` does, which costs less). A bundle ends when all of its documents
    have an outcome. A process has one client and one ``BulkWriter``, whatever its threads.

    Beam counts, in the namespace ``elasticsearch``, the fields of
    ``transforms.elasticsearch.counters.Tally``.

    Attributes:
        index: name of the index or alias.
        config: the server, and how to write to it.
        to_action: makes the action of a row; where it raises, the row is ``failed``. It decides
            on ``_id`` and version. It travels to the workers, so it must pickle.

    Raises (in the workers):
        ElasticsearchError: the server cannot be used at all. One that does not answer is waited
            for. Call ``connect`` before the pipeline runs, to tell at once.
    """

    index: str
    config: ElasticsearchConfig
    to_action: ToAction = to_action

    def expand(self, rows: beam.PCollection[Rows]) -> Written:
        """Wire the step."""
        step = beam.ParDo(_Write(self.index, self.config, self.to_action))
        outcomes = rows | "Write" >> step.with_outputs(_INDEXED, _FAILED)
        return Written(outcomes[_INDEXED], outcomes[_FAILED])


class _Write(beam.DoFn):
    def __init__(self, index: str, config: ElasticsearchConfig, to_action: ToAction) -> None:
        self._index = index
        self._config = config
        self._to_action = to_action

    def setup(self) -> None:
        self._writer = _writers.acquire(self._index, self._config)

    def start_bundle(self) -> None:
        self._loads: dict[BoundedWindow, BulkLoad] = {}

    def process(
        self, element: Rows, window: BoundedWindow = beam.DoFn.WindowParam
    ) -> Iterator[TaggedOutput]:
        if window not in self._loads:
            self._loads[window] = self._writer.load()
        load = self._loads[window]
        for row in _rows(element):
            try:
                action = self._to_action(row)
            except Exception as error:
                yield TaggedOutput(_FAILED, _unusable(row, error))
                continue
            for outcome in load.add(action):
                yield TaggedOutput(_tag(outcome), outcome)

    def finish_bundle(self) -> Iterator[TaggedOutput]:
        for window, load in self._loads.items():
            at = window.max_timestamp()
            for outcome in load.finish():
                yield TaggedOutput(_tag(outcome), WindowedValue(outcome, at, (window,)))
        for name, amount in self._writer.counters.take().items():
            Metrics.counter("elasticsearch", name).inc(amount)

    def teardown(self) -> None:
        _writers.release(self._index, self._config)


class _Writers:
    """The writers of this process, each for as long as someone uses it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._open: dict[tuple[str, ElasticsearchConfig], tuple[BulkWriter, Elasticsearch]] = {}
        self._users: Counter[tuple[str, ElasticsearchConfig]] = Counter()

    def acquire(self, index: str, config: ElasticsearchConfig) -> BulkWriter:
        key = index, config
        with self._lock:
            if key not in self._open:
                client = connect(config, waits=True)
                self._open[key] = BulkWriter(client, index, config), client
            self._users[key] += 1
            return self._open[key][0]

    def release(self, index: str, config: ElasticsearchConfig) -> None:
        key = index, config
        with self._lock:
            self._users[key] -= 1
            if not self._users[key]:
                writer, client = self._open.pop(key)
                writer.close()
                client.close()


_writers = _Writers()


def _rows(element: Rows) -> Iterator[Mapping[str, Any]]:
    if isinstance(element, pa.Table | pa.RecordBatch):
        yield from to_rows(element)
    else:
        yield element


def _tag(outcome: Outcome) -> str:
    return _FAILED if isinstance(outcome, Failed) else _INDEXED


def _unusable(row: Mapping[str, Any], error: Exception) -> Failed:
    return Failed(str(row.get("id", "")), 0, type(error).__name__, str(error), None)
