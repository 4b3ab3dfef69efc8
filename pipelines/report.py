"""Results in words: the summary of a run, and the report of a store."""

from __future__ import annotations

import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipelines.console import count
from pipelines.publish import place
from pipelines.settings import Settings
from pipelines.state import file_of
from pipelines.store import Store, StoreError

if TYPE_CHECKING:
    from pipelines.single_run import Summary

SHOWN_IN_FULL = 20
"""Up to as many documents, a run shows each of them."""

_WIDE = 120
"""Characters from which on there is room for titles."""

_MANY = 1_000
"""Fewer documents are done before a rate means anything: it would tell of the start alone."""

MB = 1_000_000


def show_summary(settings: Settings, summary: Summary, as_json: bool) -> None:
    """Print what a run did, where its results are and how to go on."""
    store = Store(settings.store)
    if as_json:
        shown = {**asdict(summary), "store": store.path}
        del shown["files"]
        typer.echo(orjson.dumps(shown).decode())
        return
    console = Console(highlight=False)
    documents = _documents(store, summary)
    if 0 < len(documents) <= SHOWN_IN_FULL:
        console.print(_document_table(documents, console.width >= _WIDE))
    console.print(_sentence(summary), soft_wrap=True)
    if not store.manifests:
        return
    command = command_name()
    where = store.option
    if summary.failed:
        failures = count(summary.failed, "failure")
        told = f"{failures}: {command} dead-letters list{where}"
        console.print(told, style="red", soft_wrap=True)
    console.print(f"Parquet: {store.path}/documents", soft_wrap=True)
    if settings.index != "none":
        console.print(f"Index:   {place(settings)}", soft_wrap=True)
    if settings.index == "sqlite":
        console.print(f"Try:     {command} search {_example(documents)}{where}", soft_wrap=True)
    if "rejected" in summary.outcomes or "failed" in summary.outcomes:
        console.print(f"Why:     {command} report{where}", soft_wrap=True)


def command_name() -> str:
    """How this command can be called again: by its name, or by its path if that is not enough."""
    if shutil.which("docsluice") or not sys.argv[0].endswith("docsluice"):
        return "docsluice"
    path = Path(sys.argv[0]).absolute()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _sentence(summary: Summary) -> str:
    also = [f"{count(summary.unchanged, 'file')} unchanged"] if summary.unchanged else []
    if summary.still_failed:
        also.append(f"{count(summary.still_failed, 'place')} still cannot be read")
    if summary.young:
        also.append(f"{count(summary.young, 'file')} still changing")
    if summary.not_deleted:
        also.append(f"{count(summary.not_deleted, 'document')} not deleted")
    if summary.run_id is None:
        if not also:
            return "Nothing to read: there is no file under the sources, or none that matches."
        return f"Nothing new: {', '.join(also)}."
    parts = [f"{number:,} {kind}" for kind, number in summary.outcomes.items()]
    if len(summary.run_ids) > 1:
        also.append(f"{len(summary.run_ids):,} runs")
    total = sum(summary.outcomes.values())
    megabytes = summary.source_bytes / MB
    took = f"{count(total, 'document')} ({megabytes:,.2f} MB) in {summary.seconds:,.1f} s"
    if total >= _MANY:
        rate = f"{total / summary.seconds:,.0f} documents/s"
        took += f" ({rate}, {megabytes / summary.seconds:,.2f} MB/s)"
    return "; ".join([f"{took}: {', '.join(parts)}", *also]) + "."


def _documents(store: Store, summary: Summary) -> list[dict[str, Any]]:
    """Newest ledger rows of the documents that were asked for, if they are few.

    Each has as ``published`` what is known of a document that was kept.
    """
    if summary.run_id is None and not summary.files:
        return []
    if sum(summary.outcomes.values()) > SHOWN_IN_FULL:
        return []
    runs = summary.run_ids or list(store.manifests)
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for run_id in runs:
        for table in store.tables("ledger", run_ids=[run_id]):
            for row in table.to_pylist() if table.num_rows <= _MANY else ():
                if summary.run_id or file_of(row["source"]) in summary.files:
                    rows[row["id"], row["outcome"] if summary.run_id else ""] = row
    wanted = {row["run_id"] for row in rows.values()}
    columns = ["id", "title", "language", "title_entities", "entities", "run_id"]
    published = {
        (row["id"], row["run_id"]): row
        for table in store.tables("documents", columns, sorted(wanted))
        for row in table.to_pylist()
    }
    for row in rows.values():
        key = row["id"], row["run_id"]
        row["published"] = published.get(key) if row["outcome"] == "kept" else None
    return sorted(rows.values(), key=lambda row: row["source"])


