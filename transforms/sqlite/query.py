"""What a person types, as an FTS5 expression that is always valid.

The language is the one of web search: words (all of them), ``"phrases"``, ``prefix*``,
``-excluded`` and ``OR`` between two words. Every word goes into an FTS5 string
(https://sqlite.org/fts5.html#fts5_strings), so nothing typed can be an error of syntax.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from transforms.index import Query, QueryError
from transforms.sqlite.schema import LABEL_COLUMNS, WORDS
from transforms.sqlite.segment import is_unspaced, segment

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_TERMS = 64
"""Most words, phrases and names in one query; FTS5 itself ends at an expression 256 deep."""

_TOKEN = re.compile(r'(-?)(?:"([^"]*)"?|([^\s"]+))')
# FTS5 ends an expression at NUL, and a lone surrogate has no UTF-8.
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Term:
    """A word or a phrase; ``is_prefix`` where longer words count as well."""

    text: str
    is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """A parsed query: one of each of ``required``'s groups, and none of ``excluded``."""

    required: tuple[tuple[Term, ...], ...] = ()
    excluded: tuple[Term, ...] = ()


def parse(text: str) -> Words:
    """Parse what was typed; pieces without a letter or a digit are passed over.

    >>> parse('"big cat" -lion')
    Words(required=((Term(text='big cat', is_prefix=False),),),
          excluded=(Term(text='lion', is_prefix=False),))
    """
    required: list[list[Term]] = []
    excluded: list[Term] = []
    joins = False
    for minus, phrase, word in _TOKEN.findall(text):
        if word == "OR" and not minus:
            joins = bool(required)
            continue
        term = Term(phrase or word.rstrip("*"), is_prefix=word.endswith("*"))
        if not _has_word(term.text):
            continue
        if minus:
            excluded.append(term)
        elif joins:
            required[-1].append(term)
        else:
            required.append([term])
        joins = False
    return Words(tuple(map(tuple, required)), tuple(excluded))


def expression(query: Query) -> str | None:
    """The FTS5 expression of a query, or None where it asks for no words and no names.

    Raises:
        QueryError: there is nothing to look for, only exclusions, too much, or no such label.
    """
    words = parse(query.text)
    if query.label is not None and query.label not in LABEL_COLUMNS:
        raise QueryError(f"There is no label {query.label}: give one of {', '.join(LABEL_COLUMNS)}")
    if query.text.strip() and not (words.required or words.excluded):
        raise QueryError(f"There is no word to look for in {query.text!r}")
    if not all(map(_has_word, query.entities)):
        raise QueryError("A name to look for must hold a letter or a digit")
    size = sum(map(len, words.required)) + len(words.excluded) + len(query.entities)
    if size > MAX_TERMS:
        raise QueryError(f"The query has {size} words and names: at most {MAX_TERMS} are allowed")
    if words.excluded and not (words.required or query.entities):
        raise QueryError("A query cannot only exclude: give a word to look for as well")
    if not size:
        return None
    return match_words(words, [_match_name(name, query.label) for name in query.entities])


def match_words(words: Words, names: Iterable[str] = ()) -> str:
    """The FTS5 expression of parsed words and of further conditions; at least one must be given."""
    conditions = [*map(_match_any, words.required), *names]
    wanted = " AND ".join(f"({condition})" for condition in conditions)
    if not words.excluded:
        return wanted
    return f"({wanted}) NOT ({_match_any(words.excluded)})"


def needles(query: Query) -> list[str]:
    """The words, phrases and names asked for, as typed: what a snippet should show."""
    typed = [term.text for group in parse(query.text).required for term in group]
    return [*typed, *query.entities]


def _match_any(terms: Iterable[Term]) -> str:
    columns = " ".join(WORDS)
    return f"{{{columns}}} : ({' OR '.join(map(_match, terms))})"


def _match_name(name: str, label: str | None) -> str:
    """A name in the columns of its label; where it stands in the text it adds to the rank."""
    columns = " ".join([LABEL_COLUMNS[label]] if label else LABEL_COLUMNS.values())
    wanted = f"{{{columns}}} : {_string(name)}"
    return f"({wanted}) AND (({wanted}) OR ({_match_any([Term(name)])}))"


def _match(term: Term) -> str:
    star = " *" if term.is_prefix else ""
    if not is_unspaced(term.text):
        return _string(term.text) + star
    # Only the segmented chunks of a text are indexed side by side, not the blanks between.
    *chunks, last = map(_string, filter(_has_word, term.text.split()))
    return f"({' AND '.join([*chunks, last + star])})"


def _string(text: str) -> str:
    return '"{}"'.format(segment(_NOT_TEXT.sub(" ", text)).replace('"', '""'))


def _has_word(text: str) -> bool:
    return any(map(str.isalnum, text))
