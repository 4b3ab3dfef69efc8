"""What is in a store, without times: for comparing two that came about in different ways."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from pipelines.publish import open_index
from pipelines.settings import load
from pipelines.state import past_state, read_state
from pipelines.store import Store
from pipelines.verify import check_store
from transforms.index import Index, Query

_TIMES = {"ingested_at", "recorded_at", "rowid"}


def content(path: Path) -> dict[str, Counter[str]]:
    """The rows of a store by what they are, in no order; a run id is the number of the run."""
    store = Store(str(path))
    numbers: dict[str, Any] = {id_: number for number, id_ in enumerate(store.manifests, 1)}
    found = {"runs": Counter(_plain({"number": n}, numbers) for n in numbers.values())}
    for kind in ("documents", "ledger", "fingerprints"):
        tables = store.tables(kind)
        found[kind] = Counter(_plain(row, numbers) for table in tables for row in table.to_pylist())
    found["dead letters"] = Counter(
        _plain(orjson.loads(line), numbers)
        for _, part in store.parts("dead-letters")
        for line in Path(part).read_bytes().splitlines()
    )
    found["index"] = Counter(_plain(row, numbers) for row in _indexed(store.index_path))
    with read_state(store) as state:
        rows = state.documents(_seen(store))
        found["state"] = Counter(_plain(asdict(row), numbers) for row in rows)
        found["files"] = Counter(f"{uri} {version}" for uri, version in state.versions())
    return found


def assert_same(store: Path, expected: Path, *, but: str = "") -> None:
    """Two stores have the same content, ``but`` for one kind of it."""
    one, other = content(expected), content(store)
    found = [
        f"{sign} {kind}: {row[:400]}"
        for kind in one
        if kind != but
        for sign, rows in (("-", one[kind] - other[kind]), ("+", other[kind] - one[kind]))
        for row in sorted(rows.elements())
    ]
    assert not found, "\n".join([f"{len(found)} differences", *found[:20]])


def assert_whole(path: Path, **settings: Any) -> None:
    """Ledger, state, documents and index say the same, and ``docsluice verify`` says so, too.

    Args:
        path: the store.
        settings: where its index is, if not in the store.
    """
    loaded = load({"store": str(path), **settings})
    assert check_store(loaded) == []
    with open_index(loaded) as index:
        assert index is not None
        _assert_agreement(path, index)


def _assert_agreement(path: Path, index: Index) -> None:
    store = Store(str(path))
    outcomes, published, canonicals = _newest(store)
    with read_state(store) as state, past_state(store, []) as anew:
        anew.catch_up(store)
        rows = state.documents(outcomes)
        assert rows == anew.documents(outcomes), "the state is another when it is made anew"
        assert list(state.versions()) == list(anew.versions())
        assert state.orphans() == []
    assert {row.id: row.outcome for row in rows} == outcomes
    assert {row.id: row.published_in for row in rows if row.published_in} == published
    documents = {
        (id_, run_id)
        for run_id, table in zip(_run_ids(store), store.tables("documents", ["id"]), strict=True)
        for id_ in table.column("id").to_pylist()
    }
    assert published.items() <= documents, "published in the ledger, missing in the documents"
    hits = index.search(Query(source="/", limit=10_000)).hits
    counts = {id_: canonicals[id_] for id_ in published}
    assert {hit.id: hit.duplicate_count for hit in hits} == counts
    assert index.count() == len(published)
    assert index.runs() == set(store.manifests)
    assert index.verify() == []
    assert not list(path.glob("spool/run=*"))
    named = {f"run={run_id}" for run_id in store.manifests}
    assert {run.name for run in path.glob("*/run=*")} <= named


def _newest(store: Store) -> tuple[dict[str, str], dict[str, str], Counter[str]]:
    """Outcome by id, run of what is published, duplicates by id: from the ledger alone."""
    outcomes: dict[str, str] = {}
    published: dict[str, str] = {}
    resembles: dict[str, str | None] = {}
    for table in store.tables("ledger"):
        for row in table.to_pylist():
            id_ = row["id"]
            outcomes[id_] = row["outcome"]
            if row["outcome"] == "failed":
                continue  # what was published before stays
            resembles[id_] = row["duplicate_of"]
            published.pop(id_, None)
            if row["outcome"] == "kept":
                published[id_] = row["run_id"]
    return outcomes, published, Counter(filter(None, resembles.values()))


def _run_ids(store: Store) -> list[str]:
    return [run_id for run_id, _ in store.parts("documents")]


def _seen(store: Store) -> set[str]:
    return {id_ for table in store.tables("ledger", ["id"]) for id_ in table["id"].to_pylist()}


def _indexed(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM documents")]


def _plain(row: dict[str, Any], numbers: dict[str, Any]) -> str:
    kept = {
        name: numbers.get(value, value) if isinstance(value, str) else value
        for name, value in row.items()
        if name not in _TIMES
    }
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS, default=str).decode()
