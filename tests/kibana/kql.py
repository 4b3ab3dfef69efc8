"""The little of Kibana's query language that our saved objects use, as Elasticsearch queries.

Kibana translates the same way: a comparison is a range, ``*`` asks for existence, and a value in
quotes is a phrase, which for a keyword is the whole value.
"""

from __future__ import annotations

import re
from typing import Any

_CLAUSE = re.compile(r'(?P<field>[\w.]+) (?P<sign>:|>=|<=|>|<) (?P<value>"[^"]*"|\*|[\w.-]+)')
_RANGES = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}


def clauses(query: str) -> list[tuple[str, str, str]]:
    """(field, sign, value) of each clause; fails on what this is not made for."""
    found = []
    for clause in query.split(" and ") if query.strip() else ():
        match = _CLAUSE.fullmatch(clause.strip())
        assert match, f"not understood: {clause!r}"
        found.append((match["field"], match["sign"], match["value"]))
    return found


def to_query(query: str) -> dict[str, Any]:
    """The query as Elasticsearch takes it."""
    filters = []
    for field, sign, value in clauses(query):
        if sign in _RANGES:
            filters.append({"range": {field: {_RANGES[sign]: value}}})
        elif value == "*":
            filters.append({"exists": {"field": field}})
        elif value.startswith('"'):
            filters.append({"match_phrase": {field: value.strip('"')}})
        else:
            filters.append({"match": {field: value}})
    return {"bool": {"filter": filters}}
