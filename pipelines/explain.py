"""The story of a document: what became of it in each run, and why."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import typer
from rich.console import Console

from pipelines.store import Store, StoreError, read_part

_ID_LENGTH = 32
_NAMES = 8
_STORIES = 20
"""A file of many records tells of this many of them."""


def explain(path: str, wanted: str, as_json: bool) -> None:
    """Print the story of the documents that ``wanted`` names.

    Raises:
        StoreError: no ledger row of the store is about such a document.
    """
    store = Store(path)
    stories = find_stories(store, wanted)
    if not stories:
        raise StoreError(
            f"no run of {path} has seen {wanted!r}; give an id, a path, a URL or the end of one"
        )
    if as_json:
        typer.echo(orjson.dumps(stories, option=orjson.OPT_INDENT_2).decode())
        return
    console = Console(highlight=False, soft_wrap=True)
    for number, story in enumerate(stories[:_STORIES]):
        if number:
            console.print()
        _tell(console, story)
    if len(stories) > _STORIES:
        console.print(f"\n… and {len(stories) - _STORIES:,} more documents; see --json")


def find_stories(store: Store, wanted: str) -> list[dict[str, Any]]:
    """The ledger rows of all runs about the documents that ``wanted`` names, by document.

    Each story has ``id``, ``source`` and ``rows`` (oldest first); a row of a published document
    has its record, without the text, as ``document`` and the number of its ``duplicates``, and
    one of a duplicate its ``canonical``.
    """
    stories: dict[str, dict[str, Any]] = {}
    by_address = _ids_of_address(store, wanted) if "://" in wanted else set()
    for _, path in store.parts("ledger"):
        table = read_part(path)
        for row in table.filter(_names(table, wanted, by_address)).to_pylist():
            story = stories.setdefault(row["id"], {"id": row["id"], "source": row["source"]})
            story.setdefault("rows", []).append(row)
            if row["outcome"] == "kept":
                row["document"] = _document(store, row["run_id"], row["id"])
                row["duplicates"] = _duplicates(store, row["id"])
            if row["duplicate_of"] is not None:
                row["canonical"] = _newest_source(store, row["duplicate_of"])
    return sorted(stories.values(), key=lambda story: story["source"])


def _names(table: pa.Table, wanted: str, by_address: set[str]) -> pa.Array:
    """Which ledger rows are about the wanted document."""
    if by_address:
        return pc.is_in(table.column("id"), pa.array(sorted(by_address), pa.string()))
    if len(wanted) == _ID_LENGTH and all(letter in "0123456789abcdef" for letter in wanted):
        return pc.equal(table.column("id"), wanted)
    sources = table.column("source")
    uris = pc.replace_substring_regex(sources, "#.*", "")
    escaped = Path(os.path.abspath(wanted)).as_uri() if "://" not in wanted else wanted  # noqa: PTH100  symlinks stay
    end = "/" + Path("/", wanted).as_uri().removeprefix("file:///")
    found = [pc.equal(sources, wanted), pc.equal(uris, escaped), pc.ends_with(uris, end)]
    if "#" in wanted:
        name, _, key = wanted.rpartition("#")
        record = "/" + Path("/", name).as_uri().removeprefix("file:///") + "#" + key
        found.append(pc.ends_with(sources, record))
    matched = found[0]
    for one in found[1:]:
        matched = pc.or_(matched, one)
    return matched


def _ids_of_address(store: Store, address: str) -> set[str]:
    """Ids of the published documents whose metadata has this URL."""
    found = set()
    for table in store.tables("documents", ["id", "metadata"]):
        for row in table.to_pylist():
            if dict(row["metadata"]).get("url") == address:
                found.add(row["id"])
    return found


def _document(store: Store, run_id: str, id_: str) -> dict[str, Any] | None:
    for _, path in store.parts("documents", [run_id]):
        table = read_part(path)
        rows = table.filter(pc.equal(table.column("id"), id_)).drop_columns(["text"]).to_pylist()
        if rows:
            return {**rows[0], "metadata": dict(rows[0]["metadata"]), "file": path}
    return None


def _newest_source(store: Store, id_: str) -> str:
    """Where the newest version of a document came from."""
    source = ""
    for table in store.tables("ledger", ["id", "source"]):
        rows = table.filter(pc.equal(table.column("id"), id_))
        if rows.num_rows:
            source = str(rows.column("source")[-1])
    return source


def _duplicates(store: Store, id_: str) -> int:
    """Number of documents that any run found to be duplicates of this one."""
    found: set[str] = set()
    for table in store.tables("ledger", ["id", "duplicate_of"]):
        rows = table.filter(pc.equal(table.column("duplicate_of"), id_))
        found.update(rows.column("id").to_pylist())
    return len(found)


def _tell(console: Console, story: dict[str, Any]) -> None:
    console.print(story["source"], style="bold", markup=False)
    console.print(f"  id {story['id']}")
    for row in story["rows"]:
        console.print(f"  run {row['run_id']}: [bold]{row['outcome']}[/]")
        facts = list(_facts(row))
        width = max(len(name) for name, _ in facts)
        for name, value in facts:
            console.print(f"    {name:<{width}}  {value}", markup=False)


def _facts(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What a ledger row, and the document it is about, tell: name and value."""
    if row["outcome"] != "kept" and row["reason"]:
        yield "because", row["reason"]
    if row["duplicate_of"] is not None:
        yield "resembles", row["canonical"] or row["duplicate_of"]
        yield "", f"id {row['duplicate_of']}, similarity {row['similarity']:.2f}"
    if row["outcome"] == "failed":
        yield "retry", f"docsluice dead-letters show {row['id']}"
    document = row.get("document")
    if document:
        yield "title", document["title"] or "(none)"
        confidence = document["language_confidence"]
        yield "language", f"{document['language']} (confidence {confidence:.2f})"
        yield "words", f"{document['word_count']:,}"
        # An older store has none of the title.
        yield "entities", _entities([*document.get("title_entities", ()), *document["entities"]])
        yield "flags", ", ".join(document["quality"]) or "none"
        yield "duplicates", f"{row['duplicates']:,} over all runs"
        yield "kind", document["media_type"]
        if document["published_at"] is not None:
            yield "published", f"{document['published_at']:%Y-%m-%d %H:%M:%S} UTC"
        yield from sorted(document["metadata"].items())
        yield "file", document["file"]
    yield "version", row["source_version"] or "unknown"
    yield "seen", f"{row['recorded_at']:%Y-%m-%d %H:%M:%S} UTC"


def _entities(entities: list[dict[str, Any]]) -> str:
    counts = Counter(f"{entity['text']} {entity['label']}" for entity in entities)
    shown = ", ".join(f"{name} ×{times}" for name, times in counts.most_common(_NAMES))
    more = ", …" if len(counts) > _NAMES else ""
    return f"{len(entities)}: {shown}{more}" if shown else "none"
