"""A command that is killed while it fills the index: the next one makes up for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from elasticsearch import Elasticsearch

from tests.integration.command import COMMAND
from tests.integration.loads import Target, records, run
from tests.integration.servers.fault_proxy import FaultProxy
from tests.integration.servers.faults import slow
from transforms.elasticsearch import ElasticsearchConfig
from transforms.elasticsearch.templates import VERSION

NUMBER = 100
OWN = {
    "settings": {
        "index": {
            "refresh_interval": "7s",
            "number_of_replicas": "1",
            "auto_expand_replicas": "false",
        }
    }
}
RUN = ("run", "a.jsonl", "b.jsonl", "--no-entities", "--workers", "1", "--quiet")


@pytest.fixture
def target(
    elasticsearch_url: str,
    es_client: Elasticsearch,
    fault_proxy: FaultProxy,
    alias: str,
    tmp_path: Path,
) -> Target:
    """An index with settings of a user's own, and a store whose one run it has.

    ``b.jsonl`` is to come: as many new documents, and a duplicate of each that is there.
    """
    es_client.cluster.put_component_template(name=f"{alias}@custom", template=OWN)
    server = ElasticsearchConfig((elasticsearch_url,))
    settings = {"max_in_flight": 1}
    target = Target(fault_proxy.url, server, es_client, alias, tmp_path, settings)
    old, new = (list(records(2 * NUMBER))[half] for half in (slice(NUMBER), slice(NUMBER, None)))
    (tmp_path / "b.jsonl").touch()
    write(tmp_path / "a.jsonl", old)
    assert run(target, *RUN).returncode == 0
    write(tmp_path / "b.jsonl", [*new, *({**one, "id": one["id"] + 1000} for one in old)])
    return target


def write(path: Path, given: list[dict[str, Any]]) -> None:
    path.write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in given))


def kill_midway(target: Target, proxy: FaultProxy, after: int, *command: str) -> dict[str, Any]:
    """Kill the command when so many requests of its load are answered; what settings it leaves."""
    proxy.inject(slow(0.3))
    before = len(proxy.of())
    process = subprocess.Popen(
        [*COMMAND, *command], cwd=target.folder, env=os.environ | target.env, stderr=subprocess.PIPE
    )
    try:
        until = time.monotonic() + 90
        while len(proxy.of()) < before + after:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until, "the requests did not come"
            time.sleep(0.02)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    proxy.clear()
    return settings_of(target, indices(target)[-1])


def settings_of(target: Target, name: str) -> dict[str, Any]:
    settings = target.client.indices.get_settings(index=name)[name]["settings"]["index"]
    return {name: settings.get(name) for name in OWN["settings"]["index"]}


def indices(target: Target) -> list[str]:
    return sorted(target.client.indices.get_alias(index=f"{target.alias}-{VERSION}-*"))


def duplicate_counts(target: Target) -> dict[int, int]:
    """How many documents have which number of duplicates."""
    found = target.client.search(
        index=target.alias, aggs={"counts": {"terms": {"field": "duplicate_count"}}}, size=0
    )["aggregations"]["counts"]["buckets"]
    return {bucket["key"]: bucket["doc_count"] for bucket in found}


@pytest.mark.parametrize("after", [2, 7], ids=["its documents", "its duplicates"])
def test_the_next_start_completes_a_run_that_was_killed_amid(
    target: Target, fault_proxy: FaultProxy, after: int
) -> None:
    left = kill_midway(target, fault_proxy, after, *RUN)
    assert left["refresh_interval"] == "-1"
    assert len(list(target.folder.glob("store/runs/*.json"))) == 2  # committed, and not indexed
    assert duplicate_counts(target) == {0: NUMBER}

    done = run(target, *RUN, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run_id"] is None
    (live,) = indices(target)
    assert settings_of(target, live) == OWN["settings"]["index"]
    assert target.stored() == list(range(2 * NUMBER))
    assert duplicate_counts(target) == {0: NUMBER, 1: NUMBER}

    assert run(target, *RUN).returncode == 0
    assert duplicate_counts(target) == {0: NUMBER, 1: NUMBER}


def test_the_next_start_removes_what_a_killed_reindex_has_left(
    target: Target, fault_proxy: FaultProxy
) -> None:
    left = kill_midway(target, fault_proxy, 2, "reindex")
    assert left == {
        "refresh_interval": "-1",
        "number_of_replicas": "0",
        "auto_expand_replicas": "false",
    }
    live, _ = indices(target)
    assert target.stored() == list(range(NUMBER))
    assert run(target, *RUN).returncode == 0
    assert indices(target) == [live]
    assert settings_of(target, live) == OWN["settings"]["index"]
    assert run(target, "reindex").returncode == 0
    assert duplicate_counts(target) == {0: NUMBER, 1: NUMBER}
    assert settings_of(target, indices(target)[-1]) == OWN["settings"]["index"]
