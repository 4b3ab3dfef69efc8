"""The index in a real server: what all indexes promise, and what only this one does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from tests.integration.loads import POISON, rebuild
from tests.integration.servers.elasticsearch import Elasticsearch as Server
from tests.integration.servers.elasticsearch import free_port
from tests.transforms.index_contract import (
    OpenIndex,
    TransactionContract,
    documents,
    entity,
    found,
    publish,
)
from tests.transforms.search_contract import SearchContract
from transforms.elasticsearch.actions import Failed
from transforms.elasticsearch.config import ElasticsearchConfig
from transforms.elasticsearch.errors import (
    ElasticsearchPrivilegeError,
    ElasticsearchUnreachableError,
)
from transforms.elasticsearch.index import ElasticsearchIndex
from transforms.index import Query, SearchIndexError


@pytest.fixture
def config(elasticsearch_url: str) -> ElasticsearchConfig:
    return ElasticsearchConfig(url=(elasticsearch_url,))


@pytest.fixture
def index(config: ElasticsearchConfig, alias: str) -> Iterator[ElasticsearchIndex]:
    with ElasticsearchIndex(config, alias) as index:
        yield index


class TestElasticsearchIndex(TransactionContract, SearchContract):
    @pytest.fixture
    def open_index(self, config: ElasticsearchConfig, alias: str) -> OpenIndex:
        return lambda: ElasticsearchIndex(config, alias)


def test_a_refused_document_does_not_hold_up_the_others(
    config: ElasticsearchConfig, alias: str
) -> None:
    refused: list[Failed] = []
    with ElasticsearchIndex(config, alias, on_failed=refused.append) as index:
        publish(index, {"id": "a", "text": "cat"}, POISON, {"id": "b", "text": "cat"})
        assert sorted(found(index, "cat")) == ["a", "b"]
        assert (index.refused, [one.id for one in refused]) == (1, ["poison"])
        assert "[language]" in refused[0].reason


def test_any_name_and_any_metadata_can_be_indexed(index: ElasticsearchIndex) -> None:
    names = [".", "..", "a.", ".a", "a..b", " ", "", "*", "_id", "é" * 9000, "a" * 40_000]
    row = {
        "id": "a",
        "text": "cat",
        "entities": [entity(name, "MISC") for name in names],
        "title_entities": [entity("\0", "MISC")],
        "metadata": [(name[:30], name) for name in names],
    }
    publish(index, row)
    assert (found(index, "cat"), index.refused) == (["a"], 0)


def test_without_a_server_only_the_commit_of_a_run_fails(alias: str) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    index = ElasticsearchIndex(ElasticsearchConfig(url=(url,)), alias)
    with index.begin("000007-x") as transaction:
        transaction.upsert(documents({"id": "a"}))
        transaction.prepare()
        with pytest.raises(ElasticsearchUnreachableError, match=f"{url}.*000007-x.*reindex"):
            transaction.commit()


def test_an_index_that_is_not_there_is_named(index: ElasticsearchIndex, alias: str) -> None:
    with pytest.raises(SearchIndexError, match=f"no index {alias} at .*docsluice reindex"):
        index.search(Query("cat"))
    assert index.count() == 0
    assert index.verify() == [f"there is no index behind {alias}"]


def test_an_index_of_others_behind_the_alias_is_left_alone(
    index: ElasticsearchIndex, es_client: Elasticsearch, alias: str
) -> None:
    es_client.indices.create(index=f"{alias}-theirs", aliases={alias: {}})
    with pytest.raises(SearchIndexError, match=r"not made by this version.*reindex"):
        publish(index, {"id": "a"})
    assert "mapping" in index.verify()[0]
    rebuild(index, {"id": "a"})
    assert (index.count(), index.prune(), index.verify()) == (1, [], [])
    assert es_client.indices.exists(index=f"{alias}-theirs")


def test_an_alias_to_several_indices_is_an_error(
    index: ElasticsearchIndex, es_client: Elasticsearch, alias: str
) -> None:
    for name in ("x", "y"):
        es_client.indices.create(index=f"{alias}-{name}", aliases={alias: {}})
    with pytest.raises(SearchIndexError, match=f"{alias}-x, {alias}-y"):
        index.count()


def test_the_mapping_takes_nothing_that_is_not_in_the_contract(
    index: ElasticsearchIndex, es_client: Elasticsearch, alias: str
) -> None:
    full = {
        "id": "a",
        "title": "t",
        "language_confidence": 0.5,
        "published_at": datetime(2024, 1, 1, tzinfo=UTC),
        "duplicate_of": "b",
        "similarity": 0.9,
        "quality": ["too_short"],
        "metadata": [("author", "Ann")],
        "entities": [entity("Émile", "PER")],
    }
    publish(index, full)
    (hit,) = es_client.search(index=alias, query={"term": {"entities.PER": "Émile"}})["hits"][
        "hits"
    ]
    assert hit["_source"]["metadata"] == {"author": "Ann"}
    for query in ({"term": {"metadata.author": "Ann"}}, {"term": {"quality": "too_short"}}):
        assert es_client.count(index=alias, query=query)["count"] == 1
    answer = es_client.options(ignore_status=400).index(index=alias, document={"more": 1})
    assert "strict_dynamic_mapping_exception" in str(answer)


def test_subfields_are_analysed_by_language(
    index: ElasticsearchIndex, es_client: Elasticsearch, alias: str
) -> None:
    publish(index, {"id": "a", "text": "The tides of the océan, au bord des océans"})
    for field, words, expected in (
        ("text.en", "tide", 1),
        ("text.fr", "ocean", 1),
        ("text", "tide", 0),
        ("text", "OCEAN", 1),
    ):
        query = {"match": {field: words}}
        assert es_client.count(index=alias, query=query)["count"] == expected, (
            field,
            words,
        )


def test_a_server_without_analyzers_gets_the_profile_standard(
    bare_elasticsearch_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    alias = "bare"
    with ElasticsearchIndex(ElasticsearchConfig(url=(bare_elasticsearch_url,)), alias) as index:
        publish(index, {"id": "a", "text": "au bord de l'océan"})
        assert found(index, "ocean") == found(index, '"bord de l\'océan"') == ["a"]
        assert index.verify() == []
    assert "lacks the analyzers german" in caplog.text
    assert "profile standard" in caplog.text


_RIGHTS = {
    "cluster": ["monitor", "manage_index_templates"],
    "indices": [{"names": ["limited*"], "privileges": ["manage", "read", "write"]}],
}


def test_a_limited_key_is_enough_and_the_templates_are_needed_once(
    secure_elasticsearch: Server, tmp_path: Path
) -> None:
    def index_with(name: str, rights: dict[str, Any], alias: str) -> ElasticsearchIndex:
        key = tmp_path / name
        key.write_text(secure_elasticsearch.api_key(rights))
        config = ElasticsearchConfig(
            url=(secure_elasticsearch.url,),
            api_key=f"file:{key}",
            ca_certs=str(secure_elasticsearch.ca_certificate),
        )
        return ElasticsearchIndex(config, alias)

    without_templates = _RIGHTS | {"cluster": []}
    with (
        index_with("early", without_templates, "limited") as early,
        pytest.raises(ElasticsearchPrivilegeError, match="manage_index_templates"),
    ):
        publish(early, {"id": "a"})
    with index_with("full", _RIGHTS, "limited") as full:
        full.recover()
        publish(full, {"id": "a", "text": "cat"}, run_id="1")
        rebuild(full, {"id": "a", "text": "cat"})
        assert full.verify() == []
        assert len(full.prune()) == 1
    with index_with("late", without_templates, "limited") as late:
        rebuild(late, {"id": "a", "text": "cat"})
        publish(late, {"id": "b", "text": "cat"}, run_id="2")
        assert found(late, "cat") == ["a", "b"]
    read = {"indices": [{"names": ["limited*"], "privileges": ["read"]}]}
    with index_with("reader", read, "limited") as reader:
        assert found(reader, "cat") == ["a", "b"]
        with pytest.raises(ElasticsearchPrivilegeError, match=r"lacks a privilege: .* manage"):
            publish(reader, {"id": "c"}, run_id="3")
