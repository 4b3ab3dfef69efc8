"""Checks saved objects against the form in which Kibana 8.19 exports and imports them.

Written from exports of Kibana 8.x in public repositories and from the schemas of its types, since
no Kibana can be run in the tests. It knows the kinds of panels that we have, and fails on others.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any

from tests.kibana.fields import NUMBERS, fields_of, fields_seen, query_problems
from tests.kibana.lens_objects import lens_problems

_ENVELOPE = {
    "attributes",
    "coreMigrationVersion",
    "id",
    "managed",
    "references",
    "type",
    "typeMigrationVersion",
}
# By type: the versions up to that of 8.19, a newer one of which it would refuse.
_VERSIONS = {
    "index-pattern": {"8.0.0"},
    "lens": {"8.9.0"},
    "search": {"8.0.0", *(f"10.{minor}.0" for minor in range(1, 6))},
    "dashboard": {"8.9.0", *(f"10.{minor}.0" for minor in range(1, 4))},
}
_ATTRIBUTES = {
    "index-pattern": {
        "allowHidden",
        "fieldAttrs",
        "fieldFormatMap",
        "fields",
        "name",
        "runtimeFieldMap",
        "sourceFilters",
        "timeFieldName",
        "title",
    },
    "lens": {"description", "state", "title", "visualizationType"},
    "search": {
        "columns",
        "description",
        "grid",
        "hideChart",
        "isTextBasedQuery",
        "kibanaSavedObjectMeta",
        "sort",
        "timeRestore",
        "title",
        "usesAdHocDataView",
    },
    "dashboard": {
        "description",
        "kibanaSavedObjectMeta",
        "optionsJSON",
        "panelsJSON",
        "refreshInterval",
        "timeFrom",
        "timeRestore",
        "timeTo",
        "title",
        "version",
    },
}
_SORTABLE = {"keyword", "boolean", "date", *NUMBERS}
_COLUMNS_OF_A_DASHBOARD = 48

Objects = Iterable[Mapping[str, Any]]


def problems(objects: Objects, mappings: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Everything that Kibana would refuse, or could not show.

    Args:
        objects: those of one import.
        mappings: of the indices, by the name that data views have as ``title``.
    """
    given = list(objects)
    by_id = {(one["type"], one["id"]): one for one in given}
    counted = Counter((one["type"], one["id"]) for one in given)
    found = [f"{key} is there {number} times" for key, number in counted.items() if number > 1]
    for one in given:
        checks = {
            "index-pattern": _view_problems,
            "lens": lens_problems,
            "search": _search_problems,
            "dashboard": _dashboard_problems,
        }
        check = checks.get(one["type"])
        if check is None:
            found.append(f"{one['id']}: type {one['type']} is not known")
            continue
        said = list(_envelope_problems(one, by_id))
        try:
            said += check(one, by_id, mappings)
        except (KeyError, json.JSONDecodeError) as error:
            said.append(repr(error))
        found += [f"{one['type']} {one['id']}: {problem}" for problem in said]
    return found


def _envelope_problems(one: Mapping[str, Any], by_id: Mapping[Any, Any]) -> Iterator[str]:
    if set(one) != _ENVELOPE:
        yield f"keys {sorted(set(one) ^ _ENVELOPE)} are too many or lacking"
    if set(one["attributes"]) != _ATTRIBUTES[one["type"]]:
        yield f"attributes {sorted(set(one['attributes']) ^ _ATTRIBUTES[one['type']])}"
    if not one["id"].startswith("docsluice-"):
        yield "the id is not prefixed"
    if one["coreMigrationVersion"] != "8.8.0":
        yield f"coreMigrationVersion {one['coreMigrationVersion']}"
    if one["typeMigrationVersion"] not in _VERSIONS[one["type"]]:
        yield f"typeMigrationVersion {one['typeMigrationVersion']}"
    names = [reference["name"] for reference in one["references"]]
    if len(set(names)) != len(names):
        yield "two references have one name"
    for reference in one["references"]:
        if set(reference) != {"id", "name", "type"}:
            yield f"reference {reference}"
        elif (reference["type"], reference["id"]) not in by_id:
            yield f"{reference['type']} {reference['id']} is not there"


def _view_problems(
    one: Mapping[str, Any], by_id: object, mappings: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    attributes = one["attributes"]
    if attributes["title"] not in mappings:
        yield f"there is no index {attributes['title']}"
        return
    fields = fields_of(mappings[attributes["title"]])
    if fields.get(attributes["timeFieldName"]) != "date":
        yield f"{attributes['timeFieldName']} is no date"
    for key in ("fieldAttrs", "fieldFormatMap", "runtimeFieldMap"):
        for field in json.loads(attributes[key]):
            if field not in fields:
                yield f"{key}: there is no field {field}"
    if json.loads(attributes["fields"]) or json.loads(attributes["sourceFilters"]):
        yield "fields and sourceFilters are not empty"


def _search_problems(
    one: Mapping[str, Any], by_id: Mapping[Any, Any], mappings: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    attributes = one["attributes"]
    source = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
    fields = fields_seen(source["indexRefName"], one, by_id, mappings)
    yield from query_problems(source["query"], fields)
    for column in attributes["columns"]:
        if column not in fields:
            yield f"there is no field {column}"
    for field, direction in attributes["sort"]:
        if fields.get(field) not in _SORTABLE or direction not in ("asc", "desc"):
            yield f"cannot be sorted by {field} {direction}"


def _dashboard_problems(
    one: Mapping[str, Any], by_id: Mapping[Any, Any], mappings: object
) -> Iterator[str]:
    attributes = one["attributes"]
    source = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
    if source["query"] != {"query": "", "language": "kuery"} or source["filter"]:
        yield "a query or filter applies to all panels"
    json.loads(attributes["optionsJSON"])
    panels = json.loads(attributes["panelsJSON"])
    references = {reference["name"]: reference for reference in one["references"]}
    used = set()
    for panel in panels:
        index, grid = panel["panelIndex"], panel["gridData"]
        name = f"{index}:{panel['panelRefName']}"
        used.add(name)
        if grid["i"] != index:
            yield f"panel {index}: gridData is of {grid['i']}"
        if name not in references:
            yield f"panel {index} has no reference {name}"
        elif references[name]["type"] != panel["type"]:
            yield f"panel {index} is a {panel['type']}, not a {references[name]['type']}"
        if grid["x"] + grid["w"] > _COLUMNS_OF_A_DASHBOARD:
            yield f"panel {index} is too far to the right"
    if len({panel["panelIndex"] for panel in panels}) != len(panels):
        yield "two panels have one index"
    for name in set(references) - used:
        yield f"reference {name} is no panel's"
    for some, other in combinations(panels, 2):
        if _overlap(some["gridData"], other["gridData"]):
            yield f"panels {some['panelIndex']} and {other['panelIndex']} overlap"


def _overlap(some: Mapping[str, int], other: Mapping[str, int]) -> bool:
    return all(
        some[start] < other[start] + other[size] and other[start] < some[start] + some[size]
        for start, size in (("x", "w"), ("y", "h"))
    )
