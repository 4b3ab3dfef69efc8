"""The saved objects that ship in ``config/kibana``: data views, dashboards, saved searches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from transforms.elasticsearch.index import DEFAULT_ALIAS
from transforms.resources import resource

DASHBOARDS = ("docsluice-documents", "docsluice-activity")
"""Ids of the dashboards; each has a file of its name and a data view of its id."""

_VIEW = "index-pattern"


def dashboards(alias: str) -> list[dict[str, Any]]:
    """All objects, those before that others name; the data views are of the indices of ``alias``.

    Raises:
        FileNotFoundError: docsluice is installed without them.
    """
    objects: list[dict[str, Any]] = []
    for id_ in DASHBOARDS:
        name = id_.removeprefix("docsluice-")
        lines = resource(f"config/kibana/{name}.ndjson").read_bytes().splitlines()
        objects += map(orjson.loads, lines)
    for one in objects:
        if one["type"] == _VIEW:
            attributes = one["attributes"]
            for key in ("title", "name"):
                attributes[key] = alias + attributes[key].removeprefix(DEFAULT_ALIAS)
    return objects


def view_titles(objects: Iterable[Mapping[str, Any]]) -> set[str]:
    """Which indices the data views among saved objects name."""
    return {one["attributes"]["title"] for one in objects if one["type"] == _VIEW}


def same(some: Iterable[Mapping[str, Any]], others: Iterable[Mapping[str, Any]]) -> bool:
    """Whether saved objects say the same; when they were written is not part of them."""
    return _essence(some) == _essence(others)


def _essence(objects: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Any]:
    return {
        (one["type"], one["id"]): (
            one["attributes"],
            sorted(one["references"], key=lambda reference: str(reference["name"])),
        )
        for one in objects
    }
