"""How an index is loaded, rebuilt and brought back after a crash, in a real server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from tests.integration.loads import POISON, rebuild
from tests.integration.servers.fault_proxy import FaultProxy
from tests.integration.servers.faults import cut_off, first_of_each, when
from tests.transforms.index_contract import documents, found, publish
from transforms.elasticsearch.actions import Failed
from transforms.elasticsearch.config import ElasticsearchConfig
from transforms.elasticsearch.index import ElasticsearchIndex
from transforms.elasticsearch.templates import VERSION
from transforms.index import Query


class CrashError(Exception):
    pass


def crash(failed: Failed) -> None:
    raise CrashError(failed.reason)


@pytest.fixture
def config(elasticsearch_url: str) -> ElasticsearchConfig:
    return ElasticsearchConfig(url=(elasticsearch_url,))


@pytest.fixture
def index(config: ElasticsearchConfig, alias: str) -> Iterator[ElasticsearchIndex]:
    with ElasticsearchIndex(config, alias) as index:
        yield index


def settings_of(client: Elasticsearch, alias: str) -> dict[str, Any]:
    (answer,) = client.indices.get_settings(index=alias).values()
    settings: dict[str, Any] = answer["settings"]["index"]
    return {
        name: settings.get(name)
        for name in ("refresh_interval", "number_of_replicas", "auto_expand_replicas")
    }


def indices(client: Elasticsearch, alias: str) -> list[str]:
    return sorted(client.indices.get_alias(index=f"{alias}-{VERSION}-*"))


def test_no_search_fails_or_falls_short_while_the_index_is_rebuilt(
    index: ElasticsearchIndex, config: ElasticsearchConfig, alias: str
) -> None:
    rows = [{"id": str(number), "text": "cat"} for number in range(500)]
    publish(index, *rows)
    ended = threading.Event()
    totals: list[int] = []
    problems: list[BaseException] = []

    def search_on() -> None:
        with ElasticsearchIndex(config, alias) as reader:
            while not ended.is_set():
                try:
                    totals.append(reader.search(Query("cat")).total)
                except Exception as problem:
                    problems.append(problem)

    searches = [threading.Thread(target=search_on) for _ in range(2)]
    for thread in searches:
        thread.start()
    try:
        for _ in range(3):
            before = len(totals)
            rebuild(index, *rows)
            assert len(totals) > before
    finally:
        ended.set()
        for thread in searches:
            thread.join()
    assert problems == []
    assert set(totals) == {500}


def test_answers_that_are_lost_do_no_harm(
    fault_proxy: FaultProxy, es_client: Elasticsearch, alias: str
) -> None:
    """The server has done what it was told to, and is told again."""

    def lose_answers() -> None:
        fault = first_of_each(cut_off(5))
        fault_proxy.inject(when(lambda r: r.path not in ("/", "/_nodes"), fault), path="")

    with ElasticsearchIndex(ElasticsearchConfig(url=(fault_proxy.url,)), alias) as index:
        for step in (
            lambda: publish(index, {"id": "a", "text": "old"}, run_id="1"),
            lambda: publish(index, {"id": "a", "text": "new"}, run_id="2"),
            lambda: rebuild(index, {"id": "a", "text": "new"}),
            index.recover,
        ):
            lose_answers()
            step()
        lose_answers()
        assert (index.count(), index.verify(), index.runs()) == (1, [], {"rebuilt"})
        lose_answers()
        assert len(index.prune()) == 1
        fault_proxy.clear()
        assert found(index, "new") == ["a"]
    assert fault_proxy.statuses("")[0] > 20
    assert len(indices(es_client, alias)) == 1


def test_old_indices_stay_until_they_are_pruned(
    index: ElasticsearchIndex, es_client: Elasticsearch, alias: str
) -> None:
    publish(index, {"id": "a", "text": "old"})
    rebuild(index, {"id": "a", "text": "new"})
    old, new = indices(es_client, alias)
    assert index.prune() == [old]
    assert indices(es_client, alias) == [new]
    assert (index.prune(), found(index, "new"), index.runs()) == ([], ["a"], {"rebuilt"})


def test_a_load_gives_back_the_settings_that_it_has_loosened(
    index: ElasticsearchIndex, es_client: Elasticsearch, alias: str
) -> None:
    publish(index, {"id": "a"}, run_id="1")
    assert settings_of(es_client, alias) == {
        "refresh_interval": None,
        "number_of_replicas": "0",
        "auto_expand_replicas": "0-1",
    }
    own = {"refresh_interval": "7s", "number_of_replicas": "1", "auto_expand_replicas": "false"}
    es_client.cluster.put_component_template(name=f"{alias}@custom", template={"settings": own})
    rebuild(index, {"id": "a"})
    assert settings_of(es_client, alias) == own
    publish(index, {"id": "b"}, run_id="2")
    assert settings_of(es_client, alias) == own


def test_the_next_start_gives_back_the_settings_after_a_crash(
    index: ElasticsearchIndex,
    config: ElasticsearchConfig,
    es_client: Elasticsearch,
    alias: str,
) -> None:
    publish(index, {"id": "a"}, run_id="1")
    before = settings_of(es_client, alias)
    with (
        ElasticsearchIndex(config, alias, on_failed=crash) as crashing,
        pytest.raises(CrashError),
    ):
        publish(crashing, POISON, run_id="2")
    assert settings_of(es_client, alias) != before
    assert index.verify() != []
    index.recover()
    assert settings_of(es_client, alias) == before
    assert (index.verify(), index.runs()) == ([], {"1"})


def test_a_run_that_died_midway_counts_once_when_it_is_applied_again(
    index: ElasticsearchIndex, config: ElasticsearchConfig, alias: str
) -> None:
    publish(index, {"id": "a", "text": "cat", "duplicate_count": 1}, {"id": "b"}, run_id="1")

    def apply(index: ElasticsearchIndex) -> None:
        with index.begin("2") as transaction:
            transaction.upsert(documents({"id": "c", "text": "cat"}))
            transaction.add_duplicates({"a": 2})
            transaction.delete(["b"])
            transaction.upsert(documents(POISON))
            transaction.commit()

    for _ in range(2):
        with (
            ElasticsearchIndex(config, alias, on_failed=crash) as crashing,
            pytest.raises(CrashError),
        ):
            apply(crashing)
    apply(index)
    counts = {hit.id: hit.duplicate_count for hit in index.search(Query("cat")).hits}
    assert counts == {"a": 3, "c": 0}
    assert (index.count(), index.refused, index.runs()) == (2, 1, {"1", "2"})


def test_a_rebuild_that_died_leaves_nothing_behind(
    index: ElasticsearchIndex,
    config: ElasticsearchConfig,
    es_client: Elasticsearch,
    alias: str,
) -> None:
    publish(index, {"id": "a"})
    (live,) = indices(es_client, alias)
    index.rebuild(["2"]).upsert(documents({"id": "b"}))  # and no end of it
    assert len(indices(es_client, alias)) == 2
    with ElasticsearchIndex(config, alias) as another:
        another.recover()
        assert indices(es_client, alias) == [live]
        assert another.count() == 1
