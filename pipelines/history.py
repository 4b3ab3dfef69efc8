"""What the files of a store say of single documents: ledger rows, records, dead letters."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.dead_letters import key_of, open_letters
from pipelines.store import Store, StoreError
from transforms import files
from transforms.document import LEDGER_SCHEMA

_LETTER = ("id", "stage", "error_type", "error", "attempts", "recorded_at")
_COUNTING = {"duplicate": 1, "kept": 2}
"""Of several rows of a run about one id, this is the one that counts."""
_MEMBER = ["id", "source", "duplicate_of", "similarity", "run_id"]


def ledger_rows(
    store: Store, sources: Mapping[str, str], members_of: Collection[str] = ()
) -> tuple[list[dict[str, Any]], pa.Table]:
    """The ledger rows about documents, and those about whatever was a duplicate of some.

    Rows of a run are in the order of their sources, so that few files have to be read.

    Args:
        store: the store.
        sources: the ``source`` of each document by its id.
        members_of: ids of canonicals whose duplicates are wanted too.

    Returns:
        Rows about the documents, oldest first, the one that counts last; and a table of ``id``,
        ``source``, ``duplicate_of``, ``similarity`` and ``run_id`` of duplicates, oldest first.

    Raises:
        StoreError: a file is damaged.
    """
    ids, canonicals = pa.array(list(sources), pa.string()), pa.array(members_of, pa.string())
    names = sorted(sources.values())
    rows: list[dict[str, Any]] = []
    members = [LEDGER_SCHEMA.empty_table().select(_MEMBER)]
    for _, path in store.parts("ledger"):
        part = _opened(path)
        if _may_hold(part, names):
            own = pc.is_in(_read(part, path, ["id"]).column("id"), ids)
            if pc.any(own).as_py():
                rows += _read(part, path).filter(own).to_pylist()
        if len(canonicals) and _has_duplicates(part):
            duplicate_of = _read(part, path, ["duplicate_of"]).column("duplicate_of")
            is_member = pc.is_in(duplicate_of, canonicals)
            if pc.any(is_member).as_py():
                members.append(_read(part, path, _MEMBER).filter(is_member))
    rows.sort(key=lambda row: (row["run_id"], _COUNTING.get(row["outcome"], 0)))
    return rows, pa.concat_tables(members)


def _may_hold(part: pq.ParquetFile, names: Sequence[str]) -> bool:
    """Whether one of these sources, in their order, can be in a part, after its statistics."""
    for one in _statistics(part, "source"):
        if one is None or not one.has_min_max:
            return True
        first = bisect_left(names, one.min)
        if first < len(names) and names[first] <= one.max:
            return True
    return False


def _has_duplicates(part: pq.ParquetFile) -> bool:
    """Whether ``duplicate_of`` of a part can have values, after its statistics."""
    return any(one is None or one.num_values for one in _statistics(part, "duplicate_of"))


def _statistics(part: pq.ParquetFile, column: str) -> Iterator[Any]:
    """What each row group says of a column; None where it says nothing."""
    place = part.schema_arrow.get_field_index(column)
    for group in range(part.metadata.num_row_groups):
        yield part.metadata.row_group(group).column(place).statistics


def record(store: Store, run_id: str, id_: str, with_text: bool = False) -> dict[str, Any] | None:
    """The record that a run has published of a document, with its ``file``; None if it is no more.

    Args:
        store: the store.
        run_id: the run that wrote the record, before any compaction.
        id_: id of the document.
        with_text: whether ``text`` is wanted too.

    Raises:
        StoreError: a file is damaged.
    """
    holder = store.holder(run_id)
    for _, path in store.parts("documents", [holder] if holder else []):
        part = _opened(path)
        keys = _read(part, path, ["id", "run_id"])
        is_it = pc.and_(pc.equal(keys["id"], id_), pc.equal(keys["run_id"], run_id))
        place = pc.index(is_it, True).as_py()
        if place >= 0:
            row = _row(part, place, with_text)
            return {**row, "metadata": dict(row["metadata"]), "file": path}
    return None


def _row(part: pq.ParquetFile, place: int, with_text: bool) -> dict[str, Any]:
    group = 0
    while place >= part.metadata.row_group(group).num_rows:
        place -= part.metadata.row_group(group).num_rows
        group += 1
    columns = [name for name in part.schema_arrow.names if with_text or name != "text"]
    [row] = part.read_row_group(group, columns=columns).slice(place, 1).to_pylist()
    return dict(row)


def ids_of_address(store: Store, address: str) -> list[str]:
    """Ids of the documents that were published with this URL in their metadata.

    Raises:
        StoreError: a file is damaged.
    """
    found: dict[str, None] = {}
    for _, path in store.parts("documents"):
        table = _read(_opened(path), path, ["id", "metadata"])
        metadata = table.column("metadata").combine_chunks()
        is_it = pc.equal(pc.map_lookup(metadata, "url", "last"), address)
        found |= dict.fromkeys(table.column("id").filter(pc.fill_null(is_it, False)).to_pylist())
    return list(found)


def letters_of(store: Store, ids: Collection[str]) -> Iterator[dict[str, Any]]:
    """The dead letters about documents, oldest first, without ``payload``.

    Each has the ``file`` that it is in, and whether it is ``open``.

    Raises:
        StoreError: a file is damaged.
    """
    still_open = {letter.key for letter in open_letters(store, ids)}
    needles = [id_.encode() for id_ in ids]
    for run_id, path in store.parts("dead-letters"):
        for line in files.read(path).splitlines():
            if any(needle in line for needle in needles):
                letter = orjson.loads(line)
                if letter["id"] in ids:
                    told = {name: letter[name] for name in _LETTER}
                    is_open = key_of(run_id, path, letter) in still_open
                    yield {**told, "file": path, "open": is_open}


def _opened(path: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(pa.BufferReader(files.read(path)) if files.is_remote(path) else path)
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from None


def _read(part: pq.ParquetFile, path: str, columns: list[str] | None = None) -> pa.Table:
    try:
        return part.read(columns=columns)
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: str, error: Exception) -> StoreError:
    return StoreError(f"{path} cannot be read: {error}; docsluice verify says what repairs it")
