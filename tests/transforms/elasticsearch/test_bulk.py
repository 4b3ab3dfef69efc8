from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.transforms.elasticsearch.stand_in import StandIn
from transforms.elasticsearch.actions import Action, Failed, Indexed, Outcome
from transforms.elasticsearch.bulk import BulkWriter
from transforms.elasticsearch.config import ElasticsearchConfig, connect
from transforms.elasticsearch.errors import (
    ElasticsearchAuthenticationError,
    ElasticsearchRefusedError,
)


@contextmanager
def writing(server: StandIn, **settings: object) -> Iterator[BulkWriter]:
    plain: dict[str, object] = {"batch_count": 10, "total_seconds": 20.0}
    config = ElasticsearchConfig((server.url,), **(plain | settings))  # type: ignore[arg-type]
    with connect(config) as client, BulkWriter(client, "docs", config) as writer:
        yield writer


def actions(number: int) -> Iterator[Action]:
    return (Action(str(n), 1, b'{"n":%d}' % n) for n in range(number))


def by_id(outcomes: list[Outcome]) -> list[Outcome]:
    return sorted(outcomes, key=lambda outcome: int(outcome.id))


def test_each_action_has_one_outcome_and_goes_once() -> None:
    with StandIn() as server, writing(server) as writer:
        outcomes = list(writer.write(actions(95)))
    assert by_id(outcomes) == [Indexed(str(n), 201) for n in range(95)]
    assert sorted(map(len, server.requests)) == [5] + 9 * [10]
    tally = writer.counters.total
    assert (tally.indexed, tally.failed, tally.requests, tally.retries) == (95, 0, 10, 0)
    assert tally.bytes == sum(map(len, server.bodies))


def test_nothing_to_write_is_no_request() -> None:
    with StandIn() as server, writing(server) as writer:
        assert list(writer.write([])) == []
    assert server.requests == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_only_what_was_refused_is_sent_again(status: int) -> None:
    refused = {"3", "7"}

    def answer(ids: list[str]) -> list[int]:
        return [status if len(ids) == 10 and id_ in refused else 201 for id_ in ids]

    with StandIn(answer) as server, writing(server) as writer:
        outcomes = list(writer.write(actions(10)))
    assert by_id(outcomes) == [Indexed(str(n), 201) for n in range(10)]
    assert server.requests == [[str(n) for n in range(10)], ["3", "7"]]
    assert (writer.counters.total.retries, writer.counters.total.refusals) == (2, 1)


def test_a_document_at_fault_is_not_sent_again() -> None:
    with (
        StandIn(lambda ids: [400 if id_ == "3" else 201 for id_ in ids]) as server,
        writing(server) as writer,
    ):
        outcomes = list(writer.write(actions(10)))
    assert len(server.requests) == 1
    assert [o for o in outcomes if isinstance(o, Failed)] == [
        Failed("3", 400, "played", "item 400", b'{"n":3}')
    ]


def test_a_newer_version_in_the_index_is_done() -> None:
    with StandIn(lambda ids: [409] * len(ids)) as server, writing(server) as writer:
        assert by_id(list(writer.write(actions(2)))) == [Indexed("0", 409), Indexed("1", 409)]


@pytest.mark.parametrize("status", [413, 400])
def test_a_request_that_is_too_large_is_halved_down_to_the_document(status: int) -> None:
    with (
        StandIn(lambda ids: status if "5" in ids else [201] * len(ids)) as server,
        writing(server) as writer,
    ):
        outcomes = by_id(list(writer.write(actions(8))))
    assert [o.status for o in outcomes] == [201] * 5 + [status] + [201] * 2
    assert list(map(len, server.requests)) == [8, 4, 4, 2, 1, 1, 2]
    assert writer.counters.total.splits == 3


def test_a_document_refused_while_others_are_taken_is_given_up() -> None:
    def answer(ids: list[str]) -> list[int]:
        time.sleep(0.01)
        return [429 if id_ == "5" else 201 for id_ in ids]

    with StandIn(answer) as server, writing(server, batch_count=2, attempts=2) as writer:
        outcomes = list(writer.write(actions(400)))
    assert len(outcomes) == 400
    assert [o for o in outcomes if isinstance(o, Failed)] == [
        Failed("5", 429, "played", "item 429", b'{"n":5}')
    ]
    assert sum("5" in ids for ids in server.requests) >= 2


