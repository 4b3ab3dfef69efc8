"""Where the tests' own Elasticsearch comes from: a container engine, else Maven's archive."""

from __future__ import annotations

from tests.integration.servers import UnavailableError
from tests.integration.servers.container import Container
from tests.integration.servers.elasticsearch import Elasticsearch
from tests.integration.servers.node import Node


def laid_out(*, secure: bool = False) -> Elasticsearch:
    """A server to start, with the analyzers that an ordinary one has.

    Raises:
        UnavailableError: neither way is open; the message says what both lack.
    """
    try:
        return Container(secure=secure)
    except UnavailableError as no_container:
        try:
            return Node(secure=secure)
        except UnavailableError as no_node:
            raise UnavailableError(f"{no_node}; {no_container}") from None
