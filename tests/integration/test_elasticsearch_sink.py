"""What becomes of single documents, and of versions, in a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that
from elasticsearch import Elasticsearch

from tests.integration.loads import Target, by_sink, make_index, records
from tests.integration.servers.exchange import Forward, Request, Response
from tests.integration.servers.fault_proxy import FaultProxy
from tests.integration.servers.faults import forwarded, items_rejected
from tests.transforms.index_contract import documents
from transforms.elasticsearch import (
    Action,
    BulkWriter,
    ElasticsearchConfig,
    ElasticsearchIndex,
    Indexed,
    Outcome,
    WriteToElasticsearch,
    connect,
    to_action,
)

NUMBER = 300


@pytest.fixture
def target(elasticsearch_url: str, es_client: Elasticsearch, alias: str, tmp_path: Path) -> Target:
    server = ElasticsearchConfig((elasticsearch_url,))
    target = Target(elasticsearch_url, server, es_client, alias, tmp_path)
    make_index(target)
    return target


def write(target: Target, actions: Iterator[Action] | list[Action]) -> list[Outcome]:
    with (
        connect(target.config) as client,
        BulkWriter(client, target.alias, target.config) as writer,
    ):
        return sorted(writer.write(actions), key=lambda outcome: outcome.id)


def row(number: int, run: int = 1, **fields: object) -> dict[str, Any]:
    """A row of the store, written by a run that began at that minute."""
    when = datetime(2026, 1, 1, 0, run, tzinfo=UTC)
    plain = {"id": f"{number:05}", "source": f"file:///corpus#{number}", "ingested_at": when}
    return dict(documents(plain | fields).to_pylist()[0])


def source(target: Target, number: int) -> dict[str, Any]:
    """The document as the server has it."""
    found: dict[str, Any] = target.client.get(index=target.alias, id=f"{number:05}")["_source"]
    return found


def test_a_document_that_is_always_rejected_fails_alone(
    target: Target, fault_proxy: FaultProxy
) -> None:
    def only_the_fifth(request: Request, forward: Forward) -> Response:
        is_it = b'"_id":"00005"' in request.body and request.body.count(b'"_id"') == 1
        return (items_rejected(1.0) if is_it else forwarded)(request, forward)

    fault_proxy.inject(only_the_fifth)
    through = replace(target, url=fault_proxy.url, settings={"batch_count": 1, "attempts": 3})
    ended = by_sink(through, records(200))
    assert (ended.failed, ended.reasons) == ([5], {"rejected by the fault proxy"})
    assert target.stored() == [n for n in range(200) if n != 5]


def test_a_replay_changes_nothing_and_an_older_run_writes_over_nothing(target: Target) -> None:
    for _ in range(2):
        done = write(target, [to_action(row(n, run=2, title="new")) for n in range(NUMBER)])
        assert {outcome.status for outcome in done} <= {200, 201}
    older = write(target, [to_action(row(n, run=1, title="old")) for n in range(NUMBER)])
    assert {outcome.status for outcome in older} == {409}
    assert (target.stored(), source(target, 0)["title"]) == (list(range(NUMBER)), "new")
    version = to_action(row(1, run=3)).version
    removed = write(target, [Action("00001", version, None), Action("never there", version, None)])
    assert removed == [Indexed("00001", 200), Indexed("never there", 404)]
    assert len(target.stored()) == NUMBER - 1


def test_the_index_and_the_sink_write_the_same_and_agree_on_what_is_newer(target: Target) -> None:
    """Whichever writes last, the newest run is what counts."""

    def publish(index: ElasticsearchIndex, run: int, duplicates: int = 0) -> None:
        with index.begin(f"{run}") as transaction:
            transaction.upsert(documents(row(0, run, title=f"run {run}")))
            transaction.add_duplicates({"00000": duplicates})
            transaction.commit()

    def by_index_then_sink(index: ElasticsearchIndex, run: int) -> None:
        publish(index, run)
        (outcome,) = write(target, [to_action(row(0, run, title=f"run {run}"))])
        assert outcome.status in (200, 409)
        assert source(target, 0)["title"] == f"run {run}"

    with ElasticsearchIndex(target.server, target.alias, ()) as index:
        by_index_then_sink(index, 1)
        by_index = source(target, 0)
        write(target, [to_action(row(0, run=2, title="run 2"))])
        assert source(target, 0).keys() == by_index.keys()
        by_index_then_sink(index, 3)
        with index.rebuild(["1", "2", "3"]) as transaction:
            for run in (1, 2, 3):
                transaction.upsert(documents(row(0, run, title=f"run {run}")))
            transaction.commit()
        write(target, [to_action(row(0, run=2, title="run 2"))])
        assert source(target, 0)["title"] == "run 3"
        publish(index, 4, duplicates=2)
        write(target, [to_action(row(0, run=4, title="run 4"))])
        assert source(target, 0)["duplicate_count"] == 2
        with index.begin("5") as transaction:
            transaction.delete(["00000"])
            transaction.commit()
        write(target, [to_action(row(0, run=4, title="run 4"))])
        assert target.stored() == []


def test_the_step_of_a_pipeline_loses_nothing(target: Target, fault_proxy: FaultProxy) -> None:
    fault_proxy.inject(items_rejected(0.2))
    rows = [row(n) for n in range(NUMBER)]
    rows[13]["language"] = "x" * 40_000  # Lucene takes no term of more than 32,766 bytes
    config = ElasticsearchConfig((fault_proxy.url,), batch_count=20)

    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        written = pipeline | beam.Create(rows) | WriteToElasticsearch(target.alias, config)
        assert_that(written.indexed | beam.Map(lambda done: done.id), is_each_of(NUMBER - 1))
        assert_that(written.failed | beam.Map(lambda one: one.id), is_the_poison, label="failed")
    assert target.stored() == [n for n in range(NUMBER) if n != 13]


def is_each_of(number: int) -> Callable[[list[str]], None]:
    def check(ids: list[str]) -> None:
        assert len(ids) == len(set(ids)) == number

    return check


def is_the_poison(ids: list[str]) -> None:
    assert ids == ["00013"]
