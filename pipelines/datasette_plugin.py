"""What docsluice adds to Datasette (https://docs.datasette.io/en/0.65.2/plugin_hooks.html).

The search box takes the same words as ``docsluice search``, names are counted fast enough to be
facets of a big index, and the templates of ``config/datasette`` get the filters they use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from datasette import hookimpl
from datasette.database import QueryInterrupted
from datasette.facets import Facet
from datasette.utils import escape_sqlite, path_with_added_args, path_with_removed_args

from transforms.index import Query, Snippet
from transforms.sqlite.query import match_words, needles, parse
from transforms.sqlite.snippet import around

if TYPE_CHECKING:
    import sqlite3

    from jinja2 import Environment


class NamesFacet(Facet):
    """Counts the values of a column of JSON arrays: ``{"names": "people"}`` in the metadata.

    Datasette's own array facet copies each row once per value, text included, and so runs out of
    time from some hundreds of documents on. Values must differ within an array.
    """

    type = "names"

    async def facet_results(self) -> tuple[list[dict[str, Any]], list[str]]:
        """The most frequent values of each column, and the columns that took too long."""
        results, timed_out = [], []
        for config in self.get_configs():
            column = config["config"]["simple"]
            try:
                results.append(await self._facet(column, config["source"]))
            except QueryInterrupted:
                timed_out.append(column)
        return results, timed_out

    async def _facet(self, column: str, source: str) -> dict[str, Any]:
        size = self.get_facet_size()
        sql = f"""
            SELECT name.value AS value, count(*) AS count
            FROM ({self.sql}) AS found, json_each(found.{escape_sqlite(column)}) AS name
            GROUP BY name.value ORDER BY count DESC, name.value LIMIT {size + 1}
        """  # noqa: S608 - Datasette's own query, with its own parameters
        limit = self.ds.setting("facet_time_limit_ms")
        rows = await self.ds.execute(
            self.database, sql, self.params, truncate=False, custom_time_limit=limit
        )
        without_facet = path_with_removed_args(self.request, {"_facet_names": column})
        return {
            "name": column,
            "type": "column",  # only decides on a suffix of the heading
            "hideable": source != "metadata",
            "toggle_url": self.ds.urls.path(without_facet),
            "results": [self._value(column, *row) for row in rows.rows[:size]],
            "truncated": len(rows) > size,
        }

    def _value(self, column: str, value: str, count: int) -> dict[str, Any]:
        condition = {f"{column}__arraycontains": value}
        selected = next(iter(condition.items())) in self.get_querystring_pairs()
        toggle = path_with_removed_args if selected else path_with_added_args
        path = self.ds.urls.path(toggle(self.request, condition))
        return {
            "value": value,
            "label": value,
            "count": count,
            "toggle_url": self.ds.absolute_url(self.request, path),
            "selected": selected,
        }


@hookimpl
def register_facet_classes() -> list[type[Facet]]:
    """Know ``{"names": column}`` facets."""
    return [NamesFacet]


@hookimpl(trylast=True)
def prepare_connection(conn: sqlite3.Connection) -> None:
    """Replace what Datasette makes of the search box; last, after its own definition."""
    conn.create_function("escape_fts", 1, match)


@hookimpl
def prepare_jinja2_environment(env: Environment) -> None:
    """Give the templates ``array`` (JSON to list) and ``excerpt`` (text to ``Snippet``)."""
    env.filters["array"] = orjson.loads
    env.filters["excerpt"] = excerpt


def match(typed: str) -> str:
    """The FTS5 expression for the search box; one that finds nothing where no word is typed."""
    words = parse(typed)
    return match_words(words) if words.required else '""'


def excerpt(text: str, typed: str | None) -> Snippet:
    """A passage of a text around the first word typed into the search box."""
    return around(text, needles(Query(typed or "")))
