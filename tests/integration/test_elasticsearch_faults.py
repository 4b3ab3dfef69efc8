"""Whatever a server does, each document ends up in the index once, or is a failed outcome.

The server is real; a proxy before it plays the faults that it cannot be made to show.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import apache_beam as beam
import orjson
import pytest
from apache_beam.testing.util import assert_that
from elasticsearch import Elasticsearch

from tests.integration.loads import (
    INDEX,
    NUMBER,
    Loaded,
    action,
    actions,
    config_for,
    fresh_index,
    load,
    stored,
)
from tests.integration.servers.elasticsearch import Elasticsearch as Server
from tests.integration.servers.exchange import Fault, Forward, Request, Response
from tests.integration.servers.fault_proxy import FaultProxy
from tests.integration.servers.faults import (
    answered,
    busier_than,
    cut_off,
    first,
    forwarded,
    items_rejected,
    larger_than,
    refused,
    reset,
    slow,
    sometimes,
    when,
)
from transforms.elasticsearch import (
    Action,
    BulkWriter,
    ElasticsearchRefusedError,
    ElasticsearchUnreachableError,
    ElasticsearchVersionError,
    Indexed,
    WriteToElasticsearch,
    connect,
)


@pytest.fixture
def client(elasticsearch_url: str) -> Iterator[Elasticsearch]:
    """A client of the server itself, with a new index."""
    with Elasticsearch(elasticsearch_url) as client:
        fresh_index(client)
        yield client
        client.indices.delete(index=INDEX, ignore_unavailable=True)


@dataclass(frozen=True)
class Case:
    """A fault that passes, and which counter shows that it happened."""

    fault: Fault
    seen: str = "refusals"
    settings: dict[str, Any] = field(default_factory=dict)


PASSING: dict[str, Callable[[], Case]] = {
    "a fifth of the documents rejected": lambda: Case(items_rejected(0.2), "retries"),
    "a fifth of the documents with errors": lambda: Case(
        items_rejected(0.2, status=503), "retries"
    ),
    "whole requests rejected": lambda: Case(sometimes(0.3, refused(429))),
    "nothing taken at first": lambda: Case(first(12, refused(429))),
    "busy with more than one request": lambda: Case(busier_than(1, refused(429))),
    "unavailable": lambda: Case(sometimes(0.3, refused(503))),
    "bad gateway": lambda: Case(sometimes(0.3, refused(502))),
    "gateway timed out": lambda: Case(sometimes(0.3, refused(504))),
    "reset before the request": lambda: Case(sometimes(0.3, reset)),
    "reset in the middle of an answer": lambda: Case(sometimes(0.3, cut_off(200))),
    "slow beyond the limit": lambda: Case(
        sometimes(0.2, slow(1.5)), settings={"timeout_seconds": 1}
    ),
    "slow": lambda: Case(slow(0.2), "requests"),
    "an answer of something else": lambda: Case(first(3, answered({"hello": "world"}))),
    "too large": lambda: Case(larger_than(10_000, refused(413)), "splits"),
}


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_is_waited_out(
    client: Elasticsearch, fault_proxy: FaultProxy, name: str
) -> None:
    case = PASSING[name]()
    config = replace(config_for(fault_proxy.url), **case.settings)
    fault_proxy.inject(case.fault)
    loaded = load(config, client, actions())
    loaded.check()
    assert getattr(loaded.writer.counters.total, case.seen) > 0
    assert loaded.writer.pace.most_in_flight <= config.max_in_flight


def test_an_outage_of_a_minute_is_waited_out(
    client: Elasticsearch, fault_proxy: FaultProxy
) -> None:
    def during() -> Iterator[Action]:
        for each in actions():
            if each.id == "id-1000":
                fault_proxy.outage(60)
            yield each

    began = time.monotonic()
    load(config_for(fault_proxy.url), client, during()).check()
    assert time.monotonic() - began > 55


def test_a_server_that_restarts_is_waited_for(own_elasticsearch: Server) -> None:
    restarting: list[threading.Thread] = []

    def restart() -> None:
        own_elasticsearch.stop()
        own_elasticsearch.start()

    def during() -> Iterator[Action]:
        for each in actions():
            if each.id == "id-1000":
                restarting.append(threading.Thread(target=restart))
                restarting[0].start()
            yield each

    with Elasticsearch(own_elasticsearch.url) as client:
        fresh_index(client)
        config = replace(config_for(own_elasticsearch.url), total_seconds=300)
        with connect(config) as own, BulkWriter(own, INDEX, config) as writer:
            outcomes = list(writer.write(during()))
        restarting[0].join()
        Loaded(outcomes, writer, stored(client)).check()


def test_one_poison_document_in_ten_thousand_is_the_only_one_that_fails(
    client: Elasticsearch, elasticsearch_url: str
) -> None:
    documents = (action(n, n="no number") if n == 7777 else action(n) for n in range(10_000))
    loaded = load(config_for(elasticsearch_url), client, documents)
    loaded.check(10_000, failed={"id-7777"})
    (failed,) = loaded.failed
    assert (failed.status, failed.error_type) == (400, "document_parsing_exception")
    assert "no number" in failed.reason
    assert orjson.loads(failed.body or b"")["n"] == "no number"


def test_fields_that_the_mapping_lacks_are_told_by_the_server(
    client: Elasticsearch, elasticsearch_url: str
) -> None:
    wrong = set(range(0, NUMBER, 7))
    documents = (action(n, **({"y": 1} if n in wrong else {})) for n in range(NUMBER))
    loaded = load(config_for(elasticsearch_url), client, documents)
    loaded.check(failed={f"id-{n}" for n in wrong})
    assert all("[y]" in failed.reason for failed in loaded.failed)


def test_a_document_of_120_mb_fails_alone(client: Elasticsearch, elasticsearch_url: str) -> None:
    documents = (action(n, x="x" * 120_000_000) if n == 500 else action(n) for n in range(NUMBER))
    loaded = load(config_for(elasticsearch_url), client, documents)
    loaded.check(failed={"id-500"})
    (failed,) = loaded.failed
    assert (failed.status, failed.reason) == (413, "Request Entity Too Large")


def block_index(client: Elasticsearch, name: str, value: bool | None) -> None:
    client.indices.put_settings(index=INDEX, settings={f"index.blocks.{name}": value})


@pytest.fixture
def full_disk(client: Elasticsearch) -> Iterator[Callable[[bool], None]]:
    """Sets the block that the server itself sets when a disk is full."""
    yield lambda is_full: block_index(client, "read_only_allow_delete", is_full or None)
    block_index(client, "read_only_allow_delete", None)


def test_a_disk_that_is_full_for_a_while_is_waited_for(
    client: Elasticsearch, elasticsearch_url: str, full_disk: Callable[[bool], None]
) -> None:
    def during() -> Iterator[Action]:
        for each in actions():
            if each.id == "id-1000":
                full_disk(True)
                threading.Timer(3, full_disk, [False]).start()
            yield each

    loaded = load(config_for(elasticsearch_url), client, during())
    loaded.check()
    assert loaded.writer.counters.total.retries > 0


def test_a_disk_that_stays_full_ends_the_load_and_a_replay_completes_it(
    client: Elasticsearch, elasticsearch_url: str, full_disk: Callable[[bool], None]
) -> None:
    def during() -> Iterator[Action]:
        for each in actions():
            if each.id == "id-1000":
                full_disk(True)
            yield each

    config = replace(config_for(elasticsearch_url), total_seconds=2)
    with pytest.raises(ElasticsearchRefusedError, match=r"taken for 2 s: .*disk usage exceeded"):
        load(config, client, during())
    full_disk(False)
    load(config, client, actions()).check()


def test_an_index_that_nobody_may_write_to_is_no_documents_fault(
    client: Elasticsearch, elasticsearch_url: str
) -> None:
    block_index(client, "write", True)
    with pytest.raises(ElasticsearchRefusedError, match=f"{INDEX}.* blocked"):
        load(config_for(elasticsearch_url), client, actions())


def test_a_server_that_stays_away_ends_the_load_and_a_replay_completes_it(
    client: Elasticsearch, fault_proxy: FaultProxy
) -> None:
    def during() -> Iterator[Action]:
        for each in actions():
            if each.id == "id-1000":
                fault_proxy.outage()
            yield each

    config = replace(config_for(fault_proxy.url), total_seconds=2)
    with pytest.raises(
        ElasticsearchUnreachableError, match=f"{fault_proxy.url} does not answer, .* for 2 s"
    ):
        load(config, client, during())
    assert len(stored(client)) < NUMBER
    fault_proxy.recover()
    load(config, client, actions()).check()


def test_a_document_that_is_always_rejected_fails_alone(
    client: Elasticsearch, fault_proxy: FaultProxy
) -> None:
    def only_the_first(request: Request, forward: Forward) -> Response:
        is_it = b'"id-5"' in request.body
        return (items_rejected(1.0) if is_it and is_alone(request) else forwarded)(request, forward)

    def is_alone(request: Request) -> bool:
        return request.body.count(b'"_id"') == 1

    fault_proxy.inject(only_the_first)
    config = replace(config_for(fault_proxy.url), batch_count=1, attempts=3)
    loaded = load(config, client, actions(300))
    loaded.check(300, failed={"id-5"})
    assert (loaded.failed[0].status, loaded.failed[0].error_type) == (
        429,
        "es_rejected_execution_exception",
    )


def test_a_request_that_a_document_breaks_is_cut_until_it_fails_alone(
    client: Elasticsearch, fault_proxy: FaultProxy
) -> None:
    fault_proxy.inject(when(lambda request: b'"id-42"' in request.body, reset))
    config = replace(config_for(fault_proxy.url), attempts=2)
    loaded = load(config, client, actions(500))
    loaded.check(500, failed={"id-42"})
    assert loaded.failed[0].status == 0


def test_a_replay_changes_nothing_and_an_older_run_writes_over_nothing(
    client: Elasticsearch, elasticsearch_url: str
) -> None:
    config = config_for(elasticsearch_url)
    for _ in range(2):
        load(config, client, actions()).check()
    older = load(config, client, (action(n, version=0) for n in range(NUMBER)))
    older.check()
    assert {o.status for o in older.outcomes} == {409}
    removal = [Action("id-1", 2, None), Action("never there", 2, None)]
    outcomes = load(config, client, iter(removal)).outcomes
    assert outcomes == [Indexed("id-1", 200), Indexed("never there", 404)]
    assert len(stored(client)) == NUMBER - 1


def test_a_server_of_another_version_is_told_at_once(
    client: Elasticsearch, fault_proxy: FaultProxy
) -> None:
    fault_proxy.inject(answered({"version": {"number": "7.17.9"}}), path="/")
    with pytest.raises(ElasticsearchVersionError, match=r"must be 8\.x and 9\.x; it is 7\.17\.9"):
        connect(config_for(fault_proxy.url))


def test_the_step_of_a_pipeline_loses_nothing(
    client: Elasticsearch, fault_proxy: FaultProxy
) -> None:
    fault_proxy.inject(items_rejected(0.2))
    rows = [{"n": n if n != 13 else "no number"} for n in range(500)]

    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        written = (
            pipeline
            | beam.Create(rows)
            | WriteToElasticsearch(
                INDEX,
                config_for(fault_proxy.url),
                lambda row: Action(f"id-{row['n']}", 1, orjson.dumps(row)),
            )
        )
        assert_that(written.indexed | beam.Map(lambda done: done.id), is_each_of(499))
        assert_that(written.failed | beam.Map(lambda one: one.id), is_the_poison, label="failed")
    assert len(stored(client)) == 499


def is_each_of(number: int) -> Callable[[list[str]], None]:
    def check(ids: list[str]) -> None:
        assert len(ids) == len(set(ids)) == number

    return check


def is_the_poison(ids: list[str]) -> None:
    assert ids == ["id-no number"]
