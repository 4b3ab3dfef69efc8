"""The story of a document: what became of it in each run, and why."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import typer
from rich.console import Console

from pipelines.store import Store, StoreError, read_part

_ID_LENGTH = 32
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
    has its record, without the text, as ``document``, and one of a duplicate its ``canonical``.
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


def _tell(console: Console, story: dict[str, Any]) -> None:
    console.print(story["source"], style="bold", markup=False)
    console.print(f"  id {story['id']}")
    for row in story["rows"]:
        console.print(f"  run {row['run_id']}: [bold]{row['outcome']}[/]")
        for line in _lines(row):
            console.print(f"    {line}", markup=False)


def _lines(row: dict[str, Any]) -> list[str]:
    lines = []
    if row["outcome"] != "kept" and row["reason"]:
        lines.append(f"because   {row['reason']}")
    if row["duplicate_of"] is not None:
        lines.append(f"resembles {row['canonical'] or row['duplicate_of']}")
        lines.append(f"          id {row['duplicate_of']}, similarity {row['similarity']:.2f}")
    if row["outcome"] == "failed":
        lines.append(f"retry     mend the source; see dead-letters/run={row['run_id']}")
    document = row.get("document")
    if document:
        lines += [
            f"title     {document['title'] or '(none)'}",
            f"language  {document['language']} (confidence {document['language_confidence']:.2f})",
            f"words     {document['word_count']:,}",
            f"entities  {_entities(document['entities'])}",
            f"flags     {', '.join(document['quality']) or 'none'}",
            f"copies    {document['duplicate_count']} duplicates left out",
            f"kind      {document['media_type']}",
        ]
        lines += [f"{name:<9} {value}" for name, value in sorted(document["metadata"].items())]
        lines.append(f"file      {document['file']}")
    seen = f"{row['recorded_at']:%Y-%m-%d %H:%M:%S} UTC"
    lines.append(f"version   {row['source_version'] or 'unknown'}, seen {seen}")
    return lines


def _entities(entities: list[dict[str, Any]]) -> str:
    counts = Counter(f"{entity['text']} {entity['label']}" for entity in entities)
    shown = ", ".join(f"{name} ×{times}" for name, times in counts.most_common(8))
    return f"{len(entities)}: {shown}" if shown else "none"
