"""What the dashboards ask for, against a real Elasticsearch that real runs have filled.

Kibana itself is a stand-in: none can be run here. What its panels and saved searches would ask
Elasticsearch is asked, and the answers are held to what is in the store.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from elasticsearch import Elasticsearch as Client

from pipelines.dashboards import DASHBOARDS, dashboards
from tests.conftest import SEEDS
from tests.integration.command import docsluice
from tests.kibana.panel_requests import panel_request, panel_rows, rest_request, search_request
from tests.kibana.stand_in import KibanaStandIn
from transforms.elasticsearch.actions import to_document

ALIAS = "test-dashboards"
OBJECTS = {(one["type"], one["id"]): one for one in dashboards(ALIAS)}
DOCUMENTS, ACTIVITY = DASHBOARDS
LABELS = {"people": "PER", "organisations": "ORG", "places": "LOC"}


@dataclass(frozen=True)
class Filled:
    """An index filled by two runs, and what their store says.

    Attributes:
        client: of the server.
        published: the documents of both runs as the index gets them.
        runs: their manifests.
        letters: their dead letters, without what belongs to no dashboard.
        span: a time range around both.
    """

    client: Client
    env: dict[str, str]
    directory: Path
    published: list[dict[str, Any]]
    runs: list[dict[str, Any]]
    letters: list[dict[str, Any]]
    span: tuple[datetime, datetime]

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The rows that a panel draws."""
        lens = OBJECTS["lens", f"docsluice-{name}"]
        index, time_field = self.view(lens)
        answer = self.client.search(
            index=index, body=panel_request(lens, time_field, self.span)
        ).body
        return panel_rows(lens, answer)

    def view(self, one: dict[str, Any]) -> tuple[str, str]:
        """Index and time field of the data view of a panel or saved search."""
        view = OBJECTS["index-pattern", one["references"][0]["id"]]["attributes"]
        return view["title"], view["timeFieldName"]

    def value(self, name: str) -> float:
        """What a panel with one number shows."""
        ((value,),) = (row.values() for row in self.rows(name))
        return float(value)


def variables(url: str, alias: str) -> dict[str, str]:
    return {"DOCSLUICE_ELASTICSEARCH__URL": url, "DOCSLUICE_ELASTICSEARCH__INDEX": alias}


def make_corpus(directory: Path) -> None:
    """The seeds, an exact and a near duplicate, dated records, a short one, a broken one."""
    directory.mkdir()
    seeds = sorted(SEEDS.iterdir())
    for seed in seeds:
        shutil.copy(seed, directory)
    text = seeds[2].read_text()
    (directory / "zz-copy.txt").write_text(text)
    (directory / "zz-near.txt").write_text(text.replace("outrage", "anger") + "\nOne line more.")
    (directory / "short.txt").write_text("Merci beaucoup.")
    (directory / "broken.json").write_text('{"text": "cut o')
    records = [
        {"id": str(n), "text": f"Record {n} about the river. " * (n * 40), "date": f"2025-0{n}-03"}
        for n in range(1, 5)
    ]
    (directory / "dated.jsonl").write_text("\n".join(map(json.dumps, records)) + "\n")


