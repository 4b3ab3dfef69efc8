"""Answers of the server as ``transforms.index.Results``, with passages that show why."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from transforms.elasticsearch.words import fold, words
from transforms.index import Fragment, Hit, Name, Query, Results, Snippet
from transforms.sqlite.query import Term, parse
from transforms.sqlite.segment import is_unspaced

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAMES_PER_LABEL = 3
_WIDTH = 240
_LEAD = 60
# Between two words of a phrase; ``[\W_]`` alone would take vowel signs for signs.
_BETWEEN = r"[\W_]*"


class _Letters(dict[int, str]):
    """For ``str.translate``: folds each character to one, so that places stay the same."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        folded = fold(character)
        if len(folded) != 1:
            folded = unicodedata.normalize("NFD", character)[0].lower()[:1]
        self[code] = folded
        return folded


_LETTERS = _Letters()


def to_results(query: Query, answer: Mapping[str, Any], took_ms: float) -> Results:
    """The results in an answer to ``transforms.elasticsearch.queries.search_body``."""
    pattern = _pattern(query)
    hits = tuple(_hit(hit, pattern) for hit in answer["hits"]["hits"])
    return Results(answer["hits"]["total"]["value"], hits, took_ms)


def passage(text: str, pattern: re.Pattern[str]) -> Snippet:
    """About 240 characters of the text around the first match in it, else its beginning.

    ``pattern`` is matched against the folded text.
    """
    folded = text.translate(_LETTERS)
    first = pattern.search(folded)
    start, end = _window(text, *first.span()) if first else _window(text, 0, 0)
    fragments, done = [], start
    for match in pattern.finditer(folded, start, end):
        fragments += [
            Fragment(text[done : match.start()]),
            Fragment(text[slice(*match.span())], True),
        ]
        done = match.end()
    fragments.append(Fragment(text[done:end]))
    return Snippet(tuple(f for f in fragments if f.text), start > 0, end < len(text))


def _window(text: str, first: int, last: int) -> tuple[int, int]:
    """Where to cut around ``text[first:last]``: at a blank, if there is one near."""
    start = max(0, first - _LEAD)
    if start:
        start = text.find(" ", start, first) + 1 or start
    end = max(start + _WIDTH, last)
    if end < len(text):
        blank = text.rfind(" ", last, end)
        end = blank if blank > 0 else end
    return start, end


def _pattern(query: Query) -> re.Pattern[str]:
    """What a passage should show: the words, phrases and names asked for."""
    typed = [term for group in parse(query.text).required for term in group]
    names = [Term(name) for name in query.entities]
    alternatives = [alternative for term in (*typed, *names) for alternative in _wanted(term)]
    return re.compile("|".join(alternatives) or "(?!)")


def _wanted(term: Term) -> Iterator[str]:
    if is_unspaced(term.text):
        for chunk in term.text.split():
            if folded := words(chunk):
                yield _BETWEEN.join(map(re.escape, folded.split()))
    elif folded := words(term.text):
        end = "" if term.is_prefix else r"(?!\w)"
        yield rf"(?<!\w){_BETWEEN.join(map(re.escape, folded.split()))}{end}"


def _hit(hit: Mapping[str, Any], pattern: re.Pattern[str]) -> Hit:
    document = hit["_source"]
    published_at = document.get("published_at")
    names = (
        Name(name, label, mentions)
        for label, numbers in (document.get("mentions") or {}).items()
        for name, mentions in islice(numbers.items(), _NAMES_PER_LABEL)
    )
    return Hit(
        id=document["id"],
        source=document["source"],
        title=document["title"],
        language=document["language"],
        snippet=passage(document["text"], pattern),
        score=hit["_score"] or 0.0,
        published_at=_instant(published_at) if published_at else None,
        entities=tuple(names),
        duplicate_count=document["duplicate_count"],
    )


def _instant(stored: str) -> datetime:
    return datetime.fromisoformat(stored).astimezone(UTC).replace(microsecond=0)
