"""What Kibana asks Elasticsearch for when it shows a panel or a saved search, and what comes back.

Written after the requests that Kibana 8.x shows in its inspector: a panel is one search without
hits, its buckets are nested in the order of the columns, its metrics are in the innermost.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.kibana.kql import to_query

_METRICS = {
    "sum": "sum",
    "average": "avg",
    "min": "min",
    "max": "max",
    "unique_count": "cardinality",
}
# What ``auto`` may come to, and the most bars that there may be.
_STEPS = tuple(timedelta(hours=hours) for hours in (1, 3, 12, 24, 7 * 24, 30 * 24))
_MOST_BARS = 100

Span = tuple[datetime, datetime]
"""The time range of a dashboard."""


def panel_request(lens: Mapping[str, Any], time_field: str, span: Span) -> dict[str, Any]:
    """The search of a panel with one layer."""
    state = lens["attributes"]["state"]
    (layer,) = state["datasourceStates"]["formBased"]["layers"].values()
    aggs = _aggregations(layer, layer["columnOrder"], time_field, span)
    return {"size": 0, "query": _query(state["query"]["query"], time_field, span), "aggs": aggs}


def rest_request(
    lens: Mapping[str, Any], time_field: str, span: Span, rows: list[dict[str, Any]]
) -> dict[str, Any] | None:
    """The search for what is in none of the buckets of ``rows``, where a panel shows that too."""
    request = panel_request(lens, time_field, span)
    (layer,) = lens["attributes"]["state"]["datasourceStates"]["formBased"]["layers"].values()
    for name, column in layer["columns"].items():
        if column["operationType"] == "terms" and column["params"]["otherBucket"]:
            field = column["sourceField"]
            shown = [{"match_phrase": {field: row[name]}} for row in rows]
            rest = {"bool": {"filter": [{"exists": {"field": field}}], "must_not": shown}}
            return request | {"aggs": {"rest": {"filters": {"filters": {"": rest}}}}}
    return None


def search_request(search: Mapping[str, Any], time_field: str, span: Span) -> dict[str, Any]:
    """The search of a saved search, as Discover asks for its table."""
    attributes = search["attributes"]
    source = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
    return {
        "size": 500,
        "query": _query(source["query"]["query"], time_field, span),
        "sort": [
            {field: {"order": order, "unmapped_type": "boolean"}}
            for field, order in attributes["sort"]
        ],
        "fields": [{"field": name} for name in (*attributes["columns"], time_field)],
        "track_total_hits": True,
        "_source": False,
    }


def panel_rows(lens: Mapping[str, Any], answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows that a panel draws: a value for each column."""
    (layer,) = lens["attributes"]["state"]["datasourceStates"]["formBased"]["layers"].values()
    everything = answer.get("aggregations", {}) | {"doc_count": answer["hits"]["total"]["value"]}
    return list(_rows(layer["columns"], layer["columnOrder"], everything))


def _query(kql: str, time_field: str, span: Span) -> dict[str, Any]:
    start, end = (moment.isoformat() for moment in span)
    bounds = {"gte": start, "lte": end, "format": "strict_date_optional_time"}
    return {"bool": {"filter": [to_query(kql), {"range": {time_field: bounds}}]}}


def _aggregations(
    layer: Mapping[str, Any], names: list[str], time_field: str, span: Span
) -> dict[str, Any]:
    if not names:
        return {}
    name, columns = names[0], layer["columns"]
    if not columns[name]["isBucketed"]:
        metrics = (_metric(one, columns[one]) for one in names)
        return {key: body for metric in metrics for key, body in metric.items()}
    within = _aggregations(layer, names[1:], time_field, span)
    return {name: _bucket(columns[name], columns, time_field, span) | {"aggs": within}}


def _bucket(
    column: Mapping[str, Any], columns: Mapping[str, Any], time_field: str, span: Span
) -> dict[str, Any]:
    operation, field, params = (
        column["operationType"],
        column["sourceField"],
        column["params"],
    )
    if operation == "terms":
        order = {_order_key(params["orderBy"], columns): params["orderDirection"]}
        return {"terms": {"field": field, "size": params["size"], "order": order, "shard_size": 25}}
    if operation == "range":
        edges = [
            {end: one[end] for end in ("from", "to") if one[end] is not None}
            for one in params["ranges"]
        ]
        return {"range": {"field": field, "ranges": edges, "keyed": True}}
    assert operation == "date_histogram"
    histogram: dict[str, Any] = {"field": field, "time_zone": "UTC"}
    if params["interval"] == "auto":
        step = next(step for step in _STEPS if (span[1] - span[0]) / step < _MOST_BARS)
        histogram["fixed_interval"] = f"{int(step.total_seconds() // 3600)}h"
    else:
        histogram["calendar_interval"] = params["interval"]
    histogram["min_doc_count"] = 0 if params["includeEmptyRows"] else 1
    if params["includeEmptyRows"] and field == time_field:
        start, end = (int(moment.timestamp() * 1000) for moment in span)
        histogram["extended_bounds"] = {"min": start, "max": end}
    return {"date_histogram": histogram}


def _order_key(by: Mapping[str, Any], columns: Mapping[str, Any]) -> str:
    if by["type"] == "alphabetical":
        return "_key"
    operation = columns[by["columnId"]]["operationType"]
    return "_count" if operation == "count" else by["columnId"]


def _metric(name: str, column: Mapping[str, Any]) -> dict[str, Any]:
    operation, field = column["operationType"], column["sourceField"]
    assert "filter" not in column, "no panel of ours has one"
    if operation == "count":
        return {}
    if operation in ("median", "percentile"):
        percent = column["params"].get("percentile", 50)
        return {name: {"percentiles": {"field": field, "percents": [percent]}}}
    return {name: {_METRICS[operation]: {"field": field}}}


def _rows(
    columns: Mapping[str, Any], names: list[str], bucket: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    name = names[0]
    if not columns[name]["isBucketed"]:
        yield {one: _value(columns[one], bucket, one) for one in names}
        return
    buckets = bucket[name]["buckets"]
    keyed = buckets.items() if isinstance(buckets, dict) else ((one["key"], one) for one in buckets)
    for key, within in keyed:
        for row in _rows(columns, names[1:], within):
            yield {name: key} | row


def _value(column: Mapping[str, Any], bucket: Mapping[str, Any], name: str) -> float | None:
    if column["operationType"] == "count":
        count: int = bucket["doc_count"]
        return count
    result = bucket[name]
    value: float | None = (
        next(iter(result["values"].values())) if "values" in result else result["value"]
    )
    return value
