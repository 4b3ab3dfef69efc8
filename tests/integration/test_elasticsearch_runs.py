"""Runs of the command with Elasticsearch as their index."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from elasticsearch import Elasticsearch as Client

from tests.conftest import SEEDS
from tests.integration.loads import Ended, Target, by_run, records, run
from tests.integration.servers.elasticsearch import free_port
from transforms.elasticsearch.config import ElasticsearchConfig
from transforms.elasticsearch.templates import VERSION

Docsluice = Callable[..., "subprocess.CompletedProcess[str]"]


def variables(url: str, alias: str) -> dict[str, str]:
    return {
        "DOCSLUICE_ELASTICSEARCH__URL": url,
        "DOCSLUICE_ELASTICSEARCH__INDEX": alias,
        "DOCSLUICE_ENTITIES": "false",
    }


def test_a_run_fills_the_index_that_search_and_status_read(
    docsluice: Docsluice, elasticsearch_url: str, tmp_path: Path
) -> None:
    env = variables(elasticsearch_url, "test-runs")
    assert docsluice("run", SEEDS, "--quiet", env=env).returncode == 0
    found = json.loads(docsluice("search", "Biarritz", "--json", env=env).stdout)
    assert (found["total"], found["hits"][0]["language"]) == (1, "fr")
    status = json.loads(docsluice("status", "--json", env=env).stdout)
    assert status["index"] == {"documents": 3, "missing_runs": 0}
    assert not (tmp_path / "store" / "search.db").exists()

    shown = docsluice("reindex", env=env)
    assert shown.stdout == f"3 documents of 1 run in test-runs at {elasticsearch_url}\n"
    pruned = json.loads(docsluice("reindex", "--prune", "--json", env=env).stdout)
    assert (pruned["documents"], len(pruned["pruned"])) == (3, 2)
    assert docsluice("search", "Biarritz", "--json", env=env).returncode == 0


def test_an_index_is_not_taken_from_another_store_unasked(
    docsluice: Docsluice, elasticsearch_url: str, alias: str
) -> None:
    env = variables(elasticsearch_url, alias)
    assert docsluice("run", SEEDS, "--quiet", env=env).returncode == 0
    other = docsluice("run", SEEDS, "--store", "other", env=env)
    assert (other.returncode, other.stdout) == (3, "")
    assert "it is another store's" in other.stderr
    assert json.loads(docsluice("status", "--json", env=env).stdout)["index"]["documents"] == 3

    advice = [["run", SEEDS, "--index", "none"], ["reindex"], ["run", SEEDS]]
    for command in advice:
        done = docsluice(*command, "--store", "other", env=env)
        assert done.returncode == 0, done.stderr
    assert "it is another store's" in docsluice("run", SEEDS, env=env).stderr


def test_without_a_server_nothing_is_read(docsluice: Docsluice, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    for command in (["run", SEEDS], ["search", "cat"]):
        failed = docsluice(*command, env=variables(url, "x"))
        assert (failed.returncode, failed.stdout) == (3, "")
        assert len(failed.stderr.splitlines()) == 1
        assert f"no Elasticsearch answers at {url}" in failed.stderr
    assert not list((tmp_path / "store").rglob("*.json"))


def test_no_search_fails_or_falls_short_while_the_command_reindexes(
    elasticsearch_url: str, es_client: Client, alias: str, tmp_path: Path
) -> None:
    server = ElasticsearchConfig((elasticsearch_url,))
    target = Target(elasticsearch_url, server, es_client, alias, tmp_path)
    assert by_run(target, records(300)) == Ended()
    ended = threading.Event()
    answers: list[tuple[int, int, int]] = []

    def search_on() -> None:
        with httpx.Client(base_url=elasticsearch_url) as client:
            while not ended.is_set():
                found = client.get(f"/{alias}/_search?size=0&track_total_hits=true")
                shards, hits = found.json()["_shards"], found.json()["hits"]
                answers.append((found.status_code, shards["failed"], hits["total"]["value"]))

    with ThreadPoolExecutor(2) as threads:
        searches = [threads.submit(search_on) for _ in range(2)]
        try:
            for command in (["reindex"], ["reindex", "--prune"]):
                before = len(answers)
                assert run(target, *command).returncode == 0
                assert len(answers) > before
        finally:
            ended.set()
        assert [search.result() for search in searches] == [None, None]
    assert set(answers) == {(200, 0, 300)}
    assert len(es_client.indices.get_alias(index=f"{alias}-{VERSION}-*")) == 1


def test_what_the_server_refuses_is_a_dead_letter_and_counts_with_strict(
    docsluice: Docsluice, elasticsearch_url: str, tmp_path: Path
) -> None:
    unfit = {"mappings": {"properties": {"media_type": {"type": "integer"}}}}
    with Client(elasticsearch_url) as client:
        client.cluster.put_component_template(name="test-strict@custom", template=unfit)
    env = variables(elasticsearch_url, "test-strict")
    done = docsluice("run", SEEDS, "--strict", "--json", env=env)
    assert done.returncode == 1
    assert json.loads(done.stdout)["unindexed"] == 3
    assert "refuses 3 documents" in done.stderr
    (path,) = (tmp_path / "store").glob("dead-letters/run=*/*-index.jsonl")
    assert {json.loads(line)["stage"] for line in path.read_text().splitlines()} == {"index"}
    assert docsluice("run", SEEDS, "--strict", env=env).returncode == 0


def test_secrets_are_in_no_manifest_and_no_log(
    docsluice: Docsluice, elasticsearch_url: str, tmp_path: Path
) -> None:
    env = variables(elasticsearch_url, "test-secrets")
    env |= {
        "DOCSLUICE_ELASTICSEARCH__USERNAME": "ann",
        "DOCSLUICE_ELASTICSEARCH__PASSWORD": "hush-hush",
    }
    done = docsluice("run", SEEDS, "--verbose", env=env)
    assert done.returncode == 0
    (manifest,) = (tmp_path / "store" / "runs").glob("*.json")
    assert "__PASSWORD" in manifest.read_text()
    assert "hush-hush" not in done.stdout + done.stderr + manifest.read_text()
