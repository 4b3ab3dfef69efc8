"""``docsluice status``: what is in a store, what goes on there and what is to be done."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import typer
from rich.console import Console
from rich.table import Table

from pipelines.console import count, size_in_words
from pipelines.dead_letters import open_letters
from pipelines.index_state import index_to_read
from pipelines.lock import is_alive, lock_holder
from pipelines.missed import pending_runs
from pipelines.next_run import in_words, next_run
from pipelines.printable import one_line
from pipelines.settings import ConfigurationError, Settings
from pipelines.state import State, read_state
from pipelines.store import KINDS, Store
from pipelines.stream_seen import describe_stream, no_run, stream_in_words
from transforms import files
from transforms.index import SearchIndexError

_LAST_RUNS = 5
_FILES = {"index": "search.db", "state": "state.db", "cache": "cache.db"}
"""Single files of a store whose sizes are told."""


def show_status(settings: Settings, as_json: bool, with_next: bool | None = None) -> None:
    """Print what is in the store and what goes on.

    Args:
        settings: name the store and its index.
        as_json: whether to print JSON.
        with_next: whether to list the sources of the last run, to tell what the next one would do;
            None lists those that are all on this machine.

    Raises:
        StoreError: there is no store, or it is damaged.
    """
    status = describe(settings, with_next)
    if as_json:
        typer.echo(orjson.dumps(status).decode())
        return
    console = Console(highlight=False, soft_wrap=True, markup=False)
    store = one_line(settings.store)
    console.print(
        f"Store {store}: {count(status['published'], 'document')} published", style="bold"
    )
    for name, value in _lines(status):
        console.print(f"{name:<12} {one_line(value)}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("run", "seconds", "outcomes"):
        table.add_column(heading)
    for run in status["runs"]:
        told = _numbers(run["outcomes"]) + ("; streams reconciled" if run["reconciled"] else "")
        table.add_row(run["run_id"], f"{run['seconds']:,.1f}", told)
    console.print(table)


def describe(settings: Settings, with_next: bool | None = None) -> dict[str, Any]:
    """The state of a store as plain values; its index is the one that the settings name.

    Raises:
        StoreError: it holds no committed run, or is damaged.
    """
    store = Store(settings.store)
    if not store.manifests:
        raise no_run(store)
    with read_state(store) as state:
        outcomes, published = state.outcomes(), state.published()
        languages = _languages(store, state)
    runs = list(store.manifests.values())[-_LAST_RUNS:]
    return {
        "store": store.path,
        "published": published,
        "outcomes": dict(outcomes.most_common()),
        "languages": dict(languages.most_common()),
        "dead_letters": len(open_letters(store)),
        "index": _index(store, settings),
        "bytes": _sizes(store),
        "number_of_runs": len(store.manifests),
        "unreconciled": len(pending_runs(store)),
        "runs": [
            {name: run[name] for name in ("run_id", "committed_at", "seconds", "outcomes")}
            | {"reconciled": "reconciled" in run}
            for run in reversed(runs)
        ],
        "writer": lock_holder(store.path),
        "schedule": _scheduler(store, "schedule"),
        "watch": _scheduler(store, "watch"),
        "stream": describe_stream(store),
        "next": next_run(settings, store, with_next),
    }


def _lines(status: dict[str, Any]) -> list[tuple[str, str]]:
    """What there is to say, name and value, but for the runs."""
    sizes = status["bytes"]
    lines = [
        ("outcomes", _numbers(status["outcomes"])),
        ("languages", _numbers(status["languages"])),
        ("index", _index_in_words(status["index"])),
        ("size", ", ".join(f"{kind} {size_in_words(size)}" for kind, size in sizes.items())),
    ]
    if status["dead_letters"]:
        lines.append(("dead letters", f"{status['dead_letters']:,} open"))
    if number := status["unreconciled"]:
        lines.append(("streams", f"{count(number, 'run')} not reconciled yet"))
    if writer := status["writer"]:
        told = "process {pid} on {host} since {since}: {command}".format(**writer)
        lines.append(("writing now", told))
    lines += [
        (name, _scheduler_in_words(status[name])) for name in ("schedule", "watch") if status[name]
    ]
    if stream := status["stream"]:
        lines.append(("stream", stream_in_words(stream)))
    if status["next"]:
        lines.append(("next run", in_words(status["next"])))
    return lines


def _numbers(counts: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {key}" for key, number in counts.items()) or "none"


def _languages(store: Store, state: State) -> Counter[str]:
    """Number of published documents by language.

    A manifest has the numbers of its run, which hold as long as all that the run published still
    is; else the language of each document is read.
    """
    languages: Counter[str] = Counter()
    standing = state.published_by_run()
    for run_id, manifest in store.manifests.items():
        of_run = manifest.get("languages", {})
        if sum(of_run.values()) == standing.get(run_id, 0):
            languages.update(of_run)
            continue
        for table in store.tables("documents", ["id", "language"], [run_id]):
            ids = table.column("id").to_pylist()
            stands = pa.array(state.standing(ids, [run_id] * len(ids)), pa.bool_())
            languages.update(table.column("language").filter(stands).to_pylist())
    return languages


def _index(store: Store, settings: Settings) -> dict[str, Any] | None:
    """Documents in the index and runs that it misses; ``error`` if it cannot be reached."""
    try:
        with index_to_read(store, settings) as index:
            if index is None:
                return None
            missing = len(set(store.manifests) - index.runs())
            return {"documents": index.count(), "missing_runs": missing}
    except (SearchIndexError, ConfigurationError) as error:
        return {"error": str(error)}


def _index_in_words(index: dict[str, Any] | None) -> str:
    if index is None:
        return "none"
    if "error" in index:
        return str(index["error"])
    behind = f", {count(index['missing_runs'], 'run')} behind" if index["missing_runs"] else ""
    return f"{count(index['documents'], 'document')}{behind}"


def _sizes(store: Store) -> dict[str, int]:
    """Bytes on disk by kind; none for a remote store, where asking costs a call per file."""
    if files.is_remote(store.path):
        return {}
    sizes = {
        kind: sum(file.stat().st_size for file in Path(store.path, kind).rglob("*.*"))
        for kind in (*KINDS, "bands")
    }
    for kind, name in _FILES.items():
        if (path := Path(store.path, name)).exists():
            sizes[kind] = path.stat().st_size
    return sizes


def _scheduler(store: Store, command: str) -> dict[str, Any] | None:
    """What the status file of a scheduler in a local store tells, and whether it ``is_running``."""
    path = Path(store.path, f"{command}.json")
    if files.is_remote(store.path) or not path.exists():
        return None
    try:
        told = orjson.loads(path.read_bytes())
        names = ("command", "pid", "state", "next_run_at", "consecutive_failures", "last_run")
        scheduler = {name: told[name] for name in names}
    except (OSError, orjson.JSONDecodeError, KeyError) as error:
        return {"error": f"{path} cannot be read: {error}"}
    is_running = scheduler["state"] != "stopped" and is_alive(scheduler["pid"])
    return {**scheduler, "is_running": is_running}


def _scheduler_in_words(scheduler: dict[str, Any]) -> str:
    if "error" in scheduler:
        return str(scheduler["error"])
    if not scheduler["is_running"]:
        return f"{scheduler['command']} is not running"
    due = f", next run at {scheduler['next_run_at']}" if scheduler["next_run_at"] else ""
    failures = scheduler["consecutive_failures"]
    failed = f", {count(failures, 'failure')} in a row" if failures else ""
    return f"{scheduler['command']} (process {scheduler['pid']}): {scheduler['state']}{due}{failed}"
