"""A server as an index uses it: at once for searches, with patience for all that writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from transforms.elasticsearch.bulk import BulkWriter
from transforms.elasticsearch.config import ElasticsearchConfig, connect, patient_client

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch


@dataclass(frozen=True, slots=True)
class Connection:
    """Two clients of one server.

    Attributes:
        config: the server, and how to write to it.
        prompt: a client whose calls fail at once.
        patient: a client whose calls wait for a server that is away or busy; the same as
            ``prompt`` where nothing is to be waited for.
    """

    config: ElasticsearchConfig
    prompt: Elasticsearch
    patient: Elasticsearch

    @classmethod
    def open(cls, config: ElasticsearchConfig, *, waits: bool) -> Self:
        """Talk to the server once, which is never waited for.

        Raises:
            ElasticsearchError: no server, wrong credentials, another version.
            ValueError: a secret or a certificate that is not where the config says.
        """
        prompt = connect(config)
        return cls(config, prompt, patient_client(config) if waits else prompt)

    def writer(self, index: str) -> BulkWriter:
        """Writes to an index in bulk."""
        return BulkWriter(self.prompt, index, self.config)

    def close(self) -> None:
        """Close both clients."""
        self.prompt.close()
        self.patient.close()
