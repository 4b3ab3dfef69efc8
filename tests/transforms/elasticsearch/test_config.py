from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from tests.transforms.elasticsearch import stand_in
from tests.transforms.elasticsearch.stand_in import StandIn
from transforms.elasticsearch.config import ElasticsearchConfig, connect
from transforms.elasticsearch.errors import (
    ElasticsearchAuthenticationError,
    ElasticsearchError,
    ElasticsearchPrivilegeError,
    ElasticsearchUnreachableError,
    ElasticsearchVersionError,
)

SECRET = "hunter2"
DENIED = {
    "error": {
        "type": "security_exception",
        "reason": "action [cluster:monitor/main] is unauthorized for user [ada] with effective "
        "roles [writer], this action is granted by the cluster privileges [monitor,manage,all]",
    }
}


def test_repr_and_pickle_hold_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KEY", SECRET)
    (tmp_path / "password").write_text(SECRET)
    for config in (
        ElasticsearchConfig(api_key="env:KEY"),
        ElasticsearchConfig(username="ada", password=f"file:{tmp_path}/password"),
        ElasticsearchConfig(proxy="env:KEY"),
        ElasticsearchConfig(api_key="keyring:search/ada"),
    ):
        assert SECRET not in repr(config) + config.credentials + config.where
        assert SECRET.encode() not in pickle.dumps(config)
        assert pickle.loads(pickle.dumps(config)) == config


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"api_key": SECRET}, "api_key must say where the secret is kept"),
        ({"username": "ada", "password": SECRET}, "password must say where"),
        ({"api_key": "env:K", "username": "a", "password": "env:P"}, "not both"),
        ({"username": "ada"}, "go together"),
        ({"password": "env:P"}, "go together"),
        ({"url": ("https://a:9200",), "cloud_id": "x:y"}, "not both"),
        ({"url": (f"https://ada:{SECRET}@a:9200",)}, "url holds a password"),
        ({"proxy": f"http://ada:{SECRET}@proxy:3128"}, "proxy holds a password"),
        ({"url": ("localhost:9200",)}, "must be like https://host:9200"),
        ({"url": ("http://localhost:port",)}, "port"),
        ({"batch_count": 0}, "batch_count must be at least 1"),
        ({"total_seconds": 0}, "total_seconds must be more than 0"),
    ],
)
def test_what_cannot_be_meant_is_refused_without_showing_secrets(
    settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        ElasticsearchConfig(**settings)  # type: ignore[arg-type]
    assert SECRET not in str(caught.value)


def test_an_address_alone_is_no_tuple_of_addresses() -> None:
    with pytest.raises(TypeError, match="tuple"):
        ElasticsearchConfig("http://localhost:9200")  # type: ignore[arg-type]


def test_credentials_go_out_as_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", SECRET)
    with StandIn() as server:
        connect(ElasticsearchConfig((server.url,), api_key="env:KEY")).close()
        assert server.headers["authorization"] == f"ApiKey {SECRET}"
        connect(ElasticsearchConfig((server.url,), username="ada", password="env:KEY")).close()
        assert server.headers["authorization"] == "Basic YWRhOmh1bnRlcjI="


def test_no_server_is_said_with_all_that_was_tried() -> None:
    urls = ("http://127.0.0.1:1", "http://127.0.0.1:2")
    with pytest.raises(ElasticsearchUnreachableError) as caught:
        connect(ElasticsearchConfig(urls))
    assert "answers at http://127.0.0.1:1, http://127.0.0.1:2 (Connection refused)" in str(
        caught.value
    )


def test_http_in_place_of_https_is_guessed() -> None:
    with (
        StandIn() as server,
        pytest.raises(ElasticsearchUnreachableError, match="speak http and not https"),
    ):
        connect(ElasticsearchConfig((server.url.replace("http:", "https:"),)))


@pytest.mark.parametrize(
    ("status", "body", "error", "message"),
    [
        (401, {"error": {"type": "security_exception", "reason": "api key is expired"}},
         ElasticsearchAuthenticationError, "a client without credentials: api key is expired"),
        (400, {"error": {"type": "media_type_header_exception", "reason": "compatible-with=8"}},
         ElasticsearchVersionError, r"must be 8\.x and 9\.x; it refuses"),
        (200, {"version": {"number": "7.17.9"}}, ElasticsearchVersionError, r"it is 7\.17\.9"),
        (503, {}, ElasticsearchError, "refuses: .*503"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_server_is_said(
    status: int, body: object, error: type[Exception], message: str
) -> None:
    with StandIn(root=(status, body)) as server, pytest.raises(error, match=message):
        connect(ElasticsearchConfig((server.url,)))


def test_what_is_no_elasticsearch_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(stand_in.HEADERS, "X-Elastic-Product", "Other")
    with (
        StandIn() as server,
        pytest.raises(ElasticsearchVersionError, match="is no Elasticsearch"),
    ):
        connect(ElasticsearchConfig((server.url,)))


@pytest.mark.parametrize("version", ["8.19.21", "9.2.0"])
def test_servers_of_both_versions_are_taken(version: str) -> None:
    with StandIn(root=(200, {"version": {"number": version}})) as server:
        connect(ElasticsearchConfig((server.url,))).close()


def test_who_may_not_ask_for_the_version_may_still_write() -> None:
    with StandIn(root=(403, DENIED)) as server:
        connect(ElasticsearchConfig((server.url,))).close()


def test_certificates_that_are_not_there_are_said() -> None:
    with pytest.raises(ValueError, match="no CA certificates at nowhere"):
        connect(ElasticsearchConfig(("https://127.0.0.1:1",), ca_certs="nowhere"))


def test_tls_settings_for_http_are_a_contradiction(tmp_path: Path) -> None:
    config = ElasticsearchConfig(("http://127.0.0.1:1",), ssl_assert_fingerprint="00" * 32)
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:1: TLS options require scheme"):
        connect(config)


def test_a_cloud_id_names_the_deployment() -> None:
    config = ElasticsearchConfig(cloud_id="prod:bG9jYWxob3N0OjEkYWJj")  # localhost:1, abc
    assert config.where == "cloud id prod"
    with pytest.raises(ElasticsearchUnreachableError, match="cloud id prod"):
        connect(replace(config, timeout_seconds=2))


def test_every_error_is_of_one_family() -> None:
    assert issubclass(ElasticsearchPrivilegeError, ElasticsearchError)
    assert issubclass(ElasticsearchError, RuntimeError)
