"""What is in a store."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from pipelines.settings import MIB, Settings
from pipelines.state import latest_rows
from pipelines.store import KINDS, Store, StoreError
from transforms import files
from transforms.index import Index

_LAST_RUNS = 5


def show_status(path: str, as_json: bool, settings: Settings | None = None) -> None:
    """Print totals by outcome and language, the last runs and the size on disk.

    Raises:
        StoreError: there is no store at ``path``.
    """
    status = describe(Store(path), settings)
    if as_json:
        typer.echo(orjson.dumps(status).decode())
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"Store {path}: {status['published']:,} documents published", style="bold")
    for name in ("outcomes", "languages"):
        counts = ", ".join(f"{number:,} {key}" for key, number in status[name].items())
        console.print(f"{name:<10} {counts or 'none'}")
    index = status["index"]
    if index is None:
        console.print("index      none")
    else:
        behind = f", {index['missing_runs']} run(s) behind" if index["missing_runs"] else ""
        console.print(f"index      {index['documents']:,} documents{behind}")
    sizes = ", ".join(f"{kind} {size / MIB:,.1f} MiB" for kind, size in status["bytes"].items())
    console.print(f"size       {sizes}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("run", "seconds", "outcomes"):
        table.add_column(heading)
    for run in status["runs"]:
        outcomes = ", ".join(f"{number:,} {key}" for key, number in run["outcomes"].items())
        table.add_row(run["run_id"], f"{run['seconds']:,.1f}", outcomes)
    console.print(table)


def describe(store: Store, settings: Settings | None = None) -> dict[str, Any]:
    """The state of a store as plain values; its index is the one that the settings name.

    Raises:
        StoreError: it holds no committed run.
    """
    if not store.manifests:
        raise StoreError(f"there is no run in {store.path}; docsluice run makes one")
    latest = latest_rows(store)
    outcomes = Counter(row.outcome for row in latest.values())
    languages: Counter[str] = Counter()
    for run_id in store.manifests:
        for table in store.tables("documents", ["id", "language"], [run_id]):
            for row in table.to_pylist():
                if latest[row["id"]].run_id == run_id:
                    languages[row["language"]] += 1
    runs = list(store.manifests.values())[-_LAST_RUNS:]
    return {
        "store": store.path,
        "published": outcomes["kept"],
        "outcomes": dict(outcomes.most_common()),
        "languages": dict(languages.most_common()),
        "index": _index(store, settings),
        "bytes": _sizes(store),
        "runs": [
            {name: run[name] for name in ("run_id", "committed_at", "seconds", "outcomes")}
            for run in reversed(runs)
        ],
    }


def _index(store: Store, settings: Settings | None) -> dict[str, int] | None:
    if settings and settings.index == "elasticsearch":
        from pipelines.elasticsearch import open_elasticsearch

        with open_elasticsearch(settings) as server:
            return _counted(store, server)
    if files.is_remote(store.path) or not store.index_path.exists():
        return None
    from transforms.sqlite import SqliteIndex

    with SqliteIndex(store.index_path) as index:
        return _counted(store, index)


def _counted(store: Store, index: Index) -> dict[str, int]:
    missing = len(set(store.manifests) - index.runs())
    return {"documents": index.count(), "missing_runs": missing}


def _sizes(store: Store) -> dict[str, int]:
    """Bytes on disk by kind; none for a remote store, where asking costs a call per file."""
    if files.is_remote(store.path):
        return {}
    sizes = {
        kind: sum(file.stat().st_size for file in Path(store.path, kind).rglob("part-*"))
        for kind in KINDS
    }
    if store.index_path.exists():
        sizes["index"] = store.index_path.stat().st_size
    return sizes
