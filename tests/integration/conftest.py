"""The real servers that tests ask for; each starts when the first test needs it.

A machine that cannot have one skips these tests and says what it lacks; with ``CI=true`` they fail.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch as Client

from tests.integration.servers import UnavailableError, in_continuous_integration
from tests.integration.servers.elasticsearch import Elasticsearch
from tests.integration.servers.fault_proxy import FaultProxy
from tests.integration.servers.flink import Flink
from tests.integration.servers.node import Node
from tests.integration.servers.prism import prism_binary
from tests.integration.servers.start import laid_out

_NUMBERS = itertools.count(time.time_ns())


@contextmanager
def skipping() -> Iterator[None]:
    """Turn what is missing into a skip, or into a failure in continuous integration."""
    try:
        yield
    except UnavailableError as error:
        if in_continuous_integration():
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def elasticsearch_url() -> Iterator[str]:
    """An open server that all tests share: use index names of your own."""
    if url := os.environ.get("ELASTICSEARCH_URL"):
        yield url.rstrip("/")
        return
    with skipping():
        server = laid_out()
    with server:
        yield server.url


@pytest.fixture(scope="session")
def secure_elasticsearch() -> Iterator[Elasticsearch]:
    """A server with TLS, users and API keys that all tests share."""
    with skipping():
        server = laid_out(secure=True)
    with server:
        yield server


@pytest.fixture(scope="session")
def bare_elasticsearch_url() -> Iterator[str]:
    """An open server without the language analyzers and ``asciifolding``, that all tests share."""
    with skipping():
        server = Node(analyzers=False)
    with server:
        yield server.url


@pytest.fixture
def own_elasticsearch() -> Iterator[Elasticsearch]:
    """An open server of the test's own, which it may stop and start."""
    with skipping():
        server = laid_out()
    with server:
        yield server


@pytest.fixture
def fault_proxy(elasticsearch_url: str) -> Iterator[FaultProxy]:
    """The shared open server, behind a proxy that does harm where the test tells it to."""
    with FaultProxy(elasticsearch_url) as proxy:
        yield proxy


@pytest.fixture
def es_client(elasticsearch_url: str) -> Iterator[Client]:
    """A client of the shared open server."""
    with Client(elasticsearch_url) as client:
        yield client


@pytest.fixture
def alias(es_client: Client) -> Iterator[str]:
    """A name that nothing on the shared open server has, nor, after the test, will have."""
    alias = f"test{next(_NUMBERS)}"
    yield alias
    forget(es_client, alias)


@pytest.fixture(scope="session")
def prism() -> Path:
    """The program of Prism, of the installed Beam's version."""
    with skipping():
        return prism_binary()


@pytest.fixture(scope="session")
def flink_endpoint() -> Iterator[str]:
    """``localhost:PORT`` of a Flink job server that all tests share; each job has its cluster."""
    if endpoint := os.environ.get("FLINK_JOB_ENDPOINT"):
        yield endpoint
        return
    with skipping():
        server = Flink()
    with server:
        yield server.endpoint


@pytest.fixture
def own_flink() -> Iterator[Flink]:
    """A Flink job server of the test's own, which it may stop."""
    with skipping():
        server = Flink()
    with server:
        yield server


def forget(client: Client, alias: str) -> None:
    """Delete indices and templates whose names begin with an alias."""
    for name in client.indices.get_alias(index=f"{alias}-*"):
        client.indices.delete(index=name)
    client.options(ignore_status=404).indices.delete_index_template(name=f"{alias}-*")
    for pattern in (f"{alias}-*", f"{alias}@*"):
        client.options(ignore_status=404).cluster.delete_component_template(name=pattern)
