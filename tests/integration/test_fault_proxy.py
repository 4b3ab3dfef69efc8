"""The fault proxy forwards what it is not told to harm, and does the harm that it is told to."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import orjson
import pytest

from tests.integration.servers.exchange import Request, Response
from tests.integration.servers.fault_proxy import FaultProxy
from tests.integration.servers.faults import (
    JSON,
    answered,
    busier_than,
    cut_off,
    first,
    items_rejected,
    larger_than,
    refused,
    reset,
    slow,
    sometimes,
)

INDEX = "servers-proxy"


@pytest.fixture
def client(fault_proxy: FaultProxy) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=fault_proxy.url, timeout=30) as client:
        yield client
        fault_proxy.recover()
        fault_proxy.clear()
        client.delete(f"/{INDEX}")


def bulk(client: httpx.Client, number: int) -> httpx.Response:
    lines: list[object] = []
    for each in range(number):
        lines += [{"index": {"_id": str(each)}}, {"n": each}]
    return client.post(
        f"/{INDEX}/_bulk",
        content=b"".join(orjson.dumps(line) + b"\n" for line in lines),
        headers={"Content-Type": "application/x-ndjson"},
    )


def count(client: httpx.Client) -> int:
    client.post(f"/{INDEX}/_refresh").raise_for_status()
    found: int = client.get(f"/{INDEX}/_count").json()["count"]
    return found


def test_what_is_not_harmed_is_the_servers_own_answer(
    client: httpx.Client, fault_proxy: FaultProxy, elasticsearch_url: str
) -> None:
    assert not bulk(client, 3).json()["errors"]
    answer = client.get(f"/{INDEX}/_doc/1")
    direct = httpx.get(f"{elasticsearch_url}/{INDEX}/_doc/1")
    assert (answer.json(), answer.headers["X-Elastic-Product"]) == (direct.json(), "Elasticsearch")
    assert client.head(f"/{INDEX}/_doc/9").status_code == 404
    assert client.request("DELETE", f"/{INDEX}/_doc/1").json()["result"] == "deleted"
    assert [(e.method, e.status) for e in fault_proxy.of("/_doc/1")] == [
        ("GET", 200),
        ("DELETE", 200),
    ]


def test_rejected_items_never_reach_the_server(
    client: httpx.Client, fault_proxy: FaultProxy
) -> None:
    fault_proxy.inject(items_rejected(0.2))
    answer = bulk(client, 500).json()
    results = [item["index"] for item in answer["items"]]
    assert [result["_id"] for result in results] == [str(each) for each in range(500)]
    rejected = [result for result in results if result["status"] == 429]
    assert answer["errors"]
    assert 60 < len(rejected) < 140
    assert {result["_index"] for result in results} == {INDEX}
    assert count(client) == 500 - len(rejected)


def test_compressed_requests_are_taken_apart_too(
    client: httpx.Client, fault_proxy: FaultProxy
) -> None:
    fault_proxy.inject(items_rejected(0.5))
    lines = b'{"index":{}}\n{"n":1}\n' * 40
    headers = {"Content-Type": "application/x-ndjson", "content-encoding": "gzip"}
    answer = client.post(f"/{INDEX}/_bulk", content=gzip.compress(lines), headers=headers).json()
    statuses = Counter(item["index"]["status"] for item in answer["items"])
    assert set(statuses) == {201, 429}
    assert statuses.total() == 40
    assert fault_proxy.of()[0].size == len(lines)
    assert count(client) == statuses[201]


def test_a_request_that_breaks_off_is_not_forwarded(fault_proxy: FaultProxy) -> None:
    address = httpx.URL(fault_proxy.url)
    with socket.create_connection((address.host, address.port or 0)) as connection:
        connection.sendall(b"POST /_bulk HTTP/1.1\r\nContent-Length: 100\r\n\r\n{}")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1000) == b""
    assert not fault_proxy.exchanges


def test_items_of_all_kinds_are_taken_apart_and_put_together() -> None:
    lines = (
        b'{"index":{"_index":"a","_id":"1"}}\n{"x":1}\n'
        b'{"delete":{"_index":"a","_id":"2"}}\n'
        b'{"create":{"_index":"a","_id":"3"}}\n{"x":3}\n'
    )

    def server(request: Request) -> Response:
        kinds = [
            kind for kind in (b"index", b"delete", b"create") if b'"%b"' % kind in request.body
        ]
        items = [{kind.decode(): {"status": 200}} for kind in kinds]
        return Response(200, orjson.dumps({"errors": False, "items": items}), JSON)

    for seed in range(20):
        fault = items_rejected(0.5, seed=seed)
        answer = orjson.loads(fault(Request("POST", "/_bulk", {}, lines), server).body)
        assert [kind for item in answer["items"] for kind in item] == ["index", "delete", "create"]
        statuses = [result["status"] for item in answer["items"] for result in item.values()]
        assert answer["errors"] == (429 in statuses)


@pytest.mark.parametrize("status", [413, 429, 503])
def test_a_refused_request_never_reaches_the_server(
    client: httpx.Client, fault_proxy: FaultProxy, status: int
) -> None:
    bulk(client, 1)
    fault_proxy.inject(first(1, refused(status, retry_after=2)))
    answer = bulk(client, 5)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.headers["Retry-After"] == "2"
    assert count(client) == 1
    assert bulk(client, 5).status_code == 200
    assert fault_proxy.statuses() == {200: 2, status: 1}


def test_only_large_requests_are_too_large(client: httpx.Client, fault_proxy: FaultProxy) -> None:
    fault_proxy.inject(larger_than(1000, refused(413)))
    assert [bulk(client, number).status_code for number in (5, 500)] == [200, 413]


def test_a_share_of_the_requests_is_harmed(client: httpx.Client, fault_proxy: FaultProxy) -> None:
    fault_proxy.inject(sometimes(0.5, answered({"version": "1"}, 418)))
    statuses = [bulk(client, 1).status_code for _ in range(30)]
    assert 5 < statuses.count(418) < 25
    assert statuses.count(200) == 30 - statuses.count(418)


def test_an_answer_that_is_cut_off_was_done(client: httpx.Client, fault_proxy: FaultProxy) -> None:
    fault_proxy.inject(first(1, cut_off(20)))
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        bulk(client, 5)
    assert count(client) == 5
    assert fault_proxy.statuses() == {0: 1}


def test_a_reset_request_was_not_done(client: httpx.Client, fault_proxy: FaultProxy) -> None:
    bulk(client, 1)
    fault_proxy.inject(first(1, reset))
    with pytest.raises(httpx.ReadError):
        bulk(client, 5)
    assert count(client) == 1


def test_a_slow_answer_outlasts_the_patience_of_the_client(
    client: httpx.Client, fault_proxy: FaultProxy
) -> None:
    fault_proxy.inject(first(1, slow(1)))
    patience, client.timeout = client.timeout, httpx.Timeout(0.3)
    with pytest.raises(httpx.ReadTimeout):
        bulk(client, 5)
    client.timeout = patience
    time.sleep(1)
    assert count(client) == 5


def test_an_outage_resets_what_runs_and_refuses_what_comes(
    client: httpx.Client, fault_proxy: FaultProxy
) -> None:
    assert bulk(client, 1).status_code == 200
    fault_proxy.inject(slow(0.5))
    threading.Timer(0.2, fault_proxy.outage, [1.0]).start()
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        bulk(client, 1)
    with pytest.raises(httpx.ConnectError):
        client.get("/_cluster/health")
    time.sleep(1.5)
    assert bulk(client, 1).status_code == 200


def test_a_server_that_is_away_resets_connections() -> None:
    with (
        FaultProxy("http://127.0.0.1:9") as proxy,
        pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)),
    ):
        httpx.get(proxy.url)


def test_requests_at_once_are_counted_and_limited(
    client: httpx.Client, fault_proxy: FaultProxy
) -> None:
    bulk(client, 1)
    fault_proxy.inject(busier_than(3, refused(429), slow(1)))
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda _: bulk(client, 1).status_code, range(8))
        assert sorted(answers) == [200] * 3 + [429] * 5
    assert 4 <= fault_proxy.most_in_flight() <= 8
    assert [bulk(client, 1).status_code for _ in range(3)] == [200, 200, 200]
