from __future__ import annotations

import pytest

from transforms.index import Query, QueryError
from transforms.sqlite.query import MAX_TERMS, Term, Words, expression, match_words, needles, parse


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", Words()),
        ("big cat", Words(((Term("big"),), (Term("cat"),)))),
        ('"big cat" cat*', Words(((Term("big cat"),), (Term("cat", is_prefix=True),)))),
        ("a OR b c", Words(((Term("a"), Term("b")), (Term("c"),)))),
        ("OR a OR", Words(((Term("a"),),))),
        ("a OR ?! OR b", Words(((Term("a"), Term("b")),))),
        ("a -b OR c", Words(((Term("a"), Term("c")),), (Term("b"),))),
        ('a -"b c"', Words(((Term("a"),),), (Term("b c"),))),
        ('say"hi', Words(((Term("say"),), (Term("hi"),)))),
        ("well-known", Words(((Term("well-known"),),))),
        ("or and", Words(((Term("or"),), (Term("and"),)))),
        ("a ( \0 \ud800", Words(((Term("a"),),))),
    ],
)
def test_parse(typed: str, expected: Words) -> None:
    assert parse(typed) == expected


def test_words_are_looked_for_in_words_and_names_in_names() -> None:
    assert match_words(parse("cat")) == '({title text segments} : ("cat"))'
    assert expression(Query("cat", entities=("Ann",), label="PER")) == (
        '({title text segments} : ("cat")) AND (({people} : "Ann") AND '
        '(({people} : "Ann") OR ({title text segments} : ("Ann"))))'
    )


def test_what_is_no_text_never_reaches_sqlite() -> None:
    assert match_words(parse("a\0b\ud800")) == '({title text segments} : ("a b "))'


def test_a_query_of_conditions_alone_has_no_expression() -> None:
    assert expression(Query(language="fr")) is None


def test_as_many_words_as_allowed_are_a_valid_query() -> None:
    assert expression(Query("cat " * MAX_TERMS))
    with pytest.raises(QueryError, match=str(MAX_TERMS)):
        expression(Query("cat " * (MAX_TERMS + 1)))


def test_needles_are_what_should_be_shown() -> None:
    query = Query('"big cat" li* OR dog -mouse', entities=("Ann",))
    assert needles(query) == ["big cat", "li", "dog", "Ann"]
