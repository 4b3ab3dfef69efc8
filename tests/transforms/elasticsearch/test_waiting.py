from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from elasticsearch import ApiError, NotFoundError

from tests.integration.servers.elasticsearch import free_port
from tests.transforms.elasticsearch.stand_in import StandIn
from transforms.elasticsearch.config import ElasticsearchConfig, connect, patient_client
from transforms.elasticsearch.errors import (
    ElasticsearchRefusedError,
    ElasticsearchUnreachableError,
)


def played(status: int) -> dict[str, object]:
    return {"error": {"type": "played", "reason": "in a while"}, "status": status}


def soon(server: StandIn, then: tuple[int, object]) -> Callable[[], None]:
    """Let the server say something else from its third request on."""

    def watch() -> None:
        if len(server.targets) > 2:
            server.root = then

    return watch


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_passes_is_waited_out(status: int) -> None:
    with StandIn(root=(status, played(status))) as server:
        server.watch = soon(server, (200, {"count": 7}))
        with patient_client(ElasticsearchConfig((server.url,))) as client:
            assert client.count(index="docs")["count"] == 7
    assert len(server.targets) == 3


@pytest.mark.parametrize("status", [400, 404, 500])
def test_what_stays_is_not_waited_for(status: int) -> None:
    with StandIn(root=(status, played(status))) as server:
        client = patient_client(ElasticsearchConfig((server.url,)))
        with pytest.raises(ApiError, match="played"):
            client.count(index="docs")
        client.close()
    assert len(server.targets) == 1


def test_the_options_of_a_call_do_not_make_it_hasty() -> None:
    with StandIn(root=(503, played(503))) as server:
        server.watch = soon(server, (404, {"count": 0}))
        with patient_client(ElasticsearchConfig((server.url,))) as client:
            client.options(ignore_status=404).count(index="docs")
            with pytest.raises(NotFoundError):
                client.count(index="docs")
    assert len(server.targets) == 4


def test_no_server_is_waited_for_as_long_as_the_settings_say(
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    config = ElasticsearchConfig((url,), total_seconds=3)
    began = time.monotonic()
    with (
        patient_client(config) as client,
        pytest.raises(
            ElasticsearchUnreachableError,
            match=f"{url} does not answer, and was waited for 3 s: Connection refused",
        ),
    ):
        client.indices.refresh(index="docs")
    assert 3 <= time.monotonic() - began < 5
    said = [record.getMessage() for record in caplog.records if "transforms" in record.name]
    assert said == [f"waiting for Elasticsearch at {url}: Connection refused"]


def test_a_refusal_that_stays_is_told_in_the_servers_words() -> None:
    with (
        StandIn(root=(429, played(429))) as server,
        patient_client(ElasticsearchConfig((server.url,), total_seconds=0.1)) as client,
        pytest.raises(ElasticsearchRefusedError, match=r"waited for 0\.1 s: in a while \(429\)"),
    ):
        client.indices.refresh(index="docs")


def test_a_certificate_that_does_not_fit_is_not_waited_for() -> None:
    with StandIn() as server:
        config = ElasticsearchConfig((server.url.replace("http:", "https:"),), total_seconds=60)
        began = time.monotonic()
        with pytest.raises(ElasticsearchUnreachableError, match="no secure connection"):
            connect(config, waits=True)
    assert time.monotonic() - began < 10


def test_the_first_contact_waits_where_it_is_told_to() -> None:
    with StandIn(root=(503, played(503))) as server:
        config = ElasticsearchConfig((server.url,))
        with pytest.raises(ElasticsearchRefusedError, match="503"):
            connect(config)
        server.targets.clear()
        server.watch = soon(server, (200, {"version": {"number": "8.19.0"}}))
        connect(config, waits=True).close()
    assert server.targets == ["GET /"] * 3
