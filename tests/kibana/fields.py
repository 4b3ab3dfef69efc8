"""The fields that saved objects name, held to the mappings of the indices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.kibana.kql import clauses

NUMBERS = {"long", "integer", "short", "byte", "double", "float"}
"""Types of fields that can be summed."""


def fields_of(mapping: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Type of each field of a mapping by its full name, subfields too."""
    fields: dict[str, str] = {}
    for name, definition in mapping.get("properties", {}).items():
        if "type" in definition and definition["type"] != "object":
            fields[prefix + name] = definition["type"]
        fields |= fields_of(definition, f"{prefix}{name}.")
        subfields = {"properties": definition.get("fields", {})}
        fields |= fields_of(subfields, f"{prefix}{name}.")
    return fields


def fields_seen(
    reference: str,
    one: Mapping[str, Any],
    by_id: Mapping[Any, Mapping[str, Any]],
    mappings: Mapping[str, Mapping[str, Any]],
) -> dict[str, str]:
    """The fields of the data view that a reference names; raises ``KeyError`` without one."""
    ids = {ref["name"]: ref["id"] for ref in one["references"] if ref["type"] == "index-pattern"}
    view = by_id["index-pattern", ids[reference]]
    return fields_of(mappings[view["attributes"]["title"]])


def query_problems(query: Mapping[str, Any], fields: Mapping[str, str]) -> Iterator[str]:
    if query.get("language") != "kuery":
        yield f"query {query}"
    for field, _, _ in clauses(query["query"]):
        if field not in fields:
            yield f"query {query['query']!r}: there is no field {field}"
