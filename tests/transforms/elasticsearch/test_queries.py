from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.elasticsearch.queries import MAX_HITS, search_body
from transforms.index import Query, QueryError


def conditions(query: Query) -> dict[str, Any]:
    found: dict[str, Any] = search_body(query)["query"]["bool"]
    return found


def test_a_word_is_looked_for_as_typed_and_folded() -> None:
    (group,) = conditions(Query("Océan"))["must"]
    (term,) = group["bool"]["should"]
    assert term["bool"]["should"] == [
        {"match_phrase": {"title": {"query": "Océan", "boost": 8.0}}},
        {"match_phrase": {"text": {"query": "Océan", "boost": 1.0}}},
        {"match_phrase": {"search.words": {"query": "ocean", "boost": 1.0}}},
    ]


@pytest.mark.parametrize(
    ("typed", "kind"), [("tide*", "match_bool_prefix"), ("l'oc*", "match_phrase_prefix")]
)
def test_a_prefix_is_one_of_the_last_word(typed: str, kind: str) -> None:
    (group,) = conditions(Query(typed))["must"]
    (term,) = group["bool"]["should"]
    assert {key for clause in term["bool"]["should"] for key in clause} == {kind}


def test_groups_are_required_and_exclusions_are_not_allowed() -> None:
    found = conditions(Query("a OR b c -d -e"))
    assert [len(group["bool"]["should"]) for group in found["must"]] == [2, 1]
    assert len(found["must_not"]) == 2


def test_the_chunks_of_a_script_without_blanks_may_stand_anywhere() -> None:
    (group,) = conditions(Query('"北京 手机"'))["must"]
    (term,) = group["bool"]["should"]
    assert len(term["bool"]["must"]) == 2


def test_a_name_is_looked_for_under_its_label() -> None:
    (name,) = conditions(Query(entities=("Éric",), label="PER"))["must"]
    assert name["bool"]["filter"]["bool"]["should"] == [{"match_phrase": {"search.PER": "eric"}}]


def test_conditions_are_filters() -> None:
    query = Query(
        language="FR",
        source="a*b?\\",
        label="ORG",
        since=datetime(2024, 1, 1),
        until=datetime(2024, 2, 1, tzinfo=timezone(timedelta(hours=1))),
    )
    assert conditions(query)["filter"] == [
        {"term": {"language": "fr"}},
        {"wildcard": {"source": {"value": r"*a\*b\?\\*"}}},
        {"exists": {"field": "entities.ORG"}},
        {
            "range": {
                "published_at": {
                    "gte": "2024-01-01T00:00:00Z",
                    "lte": "2024-02-01T00:00:00+01:00",
                }
            }
        },
    ]


def test_what_has_words_is_ranked_and_the_rest_sorted_by_date() -> None:
    ranked, sorted_ = search_body(Query("cat")), search_body(Query(language="fr"))
    assert ranked["sort"][0] == {"_score": {"order": "desc"}}
    assert sorted_["sort"][0] == {"published_at": {"order": "desc", "missing": "_last"}}
    assert ranked["sort"][1] == sorted_["sort"][1] == {"id": "asc"}


def test_a_page_beyond_the_server_s_window_is_refused() -> None:
    assert search_body(Query("cat", limit=10, offset=MAX_HITS - 10))["from"] == MAX_HITS - 10
    with pytest.raises(QueryError, match="10,000"):
        search_body(Query("cat", limit=10, offset=MAX_HITS - 9))


@given(typed=st.text(st.characters(codec=None)), source=st.text(st.characters(codec=None)))
def test_whatever_is_typed_is_json(typed: str, source: str) -> None:
    for query in (
        Query(typed, source=source, since=datetime(2024, 1, 1, tzinfo=UTC)),
        Query(entities=(typed,), language=source),
    ):
        try:
            body = search_body(query)
        except QueryError:
            continue
        orjson.dumps(body)
