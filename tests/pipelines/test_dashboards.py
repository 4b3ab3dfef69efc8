from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from pipelines.dashboards import DASHBOARDS, dashboards, same, view_titles
from tests.kibana.objects import problems
from transforms.resources import resource

Objects = list[dict[str, Any]]
DOCUMENTS, ACTIVITY = DASHBOARDS


def mappings(alias: str = "docsluice") -> dict[str, dict[str, Any]]:
    documents = orjson.loads(resource("config/elasticsearch/mappings.json").read_bytes())
    activity = orjson.loads(resource("config/elasticsearch/activity.json").read_bytes())
    return {alias: documents, f"{alias}-activity": activity["mappings"]}


def one_of(objects: Objects, type_: str, name: str) -> dict[str, Any]:
    (found,) = (one for one in objects if (one["type"], one["id"]) == (type_, name))
    return found


def test_what_ships_is_as_kibana_exports_it() -> None:
    assert problems(dashboards("docsluice"), mappings()) == []


def test_there_are_dashboards_data_views_and_saved_searches_of_fixed_ids() -> None:
    ids = {(one["type"], one["id"]) for one in dashboards("docsluice")}
    for name in DASHBOARDS:
        assert {("dashboard", name), ("index-pattern", name)} <= ids
    searches = {id_ for type_, id_ in ids if type_ == "search"}
    assert searches == {"docsluice-biggest-clusters", "docsluice-failed-documents"}


def test_every_panel_of_a_dashboard_is_of_its_own_data_view() -> None:
    objects = dashboards("docsluice")
    for name in DASHBOARDS:
        for panel in one_of(objects, "dashboard", name)["references"]:
            about = one_of(objects, panel["type"], panel["id"])
            assert {reference["id"] for reference in about["references"]} == {name}


def test_every_object_is_on_a_dashboard() -> None:
    objects = dashboards("docsluice")
    shown = {
        (reference["type"], reference["id"])
        for name in DASHBOARDS
        for reference in one_of(objects, "dashboard", name)["references"]
    }
    rest = {(one["type"], one["id"]) for one in objects} - shown
    assert {type_ for type_, _ in rest} == {"dashboard", "index-pattern"}


def test_the_data_views_follow_the_alias() -> None:
    objects = dashboards("news")
    assert view_titles(objects) == {"news", "news-activity"}
    assert problems(objects, mappings("news")) == []
    assert [one["id"] for one in objects] == [one["id"] for one in dashboards("docsluice")]


def test_only_what_an_object_says_counts_for_sameness() -> None:
    objects = dashboards("docsluice")
    later = [one | {"updated_at": "2026-01-02T03:04:05Z", "version": "WzEsMV0="} for one in objects]
    assert same(objects, reversed(later))
    assert not same(objects, later[1:])
    assert not same(objects, dashboards("news"))


def spoil_references(objects: Objects) -> None:
    one_of(objects, "lens", "docsluice-documents-people")["references"][0]["id"] = "gone"


def spoil_panel(objects: Objects) -> None:
    attributes = one_of(objects, "dashboard", DOCUMENTS)["attributes"]
    panels = json.loads(attributes["panelsJSON"])
    panels[0]["panelRefName"] = "panel_other"
    attributes["panelsJSON"] = json.dumps(panels)


def spoil_place(objects: Objects) -> None:
    attributes = one_of(objects, "dashboard", ACTIVITY)["attributes"]
    panels = json.loads(attributes["panelsJSON"])
    panels[1]["gridData"]["x"] = panels[0]["gridData"]["x"]
    attributes["panelsJSON"] = json.dumps(panels)


def column(objects: Objects, lens: str, name: str) -> dict[str, Any]:
    state = one_of(objects, "lens", lens)["attributes"]["state"]
    found: dict[str, Any] = state["datasourceStates"]["formBased"]["layers"]["layer"]["columns"]
    column_: dict[str, Any] = found[name]
    return column_


def spoil_field(objects: Objects) -> None:
    column(objects, "docsluice-documents-people", "name")["sourceField"] = "entities.PERSON"


def spoil_type(objects: Objects) -> None:
    column(objects, "docsluice-documents-people", "name")["sourceField"] = "text"


def spoil_order(objects: Objects) -> None:
    params = column(objects, "docsluice-documents-people", "name")["params"]
    params["orderBy"]["columnId"] = "other"


def spoil_version(objects: Objects) -> None:
    one_of(objects, "dashboard", DOCUMENTS)["typeMigrationVersion"] = "10.9.0"


def spoil_query(objects: Objects) -> None:
    state = one_of(objects, "lens", "docsluice-activity-runs")["attributes"]["state"]
    state["query"]["query"] = 'sort : "run"'


def spoil_search(objects: Objects) -> None:
    one_of(objects, "search", "docsluice-biggest-clusters")["attributes"]["sort"] = [
        ["text", "asc"]
    ]


def spoil_time(objects: Objects) -> None:
    one_of(objects, "index-pattern", DOCUMENTS)["attributes"]["timeFieldName"] = "title"


def spoil_drawing(objects: Objects) -> None:
    state = one_of(objects, "lens", "docsluice-activity-runs")["attributes"]["state"]
    state["visualization"]["metricAccessor"] = "other"


def spoil_attributes(objects: Objects) -> None:
    one_of(objects, "dashboard", ACTIVITY)["attributes"]["hits"] = 0


def spoil_prefix(objects: Objects) -> None:
    one_of(objects, "dashboard", ACTIVITY)["id"] = "activity"


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (spoil_references, "index-pattern gone is not there"),
        (spoil_panel, "has no reference documents-count:panel_other"),
        (spoil_place, "overlap"),
        (spoil_field, "terms of entities.PERSON (not there)"),
        (spoil_type, "terms of text (text)"),
        (spoil_order, "is ordered by other"),
        (spoil_version, "typeMigrationVersion 10.9.0"),
        (spoil_query, "there is no field sort"),
        (spoil_search, "cannot be sorted by text"),
        (spoil_time, "title is no date"),
        (spoil_drawing, "columns ['other'] are drawn"),
        (spoil_attributes, "attributes ['hits']"),
        (spoil_prefix, "the id is not prefixed"),
    ],
)
def test_the_check_finds_what_is_wrong(spoil: Callable[[Objects], None], complaint: str) -> None:
    objects = copy.deepcopy(dashboards("docsluice"))
    spoil(objects)
    found = problems(objects, mappings())
    assert any(complaint in problem for problem in found), found
