"""Writing over TLS, with users and API keys; what is wrong with them is said in one line."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.loads import actions, config_for, fresh_index, load
from tests.integration.servers.elasticsearch import Elasticsearch as Server
from transforms.elasticsearch import (
    BulkWriter,
    ElasticsearchAuthenticationError,
    ElasticsearchConfig,
    ElasticsearchPrivilegeError,
    ElasticsearchUnreachableError,
    connect,
)

ROLE: dict[str, object] = {
    "indices": [{"names": ["sink-*"], "privileges": ["index", "delete", "create_index"]}]
}


@pytest.fixture
def config(secure_elasticsearch: Server) -> ElasticsearchConfig:
    return replace(
        config_for(secure_elasticsearch.url), ca_certs=str(secure_elasticsearch.ca_certificate)
    )


@pytest.fixture
def with_key(
    config: ElasticsearchConfig, secure_elasticsearch: Server, tmp_path: Path
) -> Callable[..., ElasticsearchConfig]:
    def make(expiration: str | None = None) -> ElasticsearchConfig:
        kept = tmp_path / "key"
        kept.write_text(secure_elasticsearch.api_key(ROLE, expiration=expiration) + "\n")
        return replace(config, api_key=f"file:{kept}")

    return make


@pytest.fixture
def as_admin(
    config: ElasticsearchConfig,
    secure_elasticsearch: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> ElasticsearchConfig:
    monkeypatch.setenv("SINK_TESTS_PASSWORD", secure_elasticsearch.password)
    return replace(config, username=secure_elasticsearch.user, password="env:SINK_TESTS_PASSWORD")


def test_a_limited_key_is_enough(
    as_admin: ElasticsearchConfig, with_key: Callable[..., ElasticsearchConfig]
) -> None:
    with connect(as_admin) as admin:
        fresh_index(admin)
        load(with_key(), admin, actions()).check()


def test_a_fingerprint_is_enough(
    as_admin: ElasticsearchConfig, secure_elasticsearch: Server
) -> None:
    known = replace(
        as_admin, ca_certs=None, ssl_assert_fingerprint=secure_elasticsearch.fingerprint
    )
    connect(known).close()
    with pytest.raises(ElasticsearchUnreachableError, match="no secure connection"):
        connect(replace(known, ssl_assert_fingerprint="00" * 32))


def test_a_certificate_of_a_stranger_is_refused(as_admin: ElasticsearchConfig) -> None:
    with pytest.raises(ElasticsearchUnreachableError, match=r"certificate .*\(ca_certs\)"):
        connect(replace(as_admin, ca_certs=None))


def test_a_wrong_password_is_said_and_not_shown(
    as_admin: ElasticsearchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SINK_TESTS_PASSWORD", "hunter2")
    with pytest.raises(ElasticsearchAuthenticationError) as caught:
        connect(as_admin)
    assert "user elastic with the password of env:SINK_TESTS_PASSWORD" in str(caught.value)
    assert "hunter2" not in str(caught.value) + repr(as_admin)


def test_no_credentials_are_said(config: ElasticsearchConfig) -> None:
    with pytest.raises(ElasticsearchAuthenticationError, match="without credentials"):
        connect(config)


def test_an_expired_key_is_said(with_key: Callable[..., ElasticsearchConfig]) -> None:
    config = with_key(expiration="1ms")
    time.sleep(1)
    with pytest.raises(ElasticsearchAuthenticationError, match="expired"):
        connect(config)


def test_a_missing_privilege_is_named(with_key: Callable[..., ElasticsearchConfig]) -> None:
    config = with_key()
    with (
        connect(config) as client,
        BulkWriter(client, "other", config) as writer,
        pytest.raises(
            ElasticsearchPrivilegeError,
            match=r"API key .* lacks a privilege on other: .* index privileges .*create_index",
        ),
    ):
        list(writer.write(actions(10)))
