"""Requests to Elasticsearch through an HTTP proxy, which the client library does not offer."""

from __future__ import annotations

from typing import Any

import urllib3
from elastic_transport import BaseNode, NodeConfig, Urllib3HttpNode


def node_through(proxy: str) -> type[BaseNode]:
    """A node class for ``Elasticsearch(node_class=…)`` that sends its requests by a proxy."""

    class ProxiedNode(Urllib3HttpNode):
        def __init__(self, config: NodeConfig) -> None:
            super().__init__(config)
            self.pool: Any = _Pool(config, proxy)  # it has what a node calls

    return ProxiedNode


class _Pool:
    """The two methods of a connection pool that a node calls, by way of a proxy."""

    def __init__(self, config: NodeConfig, proxy: str) -> None:
        parts = urllib3.util.parse_url(proxy)
        headers = urllib3.make_headers(proxy_basic_auth=parts.auth) if parts.auth else None
        host = f"[{config.host}]" if ":" in config.host else config.host
        self._base = f"{config.scheme}://{host}:{config.port}"
        self._manager = urllib3.ProxyManager(
            proxy,
            proxy_headers=headers,
            maxsize=config.connections_per_node,
            block=True,
            timeout=urllib3.Timeout(total=config.request_timeout),
            **_tls(config),
        )

    def urlopen(self, method: str, target: str, **options: Any) -> urllib3.BaseHTTPResponse:
        return self._manager.urlopen(method, self._base + target, redirect=False, **options)

    def close(self) -> None:
        self._manager.clear()


def _tls(config: NodeConfig) -> dict[str, Any]:
    if config.scheme != "https":
        return {}
    if config.ssl_assert_fingerprint:  # it takes the place of the chain and of the host's name
        return {
            "cert_reqs": "CERT_NONE",
            "assert_fingerprint": config.ssl_assert_fingerprint,
            "assert_hostname": False,
        }
    return {"cert_reqs": "CERT_REQUIRED", "ca_certs": config.ca_certs}
