"""Loads of documents into a real Elasticsearch, and what must be true after each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import orjson
from elasticsearch import Elasticsearch

from transforms.elasticsearch import (
    Action,
    BulkWriter,
    ElasticsearchConfig,
    Failed,
    Outcome,
    connect,
)

INDEX = "sink-faults"
MAPPINGS = {"dynamic": "strict", "properties": {"n": {"type": "long"}, "x": {"type": "text"}}}
NUMBER = 3000


def action(number: int, version: int = 1, **fields: object) -> Action:
    body = {"n": number, "x": "water of the canal " * 10, **fields}
    return Action(f"id-{number}", version, orjson.dumps(body))


def actions(number: int = NUMBER) -> Iterator[Action]:
    return map(action, range(number))


@dataclass(frozen=True)
class Loaded:
    """What a writer said of a load, and what the server has of it."""

    outcomes: list[Outcome]
    writer: BulkWriter
    stored: set[str]

    @property
    def failed(self) -> list[Failed]:
        return [outcome for outcome in self.outcomes if isinstance(outcome, Failed)]

    def check(self, number: int = NUMBER, failed: set[str] | None = None) -> None:
        """Indexed and failed together are what came in, each once; the server has the indexed."""
        wanted = {f"id-{n}" for n in range(number)}
        assert Counter(outcome.id for outcome in self.outcomes) == Counter(wanted)
        assert {outcome.id for outcome in self.failed} == (failed or set())
        assert self.stored == wanted - (failed or set())
        tally = self.writer.counters.total
        assert (tally.indexed, tally.failed) == (len(self.stored), len(failed or ()))


def fresh_index(client: Elasticsearch) -> None:
    client.indices.delete(index=INDEX, ignore_unavailable=True)
    client.indices.create(
        index=INDEX, mappings=MAPPINGS, settings={"number_of_replicas": 0, "number_of_shards": 1}
    )


def stored(client: Elasticsearch) -> set[str]:
    """Ids in the index, read page by page."""
    client.indices.refresh(index=INDEX)
    found: set[str] = set()
    after: list[object] | None = None
    while True:
        hits = client.search(
            index=INDEX, size=5000, source=False, sort=[{"n": "asc"}], search_after=after
        )["hits"]["hits"]
        if not hits:
            return found
        found.update(hit["_id"] for hit in hits)
        after = hits[-1]["sort"]


def load(config: ElasticsearchConfig, client: Elasticsearch, documents: Iterator[Action]) -> Loaded:
    with connect(config) as own, BulkWriter(own, INDEX, config) as writer:
        outcomes = list(writer.write(documents))
    return Loaded(outcomes, writer, stored(client))


def config_for(url: str) -> ElasticsearchConfig:
    return ElasticsearchConfig((url,), batch_count=100, timeout_seconds=10, total_seconds=120)
