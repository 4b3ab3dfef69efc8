"""Documents per second into Elasticsearch, beside the raw client: ``benchmarks.elasticsearch``.

Both write over the same connections, with as many requests in flight and of the same size, to a
new index of one real server (``ELASTICSEARCH_URL``, or one that the tests know how to start). The
raw client, ``Elasticsearch.bulk`` in threads, has its requests ready in memory, and does not look
at what the server answers. The sink reads Parquet, makes the documents, and has an outcome for
each.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import orjson
import pyarrow.parquet as pq
from elasticsearch import Elasticsearch

from benchmarks.measure import memory_of, verdict
from tests.integration.servers.start import laid_out
from transforms.document import Document, Entity
from transforms.elasticsearch import Action, BulkWriter, ElasticsearchConfig, connect, to_action
from transforms.elasticsearch.actions import Batcher, to_lines
from transforms.elasticsearch.rows import to_rows
from transforms.parquet import document_table, encode
from transforms.resources import resource

INDEX = "docsluice-benchmark"
ROWS = 2000
TEXT_BYTES = 2000
MIB = 1024 * 1024
MOST_MEMORY = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with running_server() as url, tempfile.TemporaryDirectory() as folder:
        config = ElasticsearchConfig((url,))
        prepare(Path(folder), arguments.documents)
        requests = ready_requests(Path(folder), config)
        seconds: dict[str, list[float]] = {"raw": [], "sink": []}
        peak = 0
        with connect(config) as client:
            for _ in range(arguments.rounds):
                seconds["raw"].append(timed(client, lambda: raw(client, config, requests)))
                with sampled_memory() as memory:
                    seconds["sink"].append(
                        timed(client, lambda: sink(client, config, Path(folder)))
                    )
                peak = max(peak, memory[0])
                print(*(f"{name} {took[-1]:.1f} s" for name, took in seconds.items()), flush=True)
    speeds = {name: arguments.documents / median(took) for name, took in seconds.items()}
    for name, speed in speeds.items():
        print(f"{name}: {speed:,.0f} documents/s, median of {arguments.rounds}")
    verdict("sink / raw client", speeds["sink"] / speeds["raw"], 0.9, at_least=True)
    verdict("memory that the sink takes", peak / MIB, MOST_MEMORY, at_least=False, unit=" MiB")


@contextmanager
def running_server() -> Iterator[str]:
    """Yield the address of a server."""
    if url := os.environ.get("ELASTICSEARCH_URL"):
        yield url
        return
    with laid_out() as server:
        yield server.url


def prepare(folder: Path, number: int) -> None:
    """Write documents of about 2 KB of text, with ten names each, as Parquet."""
    chance = random.Random(0)
    letters = "etaoinshrdlu"
    vocabulary = ["".join(chance.choices(letters, k=chance.randint(2, 11))) for _ in range(9999)]
    for start in range(0, number, ROWS):
        documents = [
            document(f"{n:032x}", chance, vocabulary)
            for n in range(start, min(start + ROWS, number))
        ]
        table = document_table(documents, "benchmark", datetime(2024, 1, 1, tzinfo=UTC))
        (folder / f"part-{start:09}.parquet").write_bytes(encode(table))


def document(identity: str, chance: random.Random, vocabulary: list[str]) -> Document:
    """Make a document of random words."""
    text = " ".join(chance.choices(vocabulary, k=TEXT_BYTES // 7))
    entities = tuple(
        Entity(text[at : at + 12], chance.choice(("PER", "ORG", "LOC", "MISC")), at, at + 12)
        for at in chance.sample(range(len(text) - 12), 10)
    )
    return Document(
        id=identity,
        source=f"file:///corpus/{identity}.txt",
        title=text[:60],
        text=text,
        language="en",
        entities=entities,
        content_hash=identity,
        cluster_id=identity,
        word_count=text.count(" ") + 1,
        metadata={"author": text[:20]},
    )


def actions(folder: Path) -> Iterator[Action]:
    """Yield the action of each document, as the files are read."""
    for path in sorted(folder.iterdir()):
        yield from map(to_action, to_rows(pq.ParquetFile(path).read()))


def ready_requests(folder: Path, config: ElasticsearchConfig) -> list[bytes]:
    """Return the bodies of all requests."""
    batcher = Batcher(config.batch_bytes, config.batch_count)
    batches = [batch for action in actions(folder) for batch in batcher.add(action)]
    batches += batcher.flush()
    return [b"\n".join([*to_lines(batch), b""]) for batch in batches]


def raw(client: Elasticsearch, config: ElasticsearchConfig, requests: list[bytes]) -> None:
    """Send ready requests; the client takes bytes, and is typed for objects."""

    def send(body: Any) -> None:
        client.bulk(index=INDEX, operations=body, filter_path="errors")

    with ThreadPoolExecutor(config.max_in_flight) as pool:
        list(pool.map(send, requests))


def sink(client: Elasticsearch, config: ElasticsearchConfig, folder: Path) -> None:
    """Write what the files hold."""
    with BulkWriter(client, INDEX, config) as writer:
        for _ in writer.write(actions(folder)):
            pass
    if writer.counters.total.failed:
        sys.exit("documents failed")


def timed(client: Elasticsearch, write: Callable[[], None]) -> float:
    """Return the seconds that it takes to fill a new index."""
    client.indices.delete(index=INDEX, ignore_unavailable=True)
    client.indices.create(
        index=INDEX,
        mappings=shipped("mappings"),
        settings={
            "number_of_shards": 1,
            "number_of_replicas": 0,
            "refresh_interval": "-1",
            "analysis": shipped("analysis-standard"),
        },
    )
    started = time.perf_counter()
    write()
    took = time.perf_counter() - started
    client.indices.delete(index=INDEX)
    return took


def shipped(name: str) -> dict[str, Any]:
    """Return a part of the index that docsluice makes."""
    return dict(orjson.loads(resource(f"config/elasticsearch/{name}.json").read_bytes()))


@contextmanager
def sampled_memory() -> Iterator[list[int]]:
    """Yield a list whose one item is, at the end, by how many bytes this process grew at most."""
    grown = [0]
    ended = threading.Event()
    before = memory_of(os.getpid())

    def sample() -> None:
        while not ended.wait(0.2):
            grown[0] = max(grown[0], memory_of(os.getpid()) - before)

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield grown
    finally:
        ended.set()
        sampler.join()


if __name__ == "__main__":
    main()
