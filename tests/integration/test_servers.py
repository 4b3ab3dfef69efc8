"""The tests' own servers are what the other tests take them for."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import time

import httpx
import orjson
import pytest

from tests.integration.servers.elasticsearch import Elasticsearch
from tests.integration.servers.fault_proxy import FaultProxy

ROLE: dict[str, object] = {
    "cluster": ["monitor"],
    "indices": [{"names": ["docs-*"], "privileges": ["create_index", "write", "read"]}],
}


GERMAN = {"type": "text", "analyzer": "german"}


def words(url: str, analyzer: str, text: str) -> list[str]:
    answer = httpx.post(f"{url}/_analyze", json={"analyzer": analyzer, "text": text})
    answer.raise_for_status()
    return [token["token"] for token in answer.json()["tokens"]]


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/_cluster/health").status_code == 200
    except httpx.TransportError:
        return False


def test_the_open_server_indexes_and_finds(elasticsearch_url: str) -> None:
    with httpx.Client(base_url=elasticsearch_url) as client:
        client.put("/servers-open/_doc/1?refresh=true", json={"text": "words"}).raise_for_status()
        found = client.get("/servers-open/_search", params={"q": "text:words"}).json()
        assert found["hits"]["total"]["value"] == 1
        client.delete("/servers-open").raise_for_status()


@pytest.mark.parametrize(
    ("analyzer", "text", "expected"),
    [
        ("english", "the running foxes", ["run", "fox"]),
        ("french", "les chevaux", ["cheval"]),
        ("cjk", "東京都", ["東京", "京都"]),
    ],
)
def test_the_open_server_has_the_language_analyzers(
    elasticsearch_url: str, analyzer: str, text: str, expected: list[str]
) -> None:
    assert words(elasticsearch_url, analyzer, text) == expected


def test_the_open_server_folds_words_and_keywords(elasticsearch_url: str) -> None:
    filters = ["lowercase", "asciifolding"]
    index = {
        "settings": {
            "analysis": {
                "analyzer": {"w": {"type": "custom", "tokenizer": "standard", "filter": filters}},
                "normalizer": {"k": {"type": "custom", "filter": filters}},
            }
        },
        "mappings": {
            "properties": {
                "w": {"type": "text", "analyzer": "w", "fields": {"german": GERMAN}},
                "k": {"type": "keyword", "normalizer": "k"},
            }
        },
    }
    with httpx.Client(base_url=elasticsearch_url) as client:
        client.put("/servers-folds", json=index).raise_for_status()
        row = {"w": "Ein Café mit Häusern", "k": "Café"}
        client.put("/servers-folds/_doc/1?refresh=true", json=row).raise_for_status()
        for query in ({"w": "cafe"}, {"k": "CAFE"}, {"w.german": "haus"}):
            found = client.post("/servers-folds/_search", json={"query": {"match": query}}).json()
            assert found["hits"]["total"]["value"] == 1, query
        client.delete("/servers-folds").raise_for_status()


def test_the_bare_server_lacks_them(bare_elasticsearch_url: str) -> None:
    assert words(bare_elasticsearch_url, "standard", "the running foxes") == [
        "the",
        "running",
        "foxes",
    ]
    with pytest.raises(httpx.HTTPStatusError):
        words(bare_elasticsearch_url, "english", "the running foxes")


def test_a_server_keeps_port_and_data_over_a_restart(own_elasticsearch: Elasticsearch) -> None:
    own_elasticsearch.request("PUT", "/servers-own/_doc/1", {"text": "words"})
    own_elasticsearch.stop()
    with pytest.raises(httpx.ConnectError):
        own_elasticsearch.request("GET", "/servers-own/_doc/1")
    own_elasticsearch.start()
    assert own_elasticsearch.request("GET", "/servers-own/_doc/1")["found"]


def test_the_secure_server_turns_strangers_away(secure_elasticsearch: Elasticsearch) -> None:
    trust = ssl.create_default_context(cafile=secure_elasticsearch.ca_certificate)
    trust.verify_flags |= ssl.VERIFY_X509_STRICT
    health = f"{secure_elasticsearch.url}/_cluster/health"
    assert httpx.get(health, verify=trust).status_code == 401
    assert httpx.get(health, verify=trust, auth=("elastic", "wrong")).status_code == 401
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(health)


def test_a_user_may_do_what_the_role_says(secure_elasticsearch: Elasticsearch) -> None:
    secure_elasticsearch.add_user("writer", "secret-of-writer", ROLE)
    with secure_elasticsearch.client() as client:
        client.auth = httpx.BasicAuth("writer", "secret-of-writer")
        assert client.put("/docs-user/_doc/1", json={}).status_code == 201
        assert client.put("/others/_doc/1", json={}).status_code == 403


def test_a_limited_key_gets_an_answer_for_each_item(secure_elasticsearch: Elasticsearch) -> None:
    key = secure_elasticsearch.api_key(ROLE)
    lines = [{"index": {"_index": "docs-key"}}, {}, {"index": {"_index": "others"}}, {}]
    with secure_elasticsearch.client(key) as client:
        answer = client.post(
            "/_bulk",
            content=b"".join(orjson.dumps(line) + b"\n" for line in lines),
            headers={"Content-Type": "application/x-ndjson"},
        )
    assert [item["index"]["status"] for item in answer.json()["items"]] == [201, 403]


def test_an_expired_key_is_turned_away(secure_elasticsearch: Elasticsearch) -> None:
    key = secure_elasticsearch.api_key(ROLE, expiration="1ms")
    time.sleep(0.1)
    with secure_elasticsearch.client(key) as client:
        answer = client.get("/_cluster/health")
    assert answer.status_code == 401
    assert "expired" in answer.text


def test_the_proxy_reaches_the_secure_server(secure_elasticsearch: Elasticsearch) -> None:
    server = secure_elasticsearch
    with FaultProxy(server.url, ca_certificate=server.ca_certificate) as proxy:
        health = f"{proxy.url}/_cluster/health"
        assert httpx.get(health, auth=(server.user, server.password)).status_code == 200
        assert httpx.get(health).status_code == 401


def test_a_server_ends_with_the_process_that_started_it() -> None:
    code = "import time; from tests.integration.servers.start import laid_out\n"
    code += "with laid_out() as server: print(server.url, flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout
        url = owner.stdout.readline().strip()
        assert answers(url)
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait()
    deadline = time.monotonic() + 30
    while answers(url):
        assert time.monotonic() < deadline
        time.sleep(0.2)