def test_a_server_that_takes_nothing_is_given_up_and_no_document_is_blamed() -> None:
    with (
        StandIn(lambda ids: [429] * len(ids)) as server,
        writing(server, attempts=1, total_seconds=0.5) as writer,
        pytest.raises(ElasticsearchRefusedError, match=r"taken for 0\.5 s: item 429 \(429\)"),
    ):
        list(writer.write(actions(20)))


def test_a_document_that_no_request_gets_an_answer_with_is_given_up_alone() -> None:
    def answer(ids: list[str]) -> list[int]:
        if "5" in ids:
            raise ConnectionAbortedError
        return [201] * len(ids)

    with StandIn(answer) as server, writing(server, attempts=2) as writer:
        outcomes = by_id(list(writer.write(actions(8))))
    assert [o.status for o in outcomes] == [201] * 5 + [0] + [201] * 2
    assert isinstance(outcomes[5], Failed)
    assert "HEAD /" in server.targets


def test_credentials_that_end_meanwhile_end_the_writing() -> None:
    with (
        StandIn(lambda ids: 401) as server,
        writing(server) as writer,
        pytest.raises(ElasticsearchAuthenticationError, match="whole 401"),
    ):
        list(writer.write(actions(10)))
    assert len(server.requests) == 1


def test_no_more_actions_are_drawn_than_may_be_in_memory() -> None:
    drawn = 0
    release = threading.Event()

    def answer(ids: list[str]) -> list[int]:
        release.wait(10)
        return [201] * len(ids)

    def counted() -> Iterator[Action]:
        nonlocal drawn
        for action in actions(1000):
            drawn += 1
            yield action

    with StandIn(answer) as server, writing(server, max_in_flight=3) as writer:
        outcomes: list[Outcome] = []
        thread = threading.Thread(target=lambda: outcomes.extend(writer.write(counted())))
        thread.start()
        time.sleep(0.5)
        assert drawn == 3 * 10 + 10
        assert server.most_in_flight == 3
        release.set()
        thread.join()
    assert len(outcomes) == 1000
    assert writer.pace.most_in_flight == 3


def test_fewer_requests_are_in_flight_while_the_server_is_busy() -> None:
    in_flight: list[int] = []
    now = 0
    lock = threading.Lock()

    def answer(ids: list[str]) -> int | list[int]:
        nonlocal now
        with lock:
            now += 1
            in_flight.append(now)
            is_busy = len(in_flight) <= 12
        time.sleep(0.05)
        with lock:
            now -= 1
        return 429 if is_busy else [201] * len(ids)

    with StandIn(answer) as server, writing(server, max_in_flight=4, batch_count=1) as writer:
        assert len(list(writer.write(actions(60)))) == 60
    assert max(in_flight[:4]) > 1
    assert max(in_flight[8:12]) == 1
    assert max(in_flight[40:]) > 1


def test_waiting_is_said_once_and_closing_ends_it(caplog: pytest.LogCaptureFixture) -> None:
    with StandIn(lambda ids: 503) as server, writing(server, total_seconds=60) as writer:
        threading.Timer(4, writer.close).start()
        began = time.monotonic()
        with pytest.raises(ElasticsearchRefusedError, match="writing was ended"):
            list(writer.write(actions(10)))
    assert time.monotonic() - began < 15
    said = [record.getMessage() for record in caplog.records if "transforms" in record.name]
    assert said == [f"waiting for Elasticsearch at {server.url}: whole 503"]


def test_threads_may_share_a_writer() -> None:
    with StandIn() as server, writing(server, max_in_flight=2) as writer:
        results: list[list[Outcome]] = [[], [], []]
        threads = [
            threading.Thread(target=lambda found=found: found.extend(writer.write(actions(200))))
            for found in results
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [len(found) for found in results] == [200, 200, 200]
    assert server.most_in_flight <= 2
