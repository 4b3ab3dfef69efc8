"""Loads of documents into a real Elasticsearch at two levels: the sink, and a whole run.

Both write the same documents into an index of docsluice's own, and say in the same words how that
ended.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
from elasticsearch import Elasticsearch

from tests.integration.command import docsluice
from tests.transforms.index_contract import documents
from transforms.elasticsearch import (
    BulkWriter,
    ElasticsearchConfig,
    ElasticsearchError,
    ElasticsearchIndex,
    Failed,
    connect,
    to_action,
    to_rows,
)

PLAIN: dict[str, Any] = {"batch_count": 20, "timeout_seconds": 10, "total_seconds": 120}
"""Settings of a load where a test does not say otherwise."""

POISON = {"id": "poison", "language": "x" * 40_000}
"""A document that Lucene does not take: it has a term of more than 32,766 bytes."""

RUN = ("run", "corpus.jsonl", "--no-entities", "--workers", "1", "--quiet")


@dataclass(frozen=True)
class Target:
    """Where a load goes.

    Attributes:
        url: what the load is told: the server, or a proxy before it.
        server: the server itself, with all rights.
        client: of ``server``.
        alias: of the index.
        folder: for the corpus and the store of a run.
        settings: more of them, as in ``ElasticsearchConfig``.
    """

    url: str
    server: ElasticsearchConfig
    client: Elasticsearch
    alias: str
    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> ElasticsearchConfig:
        return ElasticsearchConfig((self.url,), **PLAIN | self.settings)

    @property
    def env(self) -> dict[str, str]:
        given = PLAIN | self.settings
        files = {f"{name}_file": given.pop(name) for name in ("api_key", "password") & given.keys()}
        given |= {name: place.removeprefix("file:") for name, place in files.items()}
        given |= {"url": self.url, "index": self.alias, "languages": "[]"}
        env = {f"DOCSLUICE_ELASTICSEARCH__{name.upper()}": str(v) for name, v in given.items()}
        return env | {"DOCSLUICE_MAX_DOCUMENT_BYTES": "200000000"}

    def stored(self) -> list[int]:
        """Numbers of the documents in the index, each as often as it is there."""
        self.client.indices.refresh(index=self.alias)
        found: list[int] = []
        after: list[object] | None = None
        while True:
            hits = self.client.search(
                index=self.alias,
                size=5000,
                source_includes=["source"],
                sort=["id"],
                search_after=after,
            )["hits"]["hits"]
            if not hits:
                return sorted(found)
            found += [number_of(hit["_source"]) for hit in hits]
            after = hits[-1]["sort"]


@dataclass(frozen=True)
class Ended:
    """How a load ended: which documents are failures, and the error, if it did not come through."""

    failed: list[int] = field(default_factory=list)
    reasons: set[str] = field(default_factory=set)
    error: str = ""


Records = Iterable[dict[str, Any]]
Load = Callable[[Target, Records], Ended]


def records(
    number: int, titles: dict[int, str] | None = None, texts: dict[int, str] | None = None
) -> Iterator[dict[str, Any]]:
    """Documents that are no duplicates; the title of each is its number if nothing else is said."""
    for each in range(number):
        chance = random.Random(each)
        words = " ".join("".join(chance.choices("etaoinshrdlu", k=6)) for _ in range(30))
        title = (titles or {}).get(each, str(each))
        yield {"id": each, "title": title, "text": (texts or {}).get(each, words)}


def by_sink(target: Target, records: Records) -> Ended:
    """Write the rows of a table by a ``BulkWriter``; each has one outcome."""
    table = documents(
        *(
            {"id": f"{one['id']:05}", "source": f"file:///corpus.jsonl#{one['id']}"}
            | {name: one[name] for name in ("title", "text")}
            for one in records
        )
    )
    try:
        with connect(target.config) as client:
            if not target.client.indices.exists_alias(name=target.alias):
                make_index(target)
            with BulkWriter(client, target.alias, target.config) as writer:
                outcomes = list(writer.write(map(to_action, to_rows(table))))
    except ElasticsearchError as error:
        return Ended(error=str(error))
    assert sorted(outcome.id for outcome in outcomes) == table["id"].to_pylist()
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    numbers = sorted(number_of(orjson.loads(one.body or b"")) for one in failed)
    return Ended(numbers, {one.reason for one in failed})


def make_index(target: Target) -> None:
    """Make the index without a document."""
    with (
        ElasticsearchIndex(target.server, target.alias, ()) as index,
        index.begin("0") as transaction,
    ):
        transaction.commit()


def rebuild(index: ElasticsearchIndex, *rows: dict[str, Any]) -> None:
    """Build the index anew, of one run of these documents."""
    with index.rebuild(["rebuilt"]) as transaction:
        transaction.upsert(documents(*rows))
        transaction.prepare()
        transaction.commit()


def by_run(target: Target, records: Records) -> Ended:
    """Let ``docsluice run`` read a file of them; ledger and Parquet have each once."""
    corpus = target.folder / "corpus.jsonl"
    if not corpus.exists():
        corpus.write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in records))
    done = run(target)
    assert done.returncode in (0, 3), done.stderr
    if done.returncode == 3:
        (line,) = done.stderr.splitlines()
        assert line.startswith("docsluice: ")
        return Ended(error=line)
    check_store(target.folder)
    letters = [
        json.loads(line)
        for path in target.folder.glob("store/dead-letters/run=*/*-index*.jsonl")
        for line in path.read_text().splitlines()
    ]
    return Ended(sorted(map(number_of, letters)), {letter["error"] for letter in letters})


def run(target: Target, *command: str) -> Any:
    """Call the command, by default to run; returns the ended process."""
    return docsluice(*(command or RUN), cwd=target.folder, env=target.env)


def check_store(folder: Path) -> None:
    """Ledger and documents have each document of the corpus once."""
    wanted = list(range(len((folder / "corpus.jsonl").read_bytes().splitlines())))
    for kind in ("ledger", "documents"):
        files = map(pq.ParquetFile, folder.glob(f"store/{kind}/run=*/*.parquet"))
        rows = (row for file in files for row in file.read(["source"]).to_pylist())
        assert sorted(map(number_of, rows)) == wanted, kind


def number_of(document: dict[str, Any]) -> int:
    return int(document["source"].rpartition("#")[2])
