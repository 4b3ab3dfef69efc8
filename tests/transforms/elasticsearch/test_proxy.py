from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.transforms.elasticsearch.stand_in import StandIn
from transforms.elasticsearch.config import ElasticsearchConfig, connect
from transforms.elasticsearch.errors import ElasticsearchUnreachableError


@pytest.fixture
def tunnel() -> Iterator[tuple[str, list[bytes]]]:
    """A proxy that notes what it is asked and refuses every tunnel."""
    asked: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                asked.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
        listener.shutdown(socket.SHUT_RDWR)


def test_requests_name_the_server_to_the_proxy() -> None:
    with StandIn() as proxy:
        connect(ElasticsearchConfig(("http://search.invalid:9200/es",), proxy=proxy.url)).close()
        assert proxy.targets == ["GET http://search.invalid:9200/es/"]


def test_a_proxy_with_a_password_is_kept_as_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    with StandIn() as proxy:
        monkeypatch.setenv("PROXY", proxy.url.replace("//", "//ada:hunter2@"))
        connect(ElasticsearchConfig(("http://search.invalid:9200",), proxy="env:PROXY")).close()
        assert proxy.headers["proxy-authorization"] == "Basic YWRhOmh1bnRlcjI="


@pytest.mark.parametrize("fingerprint", [None, "00" * 32])
def test_tls_goes_through_a_tunnel(
    tunnel: tuple[str, list[bytes]], fingerprint: str | None
) -> None:
    url, asked = tunnel
    config = ElasticsearchConfig(
        ("https://search.invalid:9200",), proxy=url, ssl_assert_fingerprint=fingerprint
    )
    with pytest.raises(ElasticsearchUnreachableError, match="403 Forbidden"):
        connect(config)
    assert asked[0].startswith(b"CONNECT search.invalid:9200 ")
