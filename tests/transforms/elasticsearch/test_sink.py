from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.metrics.metric import MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.transforms.window import FixedWindows, TimestampedValue

from tests.transforms.elasticsearch.stand_in import StandIn
from tests.transforms.index_contract import documents
from transforms.elasticsearch import sink
from transforms.elasticsearch.actions import Failed
from transforms.elasticsearch.config import ElasticsearchConfig
from transforms.elasticsearch.sink import WriteToElasticsearch


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn(lambda ids: [400 if id_ == "poison" else 201 for id_ in ids]) as server:
        yield server


def config(server: StandIn) -> ElasticsearchConfig:
    return ElasticsearchConfig((server.url,), batch_count=10)


def table(number: int) -> pa.Table:
    return documents(*({"id": str(n), "text": "water"} for n in range(number)))


def pipeline() -> beam.Pipeline:
    return beam.Pipeline("FnApiRunner", PipelineOptions(["--direct_num_workers=1"]))


@pytest.mark.parametrize(
    "elements",
    [table(25).to_pylist(), [table(25)], table(25).to_batches(max_chunksize=7)],
    ids=["rows", "table", "record batches"],
)
def test_rows_and_tables_of_rows_are_written(server: StandIn, elements: list[object]) -> None:
    with pipeline() as p:
        written = p | beam.Create(elements) | WriteToElasticsearch("docs", config(server))
        assert_that(
            written.indexed | beam.Map(lambda done: (done.id, done.status)),
            equal_to([(str(n), 201) for n in range(25)]),
        )
        assert_that(written.failed, equal_to([]), label="failed")
    assert sorted(chain.from_iterable(server.requests), key=int) == [str(n) for n in range(25)]
    assert any(target.endswith("/docs/_bulk?filter_path=errors,items.*.status,items.*.error")
               for target in server.targets)  # fmt: skip


def test_what_the_server_and_what_the_function_refuses_fails(server: StandIn) -> None:
    rows = [*table(3).to_pylist(), *documents({"id": "poison"}).to_pylist(), {"id": "no document"}]
    with pipeline() as p:
        written = p | beam.Create(rows) | WriteToElasticsearch("docs", config(server))
        assert_that(
            written.failed | beam.Map(lambda one: (one.id, one.status, one.error_type)),
            equal_to([("poison", 400, "played"), ("no document", 0, "KeyError")]),
        )
        assert_that(
            written.indexed | beam.combiners.Count.Globally(), equal_to([3]), label="indexed"
        )


def test_outcomes_stay_in_the_window_of_their_document(server: StandIn) -> None:
    rows = table(20).to_pylist()
    with pipeline() as p:
        written = (
            p
            | beam.Create(rows)
            | beam.Map(lambda row: TimestampedValue(row, int(row["id"])))
            | beam.WindowInto(FixedWindows(5))
            | WriteToElasticsearch("docs", config(server))
        )
        counted = (
            written.indexed
            | beam.CombineGlobally(beam.combiners.CountCombineFn()).without_defaults()
        )
        assert_that(counted, equal_to([5, 5, 5, 5]))


def test_the_runner_is_told_the_counts(server: StandIn) -> None:
    p = pipeline()
    p | beam.Create(table(25).to_pylist()) | WriteToElasticsearch("docs", config(server))
    result = p.run()
    result.wait_until_finish()
    counters = {
        counter.key.metric.name: counter.committed
        for counter in result.metrics().query(MetricsFilter().with_namespace("elasticsearch"))[
            "counters"
        ]
    }
    assert counters["indexed"] == 25
    assert counters["requests"] == len(server.requests)
    assert counters["bytes"] == sum(map(len, server.bodies))


def test_a_process_shares_one_writer_until_the_last_one_lets_go(server: StandIn) -> None:
    first = sink._writers.acquire("docs", config(server))
    assert sink._writers.acquire("docs", config(server)) is first
    assert server.targets == ["GET /"]
    sink._writers.release("docs", config(server))
    assert len(list(first.write([]))) == 0
    assert sink._writers.acquire("docs", config(server)) is first
    for _ in range(2):
        sink._writers.release("docs", config(server))
    assert sink._writers.acquire("docs", config(server)) is not first
    sink._writers.release("docs", config(server))


def test_a_row_without_an_id_fails_without_one() -> None:
    assert sink._unusable({}, ValueError("odd")) == Failed("", 0, "ValueError", "odd", None)