def _document_table(rows: Iterable[dict[str, Any]], with_title: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("document", no_wrap=True, overflow="fold")
    if with_title:
        table.add_column("title", no_wrap=True, overflow="ellipsis", max_width=40)
    table.add_column("language")
    table.add_column("outcome")
    table.add_column("entities, or why not", overflow="fold", ratio=1)
    for row in rows:
        document = row["published"] or {"title": "", "language": ""}
        names = ", ".join(f"{name} {label}" for name, label in _top_names(_entities(document), 6))
        table.add_row(
            unquote(row["source"].rsplit("/", 1)[-1]),
            *([document["title"]] if with_title else []),
            document["language"],
            row["outcome"],
            Text(names if row["outcome"] == "kept" else row["reason"]),
        )
    return table


def _entities(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of the title, which an older store does not have, and of the text."""
    return [*document.get("title_entities", ()), *document.get("entities", ())]


def _top_names(entities: Iterable[dict[str, Any]], number: int) -> list[tuple[str, str]]:
    counts = Counter((entity["text"], entity["label"]) for entity in entities)
    return [name for name, _ in counts.most_common(number)]


def _example(rows: Iterable[dict[str, Any]]) -> str:
    """A search that finds something: the most mentioned name, else a placeholder."""
    entities = [entity for row in rows for entity in _entities(row["published"] or {})]
    people = [entity for entity in entities if entity["label"] == "PER"]
    names = _top_names(people or entities, 1)
    return f'"{names[0][0]}"' if names else '"some words"'


def show_report(path: str, run_id: str | None, as_json: bool) -> None:
    """Print what became of the documents of a run, or of all runs, and why.

    Raises:
        StoreError: there is no such store or run.
    """
    store = Store(path)
    if not store.manifests:
        raise StoreError(f"there is no run in {path}; docsluice run makes one")
    if run_id is not None and run_id not in store.manifests:
        known = ", ".join(list(store.manifests)[-5:])
        raise StoreError(f"there is no run {run_id} in {path}; the last ones are {known}")
    runs = [run_id] if run_id else list(store.manifests)
    reasons: Counter[tuple[str, str]] = Counter()
    for table in store.tables("ledger", ["outcome", "reason"], runs):
        counts = table.group_by(["outcome", "reason"]).aggregate([([], "count_all")])
        for row in counts.to_pylist():
            for reason in _reasons(row["outcome"], row["reason"]):
                reasons[row["outcome"], reason] += row["count_all"]
    outcomes: Counter[str] = Counter()
    for name in runs:
        outcomes.update(store.manifests[name]["outcomes"])
    if as_json:
        listed = [
            {"outcome": outcome, "reason": reason, "documents": number}
            for (outcome, reason), number in reasons.most_common()
        ]
        found = {"runs": runs, "outcomes": dict(outcomes), "reasons": listed}
        typer.echo(orjson.dumps(found).decode())
        return
    console = Console(highlight=False)
    rows = count(sum(outcomes.values()), "ledger row")
    console.print(f"{count(len(runs), 'run')}, {rows} in {path}")
    for outcome, number in outcomes.most_common():
        console.print(f"\n{outcome}: {number:,}", style="bold")
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(justify="right")
        table.add_column(overflow="fold")
        for (of, reason), times in reasons.most_common():
            if of == outcome and reason:
                table.add_row(f"{times:,}", reason)
        if table.row_count:
            console.print(table)


def _reasons(outcome: str, reason: str) -> list[str]:
    """Reasons to count: each quality flag of a kept document, and no line numbers or sizes."""
    return reason.split(", ") if outcome == "kept" else [re.sub(r"\d+", "#", reason)]
