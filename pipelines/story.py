"""The story of a document over all runs, as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.comparison import shared_passages
from pipelines.history import ledger_rows, letters_of, record
from pipelines.index_state import index_state
from pipelines.settings import Settings
from pipelines.state import DocumentRow, State
from pipelines.store import Store

MEMBERS = 5
"""So many duplicates of a canonical are named."""

Row = dict[str, Any]
Story = dict[str, Any]


def stories(store: Store, state: State, settings: Settings, ids: Sequence[str]) -> list[Story]:
    """What became of each of these documents, in the order of their sources.

    A story has the ``id``, the ``source``, the newest ``outcome``, ``published_in`` (the run whose
    version is published, or None), the ledger ``rows`` of all runs (oldest first), its
    ``duplicates``, the documents that were ``published_instead`` of it, its ``dead_letters`` and
    the state of the ``index``. To a row is added the ``document`` that was published, without its
    text; the ``canonical`` and, if they are alike now, the ``passages`` they share; the document
    whose place it took (``took_place_of``); and what its run knew of models and cache.

    Raises:
        StoreError: a file of the store is damaged.
    """
    wanted = state.documents(ids)
    canonicals = {row.duplicate_of for row in wanted if row.duplicate_of is not None}
    sources = {row.id: row.source for row in state.documents(canonicals.union(ids))}
    rows, members = ledger_rows(store, sources, ids)
    former = {row["duplicate_of"] for row in rows if row["id"] in ids} - {None, *sources}
    if former:
        others = {row.id: row.source for row in state.documents(former)}
        rows += ledger_rows(store, others)[0]
        sources |= others
    by_id = {id_: [row for row in rows if row["id"] == id_] for id_ in sources}
    letters = list(letters_of(store, frozenset(ids)))
    published = {row.id: _published_in(by_id[row.id]) for row in wanted}
    in_index = index_state(store, settings, published)
    told = []
    for now in wanted:
        own = by_id[now.id]
        _complete(store, own, by_id, sources)
        told.append(
            {
                "id": now.id,
                "source": now.source,
                "outcome": now.outcome,
                "published_in": published[now.id],
                "rows": own,
                "duplicates": _duplicates(state, now, members),
                "published_instead": _successors(state, now, members),
                "dead_letters": [one for one in letters if one["id"] == now.id],
                "index": in_index[now.id],
            }
        )
    return told


def _complete(
    store: Store, own: Sequence[Row], by_id: Mapping[str, list[Row]], sources: Mapping[str, str]
) -> None:
    """Add to the ledger rows of a document what other rows and files tell of it."""
    for place, row in enumerate(own):
        canonical = row["duplicate_of"]
        if canonical is not None:
            row["canonical"] = sources.get(canonical, "")
        if row["outcome"] == "kept":
            _add_document(store, row)
            if place:
                row["text_changed"], row["took_place_of"] = _change(own[:place], row, by_id)
    newest = own[-1]
    if newest["duplicate_of"] is not None and newest["reason"] != "same text":
        canonical_row = _published_row(by_id.get(newest["duplicate_of"], []))
        newest["passages"] = shared_passages(store, newest, canonical_row)


def _published_row(rows: Sequence[Row]) -> Row | None:
    """Of the ledger rows of a document, oldest first, the one whose version is published."""
    lasting = [row for row in rows if row["outcome"] != "failed"]
    return lasting[-1] if lasting and lasting[-1]["outcome"] == "kept" else None


def _published_in(rows: Sequence[Row]) -> str | None:
    row = _published_row(rows)
    return None if row is None else str(row["run_id"])


def _add_document(store: Store, row: Row) -> None:
    """What a run has published of the document, and by what means."""
    row["document"] = document = record(store, row["run_id"], row["id"])
    run_id = store.holder(row["run_id"]) or row["run_id"]
    manifest = store.written.get(row["run_id"]) or store.manifests.get(run_id, {})
    models = manifest.get("entity_models", {})
    row["entity_model"] = models.get(document["language"], "") if document else ""
    row["cache"] = manifest.get("cache", {})


def _change(
    earlier: Sequence[Row], row: Row, by_id: Mapping[str, list[Row]]
) -> tuple[bool, Row | None]:
    """Whether a text is another than before, and whose place its document took, if anyone's.

    It took the place of the canonical that it was a duplicate of, if the ledger has said anything
    of that one since.
    """
    lasting = [one for one in earlier if one["outcome"] not in ("failed", "deleted")]
    if not lasting:
        return False, None
    before = lasting[-1]
    is_changed = before["content_hash"] != row["content_hash"]
    canonical = before["duplicate_of"]
    if canonical is None or row["duplicate_of"] is not None or is_changed:
        return is_changed, None
    since = [
        other
        for other in by_id.get(canonical, ())
        if other["outcome"] != "failed" and before["run_id"] < other["run_id"] <= row["run_id"]
    ]
    if not since:
        return is_changed, None
    wanted = ("id", "source", "outcome", "reason", "run_id")
    return is_changed, {name: since[-1][name] for name in wanted}


def _duplicates(state: State, now: DocumentRow, members: pa.Table) -> dict[str, Any]:
    """How many duplicates a document has now, and the first few of them."""
    number = state.member_counts([now.id]).get(now.id, 0)
    if not number:
        return {"number": 0, "first": []}
    rows = _newest_of(members.filter(pc.equal(members["duplicate_of"], now.id)))
    standing = {row.id for row in state.members_of([now.id])}
    shown = [row for row in rows if row["id"] in standing][:MEMBERS]
    return {"number": number, "first": shown}


def _successors(state: State, now: DocumentRow, members: pa.Table) -> list[dict[str, Any]]:
    """Former duplicates that are published, now that the document is not."""
    if now.published_in is not None:
        return []
    former = members.filter(pc.equal(members["duplicate_of"], now.id)).column("id").to_pylist()
    rows = [row for row in state.documents(set(former)) if row.published_in is not None]
    return [{"id": row.id, "source": row.source} for row in rows[:MEMBERS]]


def _newest_of(members: pa.Table) -> Iterator[dict[str, Any]]:
    """The newest row of each duplicate, in the order of their sources."""
    rows = {row["id"]: row for row in members.to_pylist()}
    for row in sorted(rows.values(), key=lambda row: row["source"]):
        yield {name: row[name] for name in ("id", "source", "similarity", "run_id")}
