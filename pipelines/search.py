"""``docsluice search``: what the index found, for a terminal or for a script."""

from __future__ import annotations

import logging
import re
import sys
from dataclasses import asdict
from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from pipelines.lock import lock_holder
from transforms import files
from transforms.index import Hit, Query, QueryError, Results, Snippet
from transforms.sqlite import INDEX_NAME, SqliteIndex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.settings import Settings
    from transforms.elasticsearch.index import ElasticsearchIndex

log = logging.getLogger(__name__)

# A terminal obeys control characters, and what is shown here comes from anywhere.
_BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_MATCH_STYLE = "bold red"


def search_store(
    store: Path | str,
    text: str,
    *,
    language: str | None = None,
    entities: tuple[str, ...] = (),
    label: str | None = None,
    source: str | None = None,
    since: str | None = None,
    until: str | None = None,
    limit: int = 10,
    offset: int = 0,
    as_json: bool = False,
    settings: Settings | None = None,
) -> None:
    """Search the index of a store and print what it finds.

    It is the embedded one, unless ``settings`` name Elasticsearch.
    ``since`` and ``until`` are ISO 8601 dates or times, in UTC where they name no zone.

    Raises:
        QueryError: the query asks for nothing, or a date is none.
        SearchIndexError: the store has no index that can be read.
    """
    query = Query(
        text,
        language=language,
        entities=entities,
        label=label.upper() if label else None,
        source=source,
        since=_instant(since, time.min) if since else None,
        until=_instant(until, time.max) if until else None,
        limit=limit,
        offset=offset,
    )
    with _open_index(store, settings) as index:
        results = index.search(query)
    if as_json:
        sys.stdout.write(to_json(results) + "\n")
    else:
        render(results, Console(highlight=False), offset=offset)


def _open_index(store: Path | str, settings: Settings | None) -> SqliteIndex | ElasticsearchIndex:
    if settings and settings.index == "elasticsearch":
        from pipelines.elasticsearch import open_elasticsearch

        return open_elasticsearch(settings)
    index = SqliteIndex(Path(store, INDEX_NAME))
    _warn_if_behind(store, index)
    return index


def _warn_if_behind(store: Path | str, index: SqliteIndex) -> None:
    """Say so where later runs have filled another index, or none, and this one was left behind.

    A run that is being committed has its manifest a moment before its documents are in the index.
    """
    if lock_holder(str(store)):
        return
    newest = files.names(files.join(str(store), "runs"), ".json")[-1:]
    if index.path.exists() and not {name.removesuffix(".json") for name in newest} <= index.runs():
        from pipelines.store import Store  # not for every search: it brings pyarrow

        log.warning(
            "%s lacks the newest run of the store, which filled another index or none; name the "
            "settings of that one with --config, or bring this one up to date: "
            "DOCSLUICE_INDEX=sqlite docsluice reindex%s",
            index.path,
            Store(str(store)).option,
        )


def to_json(results: Results) -> str:
    """The results as JSON; ``matches`` are [start, end] character offsets in ``snippet``."""
    found = {
        "total": results.total,
        "took_ms": round(results.took_ms, 3),
        "hits": [_hit_as_json(hit) for hit in results.hits],
    }
    return orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode()


def render(results: Results, console: Console, *, offset: int = 0) -> None:
    """Print the results; ``offset`` is the number of better hits that were skipped."""
    for rank, hit in enumerate(results.hits, offset + 1):
        title = _one_line(hit.title) or "(no title)"
        console.print(Text.assemble((f"{rank:>3}  ", "dim"), (title, "bold")), soft_wrap=True)
        for line in _details(hit):
            console.print(Padding(line, (0, 0, 0, 5), expand=False))
        # A source must stay whole, to be copied.
        console.print(Text(f"     {_one_line(hit.source)}", style="cyan"), soft_wrap=True)
        console.print()
    documents = "document" if results.total == 1 else "documents"
    summary = f"{results.total:,} {documents} in {results.took_ms:.1f} ms"
    last = offset + len(results.hits)
    if results.hits and last < results.total:
        summary += f"; these are {offset + 1} to {last}, --offset {last} shows more"
    console.print(Text(summary, style="dim"), soft_wrap=True)


def _details(hit: Hit) -> Iterator[Text]:
    facts = [hit.language]
    if hit.published_at:
        facts.append(f"{hit.published_at:%Y-%m-%d}")
    if hit.duplicate_count:
        facts.append(f"{hit.duplicate_count} duplicate{'s' * (hit.duplicate_count > 1)}")
    yield Text(" · ".join(facts), style="dim")
    if hit.snippet.text.strip():
        yield _marked(hit.snippet)
    if hit.entities:
        names = Text(style="green")
        for label in dict.fromkeys(name.label for name in hit.entities):
            texts = [_one_line(name.text) for name in hit.entities if name.label == label]
            names.append(f"{'  ' if names else ''}{label} ", style="dim")
            names.append(", ".join(texts))
        yield names


def _marked(snippet: Snippet) -> Text:
    marked = Text("… " if snippet.cut_before else "")
    for fragment in snippet.fragments:
        text = _BLANK.sub(" ", fragment.text)
        marked.append(text, style=_MATCH_STYLE if fragment.is_match else None)
    marked.rstrip()
    return marked.append(" …") if snippet.cut_after else marked


def _hit_as_json(hit: Hit) -> dict[str, Any]:
    return {
        "id": hit.id,
        "source": hit.source,
        "title": hit.title,
        "language": hit.language,
        "published_at": hit.published_at,
        "score": float(f"{hit.score:.6g}"),
        "snippet": hit.snippet.text,
        "matches": list(_matches(hit.snippet)),
        "entities": [asdict(name) for name in hit.entities],
        "duplicate_count": hit.duplicate_count,
    }


def _matches(snippet: Snippet) -> Iterator[tuple[int, int]]:
    start = 0
    for fragment in snippet.fragments:
        end = start + len(fragment.text)
        if fragment.is_match:
            yield start, end
        start = end


def _instant(typed: str, default: time) -> datetime:
    """A date or a time as typed; a date alone stands for its first or its last moment."""
    try:
        when = datetime.fromisoformat(typed.strip())
    except ValueError:
        raise QueryError(f"{typed!r} is no date such as 2024-05-31") from None
    if len(typed.strip()) <= len("2024-05-31"):
        when = datetime.combine(when.date(), default)
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _one_line(text: str) -> str:
    return _BLANK.sub(" ", text).strip()
