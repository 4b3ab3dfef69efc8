"""Where the Elasticsearch server is, who we are there, and how it is written to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from elasticsearch import ApiError, Elasticsearch, OrjsonSerializer, TransportError

from transforms.elasticsearch.errors import MAJOR_VERSIONS, explain, wrong_version
from transforms.elasticsearch.proxy import node_through
from transforms.elasticsearch.secret import SOURCES, is_reference, read_secret
from transforms.elasticsearch.waiting import patient_class, wait_out

MIB = 1024 * 1024
_DEFAULT_URL = "http://localhost:9200"
_MEDIA_TYPES = ("application/json", "application/vnd.elasticsearch+json")
_FORBIDDEN, _NOT_ALLOWED = 403, 405


@dataclass(frozen=True, slots=True)
class ElasticsearchConfig:
    """How to reach a server, and how to write to it.

    A secret is never held, only where it is kept: ``env:NAME`` is an environment variable,
    ``file:PATH`` a file, ``keyring:SERVICE/NAME`` an entry of the machine's keystore. It is read
    when a client is made, on the machine that makes it; ``repr``, pickles and logs hold nothing
    else.

    Attributes:
        url: addresses of the nodes; where empty and there is no cloud id, http://localhost:9200.
        cloud_id: of a deployment in Elastic Cloud, in place of ``url``.
        api_key: where the API key (the encoded form) is kept.
        username: user, with ``password``, in place of ``api_key``.
        password: where the password is kept.
        ca_certs: path of the CA certificates (PEM) that the server's is checked with.
        ssl_assert_fingerprint: SHA-256 of the server's certificate or its CA, in place of those.
        proxy: URL of an HTTP proxy; one that holds a password is kept as a secret.
        batch_bytes: most bytes of a request; a document larger than that goes alone.
        batch_count: most documents of a request.
        max_in_flight: most requests at once; memory is bounded by their number times
            ``batch_bytes`` (twice: a request is put together from the documents).
        attempts: times that a document is sent to a server that refuses it and takes others.
        total_seconds: how long it is waited for a server that takes nothing at all.
        timeout_seconds: how long one request may take.

    Raises:
        ValueError: settings that contradict each other, or a secret in the clear.
        TypeError: ``url`` is no tuple.
    """

    url: tuple[str, ...] = ()
    cloud_id: str | None = None
    api_key: str | None = None
    username: str | None = None
    password: str | None = None
    ca_certs: str | None = None
    ssl_assert_fingerprint: str | None = None
    proxy: str | None = None
    batch_bytes: int = 5 * MIB
    batch_count: int = 1000
    max_in_flight: int = 4
    attempts: int = 12
    total_seconds: float = 600.0
    timeout_seconds: float = 60.0

    def __post_init__(self) -> None:
        if isinstance(self.url, str):
            raise TypeError("url is a tuple of addresses, one for each node")
        if self.url and self.cloud_id:
            raise ValueError("give the url or the cloud_id of Elasticsearch, not both")
        for name in ("api_key", "password"):
            reference = getattr(self, name)
            if reference is not None and not is_reference(reference):
                raise ValueError(
                    f"{name} must say where the secret is kept, not what it is: {SOURCES}"
                )
        if self.api_key and (self.username or self.password):
            raise ValueError("give an api_key or a username and password, not both")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        for url in self.url:
            _check_url(url, "url")
        if self.proxy and not is_reference(self.proxy):
            _check_url(self.proxy, "proxy")
        for name in ("batch_bytes", "batch_count", "max_in_flight", "attempts"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in ("total_seconds", "timeout_seconds"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be more than 0")

    @property
    def where(self) -> str:
        """The server in words."""
        if self.cloud_id:
            return f"cloud id {self.cloud_id.partition(':')[0]}"
        return ", ".join(self.url or (_DEFAULT_URL,))

    @property
    def credentials(self) -> str:
        """Who we are there, in words without the secret."""
        if self.api_key:
            return f"the API key of {self.api_key}"
        if self.username:
            return f"user {self.username} with the password of {self.password}"
        return "a client without credentials"


def connect(config: ElasticsearchConfig, *, waits: bool = False) -> Elasticsearch:
    """A client that has talked to the server once; close it after use.

    It tries nothing again by itself: ``BulkWriter`` does, item by item.

    Args:
        config: the server.
        waits: whether a server that is away or busy now is waited for; else that is an error.

    Raises:
        ElasticsearchError: no server, wrong credentials, another version; see its subclasses.
        ValueError: a secret or a certificate that is not where the config says.
    """
    client = _client(config, Elasticsearch)
    try:
        _check(client, config, waits)
    except BaseException:
        client.close()
        raise
    return client


def patient_client(config: ElasticsearchConfig) -> Elasticsearch:
    """A client whose every call waits out a server that is away or busy; close it after use.

    Its calls raise ``ElasticsearchError`` where that was in vain. It has not talked to the server.

    Raises:
        ValueError: a secret or a certificate that is not where the config says.
    """
    return _client(config, patient_class(config))


def _check(client: Elasticsearch, config: ElasticsearchConfig, waits: bool) -> None:
    try:
        version = wait_out(config, lambda: _version(client)) if waits else _version(client)
    except (ApiError, TransportError) as error:
        raise explain(error, config.where, config.credentials) from None
    if version and int(version.partition(".")[0]) not in MAJOR_VERSIONS:
        raise wrong_version(config.where, f"it is {version}")


def _client(config: ElasticsearchConfig, kind: type[Elasticsearch]) -> Elasticsearch:
    if config.ca_certs and not Path(config.ca_certs).exists():
        raise ValueError(f"there are no CA certificates at {config.ca_certs}")
    options: dict[str, Any] = {"ca_certs": config.ca_certs} if config.ca_certs else {}
    if config.ssl_assert_fingerprint:
        options["ssl_assert_fingerprint"] = config.ssl_assert_fingerprint
    if config.api_key:
        options["api_key"] = read_secret(config.api_key)
    if config.username and config.password:
        options["basic_auth"] = (config.username, read_secret(config.password))
    if config.proxy:
        is_secret = is_reference(config.proxy)
        options["node_class"] = node_through(
            read_secret(config.proxy) if is_secret else config.proxy
        )
    if config.cloud_id:
        options["cloud_id"] = config.cloud_id
    else:
        options["hosts"] = [_with_port(url) for url in config.url or (_DEFAULT_URL,)]
    try:
        return kind(
            **options,
            request_timeout=config.timeout_seconds,
            connections_per_node=config.max_in_flight,
            max_retries=0,
            retry_on_timeout=False,
            retry_on_status=(),
            serializers=dict.fromkeys(_MEDIA_TYPES, OrjsonSerializer()),
        )
    except ValueError as error:
        raise ValueError(f"Elasticsearch at {config.where}: {error}") from None


def _version(client: Elasticsearch) -> str | None:
    """The server's version; None where a limited user may not ask, which is no fault."""
    try:
        try:
            return str(client.info()["version"]["number"])
        except ApiError as error:
            if error.meta.status != _NOT_ALLOWED:  # a server without its REST modules
                raise
        nodes = client.nodes.info(filter_path="nodes.*.version")["nodes"]
        return str(next(iter(nodes.values()))["version"])
    except ApiError as error:
        if error.meta.status != _FORBIDDEN:
            raise
        return None


def _check_url(url: str, name: str) -> None:
    parts = urlsplit(url)
    if parts.username or parts.password:
        kept = "username and password" if name == "url" else SOURCES
        raise ValueError(f"{name} holds a password: give it as {kept} instead")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{name} must be like https://host:9200, not {url!r}")
    try:
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"{name} {url!r}: {error}") from None


def _with_port(url: str) -> str:
    """The client library wants a port: the one that the scheme implies, where none is given."""
    parts = urlsplit(url)
    if parts.port is not None:
        return url
    port = 443 if parts.scheme == "https" else 80
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return parts._replace(netloc=f"{host}:{port}").geturl()
