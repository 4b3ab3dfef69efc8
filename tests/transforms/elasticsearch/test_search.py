from __future__ import annotations

import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from transforms.elasticsearch.search import passage, to_results
from transforms.index import Fragment, Hit, Name, Query, Snippet

STORED = {
    "id": "a",
    "source": "file:///a",
    "title": "T",
    "text": "Au bord de l'Océan, catalogue, cat.",
    "language": "fr",
    "published_at": "2024-01-02T03:04:05.678901+01:00",
    "mentions": {"PER": {"A": 5, "B": 4, "C": 3, "D": 2}, "LOC": {"P": 1}},
    "duplicate_count": 2,
}


def results(query: Query, **more: object) -> Hit:
    answer = {"hits": {"total": {"value": 1}, "hits": [{"_score": 1.5, "_source": STORED | more}]}}
    (hit,) = to_results(query, answer, 2.0).hits
    return hit


def marked(query: Query) -> list[str]:
    return [one.text for one in results(query).snippet.fragments if one.is_match]


def test_a_hit_has_what_is_shown_of_it() -> None:
    hit = results(Query("x"))
    assert (hit.id, hit.score, hit.duplicate_count) == ("a", 1.5, 2)
    assert hit.published_at == datetime(2024, 1, 2, 2, 4, 5, tzinfo=UTC)
    assert hit.entities == (
        Name("A", "PER", 5),
        Name("B", "PER", 4),
        Name("C", "PER", 3),
        Name("P", "LOC", 1),
    )


def test_an_undated_hit_without_names_or_score_is_one_too() -> None:
    answer = {"_score": None, "_source": STORED | {"published_at": None, "mentions": {}}}
    (hit,) = to_results(
        Query(language="fr"), {"hits": {"total": {"value": 1}, "hits": [answer]}}, 1.0
    ).hits
    assert (hit.score, hit.published_at, hit.entities) == (0.0, None, ())


def test_whole_words_are_marked_whatever_their_accents() -> None:
    assert marked(Query("ocean cat")) == ["Océan", "cat"]
    assert marked(Query("cat*")) == ["cat", "cat"]
    assert marked(Query('"bord de l’ocean"')) == ["bord de l'Océan"]
    assert marked(Query(entities=("OCÉAN",))) == ["Océan"]
    assert marked(Query("-cat x")) == []


def test_a_passage_is_cut_at_blanks_around_the_match() -> None:
    text = "word " * 100 + "needle " + "word " * 100
    snippet = passage(text, re.compile("needle"))
    assert snippet.cut_before
    assert snippet.cut_after
    assert snippet.text.startswith("word ")
    assert snippet.text.endswith(" word")
    assert 200 < len(snippet.text) <= 240


def test_without_a_match_the_beginning_is_shown() -> None:
    assert passage("It begins.", re.compile("x")) == Snippet((Fragment("It begins."),))
    assert passage("", re.compile("x")) == Snippet()


@given(st.text(), st.text(min_size=1, max_size=5))
def test_a_passage_is_exact_text(text: str, needle: str) -> None:
    snippet = passage(text + needle + text, re.compile(re.escape(needle.lower())))
    assert snippet.text in text + needle + text
