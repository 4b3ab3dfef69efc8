"""The real servers that tests ask for; each starts when the first test needs it.

A machine that cannot have one skips these tests and says what it lacks; with ``CI=true`` they fail.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.integration.servers import UnavailableError, in_continuous_integration
from tests.integration.servers.elasticsearch import Elasticsearch
from tests.integration.servers.fault_proxy import FaultProxy
from tests.integration.servers.node import Node
from tests.integration.servers.start import laid_out


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
