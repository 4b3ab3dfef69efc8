"""A ``transforms.index.Query`` as the body of a search request.

The query language is that of the embedded index, parser included. Each word or phrase is looked
for in title and text as typed, and folded in ``search.words``, which
``transforms.elasticsearch.words`` makes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from transforms.document import ENTITY_LABELS
from transforms.elasticsearch.words import words
from transforms.index import Query, QueryError
from transforms.sqlite.query import Term, expression, parse
from transforms.sqlite.segment import is_unspaced

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

Clause = dict[str, Any]

MAX_HITS = 10_000
"""How deep a result can be paged: the server's ``index.max_result_window``."""

_FIELDS = {"title": 8.0, "text": 1.0}
_FOLDED = "search.words"
# Beyond it, a prefix at the end of a phrase misses words. The server's default is 50.
_MOST_EXPANSIONS = 1000
_SHOWN = [
    "id",
    "source",
    "title",
    "text",
    "language",
    "published_at",
    "mentions",
    "duplicate_count",
]
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")
_WILDCARDS = re.compile(r"([\\*?])")


def search_body(query: Query) -> dict[str, Any]:
    """The body of ``POST INDEX/_search`` for a query.

    Raises:
        QueryError: there is nothing to look for, or too much, or the page lies too deep.
    """
    if query.limit < 0 or query.offset < 0:
        raise QueryError("limit and offset must not be negative")
    if query.offset + query.limit > MAX_HITS:
        raise QueryError(f"Only the first {MAX_HITS:,} hits can be shown: narrow the search")
    is_ranked = expression(query) is not None
    filters = list(_filters(query))
    if not (is_ranked or filters):
        raise QueryError("Give a word to look for, a name, or another condition")
    typed = parse(query.text)
    required = [_any(map(_term, group)) for group in typed.required]
    names = [clause for name in query.entities for clause in _name(name, query.label)]
    order = "_score" if is_ranked else "published_at"
    last = {} if is_ranked else {"missing": "_last"}
    return {
        "query": {
            "bool": {
                "must": [*required, *names],
                "must_not": [_term(term) for term in typed.excluded],
                "filter": filters,
            }
        },
        "sort": [{order: {"order": "desc", **last}}, {"id": "asc"}],
        "from": query.offset,
        "size": query.limit,
        "track_scores": is_ranked,
        "track_total_hits": True,
        "_source": _SHOWN,
    }


def _term(term: Term) -> Clause:
    if not is_unspaced(term.text):
        return _any(_in_fields(term))
    # A chunk of a script without blanks stands in a text wherever the chunks around it stand.
    *chunks, last = term.text.split()
    terms = [*map(Term, chunks), Term(last, term.is_prefix)]
    return {"bool": {"must": [_any(_in_fields(one)) for one in terms if words(one.text)]}}


def _in_fields(term: Term) -> Iterable[Clause]:
    typed, folded = _NOT_TEXT.sub(" ", term.text), words(term.text)
    for field, boost in _FIELDS.items():
        yield _match(field, typed, boost, is_prefix=term.is_prefix, is_phrase=" " in folded)
    yield _match(_FOLDED, folded, 1.0, is_prefix=term.is_prefix, is_phrase=" " in folded)


def _match(field: str, text: str, boost: float, *, is_prefix: bool, is_phrase: bool) -> Clause:
    if not is_prefix:
        return {"match_phrase": {field: {"query": text, "boost": boost}}}
    if not is_phrase:
        return {"match_bool_prefix": {field: {"query": text, "boost": boost}}}
    options = {"query": text, "boost": boost, "max_expansions": _MOST_EXPANSIONS}
    return {"match_phrase_prefix": {field: options}}


def _name(name: str, label: str | None) -> Iterable[Clause]:
    """A name among those of its label; where it stands in the text it adds to the rank."""
    labels = (label,) if label else ENTITY_LABELS
    yield {
        "bool": {
            "filter": _any({"match_phrase": {f"search.{one}": words(name)}} for one in labels),
            "should": _term(Term(name)),
        }
    }


def _filters(query: Query) -> Iterable[Clause]:
    if query.language is not None:
        yield {"term": {"language": _encodable(query.language.lower())}}
    if query.source:
        pattern = _WILDCARDS.sub(r"\\\1", _encodable(query.source))
        yield {"wildcard": {"source": {"value": f"*{pattern}*"}}}
    if query.label and not query.entities:
        yield {"exists": {"field": f"entities.{query.label}"}}
    bounds = {"gte": query.since, "lte": query.until}
    if given := {name: _instant(when) for name, when in bounds.items() if when}:
        yield {"range": {"published_at": given}}


def _any(clauses: Iterable[Clause]) -> Clause:
    return {"bool": {"should": list(clauses), "minimum_should_match": 1}}


def _encodable(typed: str) -> str:
    """Without lone surrogates, which a command line may hold and no document does."""
    return typed.encode("utf-8", "replace").decode()


def _instant(when: datetime) -> str:
    """ISO 8601; without a time zone it is taken as UTC."""
    return when.isoformat() if when.tzinfo else f"{when.isoformat()}Z"