@pytest.fixture(scope="module")
def filled(elasticsearch_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    directory = tmp_path_factory.mktemp("provision")
    make_corpus(directory / "corpus")
    env = variables(elasticsearch_url, ALIAS)
    for _ in range(2):
        done = docsluice("run", "corpus", "--quiet", cwd=directory, env=env)
        assert (done.returncode, done.stderr) == (0, "")
        later = directory / "corpus" / "later.txt"
        later.write_text("Angela Merkel met Emmanuel Macron of Siemens in Paris. " * 30)
        (directory / "corpus" / "later.jsonl").write_text('{"text": \n')
    store = directory / "store"
    published = [
        to_document(row)
        for path in sorted(store.glob("documents/*/*.parquet"))
        for row in pq.ParquetFile(path).read().to_pylist()
    ]
    letters = [
        json.loads(line) | {"run_id": path.parent.name.removeprefix("run=")}
        for path in sorted(store.glob("dead-letters/*/*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    runs = [json.loads(path.read_text()) for path in sorted(store.glob("runs/*.json"))]
    assert (len(runs), len(letters)) == (2, 2)
    now = datetime.now(UTC)
    with Client(elasticsearch_url) as client:
        client.indices.refresh(index=f"{ALIAS}-activity")
        span = now - timedelta(days=90), now + timedelta(minutes=1)
        yield Filled(client, env, directory, published, runs, letters, span)


def test_every_panel_and_saved_search_is_answered(filled: Filled) -> None:
    asked = 0
    for (type_, id_), one in OBJECTS.items():
        if type_ == "lens":
            rows = filled.rows(id_.removeprefix("docsluice-"))
            assert rows, id_
            assert any(value for row in rows for value in row.values()), id_
            index, time_field = filled.view(one)
            if rest := rest_request(one, time_field, filled.span, rows):
                answer = filled.client.search(index=index, body=rest)
                assert answer["aggregations"]["rest"]["buckets"][""]["doc_count"] >= 0
            asked += 1
        elif type_ == "search":
            index, time_field = filled.view(one)
            request = search_request(one, time_field, filled.span)
            assert filled.client.search(index=index, body=request)["hits"]["hits"], id_
            asked += 1
    assert asked == sum(type_ in ("lens", "search") for type_, _ in OBJECTS)


def test_numbers_of_documents(filled: Filled) -> None:
    docs = filled.published
    assert filled.value("documents-count") == len(docs) >= 8
    assert filled.value("documents-words") == sum(doc["word_count"] for doc in docs)
    assert filled.value("documents-duplicates") == sum(doc["duplicate_count"] for doc in docs) == 2
    assert filled.value("documents-languages-count") == len({doc["language"] for doc in docs}) >= 2


def test_documents_over_time(filled: Filled) -> None:
    ingested = filled.rows("documents-ingested")
    assert len(ingested) > 50
    assert sum(row["documents"] for row in ingested) == len(filled.published)
    published = filled.rows("documents-published")
    months = [datetime.fromtimestamp(row["time"] / 1000, UTC).date() for row in published]
    assert [str(month) for month in months] == [f"2025-0{n}-01" for n in range(1, 5)]
    assert all(row["documents"] == 1 for row in published)


@pytest.mark.parametrize(("panel", "label"), LABELS.items())
def test_top_names(filled: Filled, panel: str, label: str) -> None:
    wanted = Counter(
        name for doc in filled.published for name in doc.get("entities", {}).get(label, ())
    )
    rows = filled.rows(f"documents-{panel}")
    assert len(rows) == min(15, len(wanted)) > 0
    assert all(row["measure"] == wanted[row["name"]] for row in rows)
    assert rows[0]["measure"] == max(wanted.values())


def test_languages_quality_and_lengths(filled: Filled) -> None:
    docs = filled.published
    languages = Counter(doc["language"] for doc in docs)
    assert {r["language"]: r["documents"] for r in filled.rows("documents-languages")} == languages
    flags = Counter(flag for doc in docs for flag in doc["quality"])
    assert {r["name"]: r["measure"] for r in filled.rows("documents-quality")} == flags
    assert flags["too_short"]
    lengths = filled.rows("documents-lengths")
    assert sum(row["documents"] for row in lengths) == len(docs)
    assert sum(row["documents"] > 0 for row in lengths) >= 2
    for row in filled.rows("documents-words-by-language"):
        counts = sorted(doc["word_count"] for doc in docs if doc["language"] == row["language"])
        assert counts[0] <= row["median"] <= row["p95"] <= counts[-1]


def test_clusters(filled: Filled) -> None:
    sizes = [row["clusters"] for row in filled.rows("documents-cluster-sizes")]
    assert sizes == [0, 1, 0, 0, 0]
    search = OBJECTS["search", "docsluice-biggest-clusters"]
    index, time_field = filled.view(search)
    request = search_request(search, time_field, filled.span)
    (hit,) = filled.client.search(index=index, body=request)["hits"]["hits"]
    assert hit["fields"]["duplicate_count"] == [2]
    (title,) = hit["fields"]["title"]
    assert title.endswith("over Trump comments on Paris attack")


def test_runs(filled: Filled) -> None:
    runs = filled.runs
    assert filled.value("activity-runs") == 2
    kept = [run["outcomes"].get("kept", 0) for run in runs]
    assert filled.value("activity-kept") == sum(kept) == len(filled.published)
    assert filled.value("activity-bytes") == sum(run["source_bytes"] for run in runs)
    newest = filled.rows("activity-last-runs")
    assert [row["run"] for row in newest] == [run["run_id"] for run in reversed(runs)]
    for row, run in zip(newest, reversed(runs), strict=True):
        assert row["seconds"] == pytest.approx(run["seconds"])
        assert row["speed"] == pytest.approx(sum(run["outcomes"].values()) / run["seconds"], 0.01)
        for name in ("kept", "duplicate", "rejected", "failed"):
            assert (row[name] or 0) == run["outcomes"].get(name, 0)
    over_time = filled.rows("activity-outcomes")
    assert sum(row["kept"] or 0 for row in over_time) == sum(kept)
    longest = [row["longest"] for row in filled.rows("activity-seconds") if row["longest"]]
    assert max(longest) == pytest.approx(max(run["seconds"] for run in runs))
    speeds = [row for row in filled.rows("activity-speed") if row["median"]]
    assert all(0 < row["slowest"] <= row["median"] for row in speeds)


def test_dead_letters(filled: Filled) -> None:
    assert filled.value("activity-dead-letters") == len(filled.letters)
    errors = Counter((one["stage"], one["error_type"]) for one in filled.letters)
    rows = filled.rows("activity-errors")
    assert {(row["stage"], row["error"]): row["letters"] for row in rows} == errors
    assert sum(row["letters"] for row in filled.rows("activity-failures")) == len(filled.letters)
    search = OBJECTS["search", "docsluice-failed-documents"]
    index, time_field = filled.view(search)
    request = search_request(search, time_field, filled.span) | {"_source": True}
    hits = filled.client.search(index=index, body=request)["hits"]["hits"]
    assert [hit["_source"]["run_id"] for hit in hits] == [r["run_id"] for r in filled.runs[::-1]]
    for hit in hits:
        letter = next(one for one in filled.letters if one["run_id"] == hit["_source"]["run_id"])
        assert "payload" not in hit["_source"]
        kept = ("id", "source", "stage", "error_type", "error", "run_id")
        assert {key: hit["_source"][key] for key in kept} == {key: letter[key] for key in kept}


def test_provisioning_again_changes_nothing_and_fills_what_is_lost(filled: Filled) -> None:
    activity = f"{ALIAS}-activity"
    before = filled.client.search(index=activity, size=100)["hits"]["hits"]
    filled.client.indices.delete(index=activity)
    with KibanaStandIn() as kibana:
        done = [
            docsluice(
                *("provision", "--kibana-url", kibana.url, "--space", "news", "--json"),
                cwd=filled.directory,
                env=filled.env,
            )
            for _ in range(3)
        ]
        assert set(kibana.objects) == {"default", "news"}
        view = kibana.objects["news"]["index-pattern", DOCUMENTS]
        assert view["attributes"]["title"] == ALIAS
    assert [one.returncode for one in done] == [0, 0, 0]
    said = [json.loads(one.stdout) for one in done]
    assert {one["elasticsearch"]["created"] for one in said} == {False}
    assert [one["elasticsearch"]["templates_changed"] for one in said] == [False, False, False]
    assert [one["kibana"]["space_created"] for one in said] == [True, False, False]
    assert [one["kibana"]["changed"] for one in said] == [None, False, False]
    assert said[0]["kibana"]["dashboards"] == [
        f"{kibana.url}/s/news/app/dashboards#/view/{name}" for name in DASHBOARDS
    ]
    filled.client.indices.refresh(index=activity)
    after = filled.client.search(index=activity, size=100)["hits"]["hits"]
    assert {hit["_id"]: hit["_source"] for hit in after} == {
        hit["_id"]: hit["_source"] for hit in before
    }
