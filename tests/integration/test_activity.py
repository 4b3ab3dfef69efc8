"""The index of runs and dead letters, kept up by runs of the command."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch as Client

from pipelines.activity import record_activity
from pipelines.settings import Settings, load
from pipelines.store import Store
from tests.conftest import SEEDS
from tests.integration.servers.elasticsearch import free_port
from tests.integration.test_elasticsearch_runs import variables

Docsluice = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two committed runs, the first with a dead letter, as files alone."""
    store = Store(str(tmp_path / "store"))
    for number in (1, 2):
        run_id = f"00000{number}-20260102T030405Z"
        manifest = {
            "run_id": run_id,
            "docsluice": "0.1.0",
            "started_at": "2026-01-02T03:04:05+00:00",
            "committed_at": "2026-01-02T03:04:09+00:00",
            "seconds": 4.0,
            "source_bytes": 2048,
            "outcomes": {"kept": 6, "failed": 2},
        }
        path = Path(store.path, "runs", f"{run_id}.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(manifest))
    letter = {
        "id": "a",
        "source": "file:///a",
        "stage": "read",
        "error_type": "JSONDecodeError",
        "error": "cut off",
        "attempts": 1,
        "recorded_at": "2026-01-02T03:04:05+00:00",
        "payload": "secret",
    }
    directory = Path(store.path, "dead-letters", "run=000001-20260102T030405Z")
    directory.mkdir(parents=True)
    lines = [json.dumps(letter), json.dumps(letter | {"error": "cut off again"})]
    (directory / "part-00000-000-read.jsonl").write_text("\n".join(lines) + "\n")
    return store


def settings_for(url: str, alias: str) -> Settings:
    return load({"elasticsearch": {"url": url, "index": alias, "total_seconds": 2}})


def stored(url: str, alias: str) -> dict[str, dict[str, Any]]:
    with Client(url) as client:
        client.indices.refresh(index=f"{alias}-activity")
        hits = client.search(index=f"{alias}-activity", size=100)["hits"]["hits"]
    return {hit["_id"]: hit["_source"] for hit in hits}


def test_runs_and_letters_are_written_once_and_without_payload(
    elasticsearch_url: str, store: Store
) -> None:
    settings = settings_for(elasticsearch_url, "test-activity")
    record_activity(settings, store)
    first = stored(elasticsearch_url, "test-activity")
    record_activity(settings, store)
    record_activity(settings, store, anew=True)
    assert stored(elasticsearch_url, "test-activity") == first
    run, place = "000001-20260102T030405Z", "part-00000-000-read"
    assert set(first) == {
        f"run:{run}",
        "run:000002-20260102T030405Z",
        f"dead-letter:{run}/{place}#1",
        f"dead-letter:{run}/{place}#2",
    }
    assert first[f"run:{run}"]["documents_per_second"] == 2.0
    assert first[f"run:{run}"]["documents"] == 8
    assert first[f"dead-letter:{run}/{place}#2"]["error"] == "cut off again"
    assert "secret" not in json.dumps(first)


def test_only_what_is_lacking_is_written_unless_all_is_to_be(
    elasticsearch_url: str, store: Store
) -> None:
    settings = settings_for(elasticsearch_url, "test-lacking")
    record_activity(settings, store)
    letters = Path(store.path, "dead-letters", "run=000001-20260102T030405Z")
    later = letters / "part-00000-000-index.jsonl"
    read = (letters / "part-00000-000-read.jsonl").read_text()
    later.write_text(read.replace('"stage": "read"', '"stage": "index"'))
    with Client(elasticsearch_url) as client:
        client.delete(
            index="test-lacking-activity",
            id="run:000002-20260102T030405Z",
            version=1,  # else the deletion is newer than what is written next
            version_type="external_gte",
        )
    record_activity(settings, store)
    assert len(stored(elasticsearch_url, "test-lacking")) == 4
    record_activity(settings, store, anew=True)
    of_index = [
        one
        for one in stored(elasticsearch_url, "test-lacking").values()
        if one.get("stage") == "index"
    ]
    assert len(of_index) == 2


def test_what_goes_wrong_is_a_warning(
    elasticsearch_url: str, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    record_activity(settings_for(f"http://127.0.0.1:{free_port()}", "x"), store)
    assert "not up to date: no Elasticsearch answers" in caplog.text
    caplog.clear()

    unfit = {"properties": {"kind": {"type": "integer"}}}
    with Client(elasticsearch_url) as client:
        client.indices.create(index="test-unfit-activity", mappings=unfit)
    record_activity(settings_for(elasticsearch_url, "test-unfit"), store)
    assert "not up to date: Elasticsearch at " in caplog.text
    assert "docsluice provision" in caplog.text
    caplog.clear()

    manifest = Path(store.path, "runs", "000002-20260102T030405Z.json")
    fields = json.loads(manifest.read_text()) | {"outcomes": {"of-another-version": 1}}
    manifest.write_text(json.dumps(fields))
    record_activity(settings_for(elasticsearch_url, "test-other"), Store(store.path))
    assert "refuses 1 document, such as run:000002-20260102T030405Z" in caplog.text


def test_a_line_that_is_no_letter_is_passed_over(
    elasticsearch_url: str, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    directory = Path(store.path, "dead-letters", "run=000001-20260102T030405Z")
    (directory / "part-00001-000-read.jsonl").write_text('{"id": "cut o\n[]\n')
    record_activity(settings_for(elasticsearch_url, "test-damaged"), store)
    assert len(stored(elasticsearch_url, "test-damaged")) == 4
    assert caplog.text.count("is no dead letter") == 2


def test_a_run_goes_well_whose_activity_cannot_be_written(
    docsluice: Docsluice, elasticsearch_url: str
) -> None:
    with Client(elasticsearch_url) as client:
        client.indices.create(
            index="test-warned-activity", mappings={"properties": {"kind": {"type": "integer"}}}
        )
    env = variables(elasticsearch_url, "test-warned")
    done = docsluice("run", SEEDS, "--json", env=env)
    assert done.returncode == 0
    assert json.loads(done.stdout)["outcomes"] == {"kept": 3}
    assert "the index of runs and dead letters is not up to date" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_documents_that_the_index_refuses_are_among_the_dead_letters(
    docsluice: Docsluice, elasticsearch_url: str
) -> None:
    unfit = {"mappings": {"properties": {"media_type": {"type": "integer"}}}}
    with Client(elasticsearch_url) as client:
        client.cluster.put_component_template(name="test-refused@custom", template=unfit)
    env = variables(elasticsearch_url, "test-refused")
    for command in (["run", SEEDS], ["reindex"]):
        assert docsluice(*command, env=env).returncode == 0
    kinds = [one["kind"] for one in stored(elasticsearch_url, "test-refused").values()]
    assert kinds.count("run") == 1
    assert kinds.count("dead-letter") >= 3
