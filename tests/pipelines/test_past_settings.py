from __future__ import annotations

from typing import Any

import pytest

from pipelines.past_settings import as_before, reads_alike, sources_of
from pipelines.settings import Settings, load
from pipelines.store import Store


def store_of(*runs: dict[str, Any]) -> Store:
    """A store with a run for each of these settings, kept in memory."""
    store = Store("nowhere")
    store.__dict__["manifests"] = {
        f"{number:06d}-a": {"settings": load(run).model_dump(mode="json")}
        for number, run in enumerate(runs, 1)
    }
    return store


def now(**flags: object) -> Settings:
    return load({"store": "nowhere", **flags})


def test_reading_is_as_in_the_run_and_processing_as_in_the_last() -> None:
    store = store_of(
        {"format": "jsonl", "text_field": "body", "duplicates": "off", "exclude": ["drafts"]},
        {"duplicates": "keep", "entities": False, "workers": 7, "sources": ["a"]},
    )
    settings = as_before(now(strict=True), store, "000001-a")
    assert (settings.format, settings.text_field, settings.exclude) == ("jsonl", "body", ["drafts"])
    assert (settings.duplicates, settings.entities) == ("keep", False)
    assert (settings.workers, settings.strict, settings.store) == (None, True, "nowhere")
    assert settings.sources == []
    assert as_before(now(), store, "000002-a").text_field is None


def test_the_environment_goes_before(monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_of(
        {
            "text_field": "body",
            "id_field": "key",
            "elasticsearch": {"url": "http://then:9200", "index": "news"},
        }
    )
    monkeypatch.setenv("DOCSLUICE_TEXT_FIELD", "words")
    monkeypatch.setenv("DOCSLUICE_ELASTICSEARCH__URL", "http://now:9200")
    settings = as_before(now(), store, "000001-a")
    assert (settings.text_field, settings.id_field) == ("words", "key")
    assert (settings.index, settings.elasticsearch.index) == ("elasticsearch", "news")
    assert settings.elasticsearch.url == "http://now:9200"


def test_a_secret_is_found_again_in_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCSLUICE_ELASTICSEARCH__API_KEY", "hush")
    store = store_of({"elasticsearch": {"url": "http://then:9200"}})
    settings = as_before(now(), store, "000001-a")
    assert settings.elasticsearch.api_key == "env:DOCSLUICE_ELASTICSEARCH__API_KEY"


def test_settings_that_an_older_version_did_not_have_are_as_now() -> None:
    store = store_of({"text_field": "body"})
    del store.manifests["000001-a"]["settings"]["id_field"]
    assert as_before(now(), store, "000001-a").text_field == "body"
    assert not reads_alike(now(text_field="body"), store, "000001-a")


def test_whether_files_hold_the_same_documents() -> None:
    store = store_of({"text_field": "body", "duplicates": "off"})
    assert reads_alike(now(text_field="body"), store, "000001-a")
    assert not reads_alike(now(), store, "000001-a")
    assert not reads_alike(now(text_field="body", format="json"), store, "000001-a")


def test_the_sources_of_several_runs_are_named_once() -> None:
    store = store_of({"sources": ["b", "a"]}, {"sources": ["c", "a"]}, {"sources": ["d"]})
    assert sources_of(store, ["000001-a", "000002-a"]) == ["b", "a", "c"]
