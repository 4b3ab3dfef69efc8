"""Elasticsearch after streams have been reconciled: canonicals alone, with their duplicates."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from elasticsearch import Elasticsearch

from pipelines.reconcile import reconcile
from pipelines.settings import load
from tests.integration.same_store import assert_whole
from tests.pipelines.streams import publish_window

WORDS = [f"word{number}" for number in range(100)]
TEXT = " ".join(WORDS)
NEAR = " ".join([*WORDS[:95], "other", "words"])


def test_only_canonicals_are_in_the_server(
    tmp_path: Path,
    elasticsearch_url: str,
    es_client: Elasticsearch,
    alias: str,
    docsluice: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    server = {"elasticsearch": {"url": elasticsearch_url, "index": alias}}
    publish_window(tmp_path, {"first.txt": TEXT, "other.txt": "Something about the sea."}, **server)
    publish_window(tmp_path, {"near.txt": NEAR}, **server)
    publish_window(tmp_path, {"same.txt": TEXT.upper()}, **server)
    assert _in_index(es_client, alias).keys() == {"first.txt", "other.txt", "near.txt", "same.txt"}
    settings = load({"store": str(tmp_path / "store"), **server})
    assert reconcile(settings, lambda _run, _sizes: nullcontext()).duplicates == 2
    assert _in_index(es_client, alias) == {"first.txt": 2, "other.txt": 0}
    assert_whole(tmp_path / "store", **server)
    told = docsluice("reconcile", "--store", tmp_path / "store")
    assert told.stdout.startswith("Nothing to do")
    story = docsluice("explain", "near.txt", "--store", tmp_path / "store").stdout
    assert "near duplicate" in story
    assert "first.txt" in story


def _in_index(client: Elasticsearch, alias: str) -> dict[str, int]:
    """Name and number of duplicates of each document in the index."""
    client.indices.refresh(index=alias)
    hits = client.search(index=alias, size=100)["hits"]["hits"]
    return {
        hit["_source"]["source"].rsplit("/", 1)[-1]: hit["_source"]["duplicate_count"]
        for hit in hits
    }
