"""Whom a connection trusts; ``test_elasticsearch_start`` has who is trusted by the server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.servers.elasticsearch import Elasticsearch as Server
from transforms.elasticsearch import (
    Action,
    BulkWriter,
    ElasticsearchConfig,
    ElasticsearchPrivilegeError,
    ElasticsearchUnreachableError,
    connect,
)


@pytest.fixture
def as_admin(secure_elasticsearch: Server, tmp_path: Path) -> ElasticsearchConfig:
    (tmp_path / "password").write_text(secure_elasticsearch.password)
    return ElasticsearchConfig(
        (secure_elasticsearch.url,),
        username=secure_elasticsearch.user,
        password=f"file:{tmp_path}/password",
        ssl_assert_fingerprint=secure_elasticsearch.fingerprint,
    )


def test_a_fingerprint_is_enough(as_admin: ElasticsearchConfig) -> None:
    connect(as_admin).close()
    with pytest.raises(ElasticsearchUnreachableError, match="no secure connection"):
        connect(replace(as_admin, ssl_assert_fingerprint="00" * 32))


def test_the_privilege_that_a_bulk_request_lacks_is_named(
    secure_elasticsearch: Server, tmp_path: Path
) -> None:
    role: dict[str, object] = {"indices": [{"names": ["sink-*"], "privileges": ["index"]}]}
    (tmp_path / "key").write_text(secure_elasticsearch.api_key(role))
    config = ElasticsearchConfig(
        (secure_elasticsearch.url,),
        api_key=f"file:{tmp_path}/key",
        ca_certs=str(secure_elasticsearch.ca_certificate),
    )
    with (
        connect(config) as client,
        BulkWriter(client, "other", config) as writer,
        pytest.raises(
            ElasticsearchPrivilegeError,
            match=r"API key .* lacks a privilege on other: .* index privileges .*create_index",
        ),
    ):
        list(writer.write([Action("a", 1, b"{}")]))
