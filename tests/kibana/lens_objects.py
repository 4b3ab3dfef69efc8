"""What is wrong with a panel of Lens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.kibana.fields import NUMBERS, fields_seen, query_problems

RECORDS = "___records___"
"""What the operation ``count`` names as its field."""

_STATE = {
    "adHocDataViews",
    "datasourceStates",
    "filters",
    "internalReferences",
    "query",
    "visualization",
}
_FITS = {
    "terms": {"keyword", "boolean", "date", *NUMBERS},
    "date_histogram": {"date"},
    "range": NUMBERS,
    "unique_count": {"keyword", "date", *NUMBERS},
    **dict.fromkeys(("sum", "average", "min", "max", "median", "percentile"), NUMBERS),
}
_BUCKETS = {"terms", "date_histogram", "range"}


def lens_problems(
    one: Mapping[str, Any], by_id: Mapping[Any, Any], mappings: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    state = one["attributes"]["state"]
    if set(state) != _STATE:
        yield f"state {sorted(set(state) ^ _STATE)}"
    sources = state["datasourceStates"]
    if sources["indexpattern"] != {"layers": {}} or sources["textBased"] != {"layers": {}}:
        yield "a layer is in another language"
    layers = sources["formBased"]["layers"]
    shown = dict(_shown(one["attributes"]["visualizationType"], state["visualization"]))
    if set(shown) != set(layers):
        yield f"layers {sorted(shown)} are drawn, {sorted(layers)} are there"
    for layer_id, layer in layers.items():
        fields = fields_seen(f"indexpattern-datasource-layer-{layer_id}", one, by_id, mappings)
        yield from query_problems(state["query"], fields)
        yield from _layer_problems(layer, fields)
        if set(shown.get(layer_id, ())) != set(layer["columns"]):
            yield f"columns {shown.get(layer_id)} are drawn, {list(layer['columns'])} are there"


def _shown(kind: str, visualization: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """(layer, the columns of it that the panel draws)."""
    if kind == "lnsMetric":
        yield visualization["layerId"], [visualization["metricAccessor"]]
    elif kind == "lnsDatatable":
        columns = [column["columnId"] for column in visualization["columns"]]
        yield visualization["layerId"], columns
    elif kind == "lnsXY":
        for layer in visualization["layers"]:
            split = [layer["splitAccessor"]] if "splitAccessor" in layer else []
            yield layer["layerId"], [layer["xAccessor"], *split, *layer["accessors"]]
    elif kind == "lnsPie":
        for layer in visualization["layers"]:
            yield layer["layerId"], [*layer["primaryGroups"], *layer["metrics"]]
    else:
        raise KeyError(kind)


def _layer_problems(layer: Mapping[str, Any], fields: Mapping[str, str]) -> Iterator[str]:
    columns, order = layer["columns"], layer["columnOrder"]
    if sorted(order) != sorted(columns):
        yield f"columnOrder {order} is not that of {sorted(columns)}"
    bucketed = [columns[name]["isBucketed"] for name in order]
    if bucketed != sorted(bucketed, reverse=True):
        yield "a metric is before a bucket"
    for name, column in columns.items():
        operation, field = column["operationType"], column["sourceField"]
        if column["isBucketed"] != (operation in _BUCKETS):
            yield f"{name}: isBucketed does not fit {operation}"
        if not column["label"] or column["customLabel"] is not True:
            yield f"{name} has no label of its own"
        if operation == "count":
            if field != RECORDS:
                yield f"{name} counts {field}"
        elif fields.get(field) not in _FITS[operation]:
            yield f"{name}: {operation} of {field} ({fields.get(field, 'not there')})"
        if operation == "terms":
            by = column["params"]["orderBy"]
            if by["type"] == "column" and by["columnId"] not in columns:
                yield f"{name} is ordered by {by['columnId']}, which is not there"
        if "filter" in column:
            yield from query_problems(column["filter"], fields)
