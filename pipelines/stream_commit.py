"""A window of a stream as a run: its staged files become files of the run, few and in order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.compact_rows import PART_BYTES, Part, write_tables
from pipelines.state import State
from pipelines.store import read_part
from pipelines.stream_flight import Pending
from transforms import files
from transforms.document import LEDGER_SCHEMA, Rejected
from transforms.index import Index
from transforms.letters import KIND as LETTERS
from transforms.read.slices import SourceFile
from transforms.run import Run

_LEDGER_ROWS = 50_000


class Staged:
    """What a session has staged of some orders.

    Args:
        run: the pseudo run of the session's staging area.
        ones: orders that are staged whole.
        stale: URIs of files whose rows do not count.
    """

    def __init__(self, run: Run, ones: Sequence[Pending], stale: Collection[str]) -> None:
        self._run = run
        self._parts = [part for one in ones for part in sorted(one.receipts)]
        self._stale = pa.array(sorted(stale), pa.string())

    def documents(self) -> Iterator[tuple[pa.Table, pa.Array, str]]:
        """The documents of each part that has any, which of them count, and the part's name."""
        there = set(files.names(self._run.directory("documents")))
        for part in self._parts:
            path = self._run.part("documents", part, ".parquet")
            if f"part-{part}.parquet" in there:
                table = read_part(path)
                yield table, self._counts(table), part

    def fingerprints(self, part: str) -> pa.Table | None:
        """The fingerprints of a part, if it has any."""
        if files.names(self._run.directory("fingerprints"), f"part-{part}.parquet"):
            return read_part(self._run.part("fingerprints", part, ".parquet"))
        return None

    def ledger(self) -> Iterator[pa.Table]:
        """The ledger rows that count, file by file."""
        for path in self._of_parts("ledger"):
            table = read_part(path)
            yield table.filter(self._counts(table))

    def letters(self) -> dict[str, list[Rejected]]:
        """The dead letters that count, by their stage."""
        found: dict[str, list[Rejected]] = defaultdict(list)
        stale = set(self._stale.to_pylist())
        for path in self._of_parts(LETTERS):
            for line in files.read(path).splitlines():
                letter = orjson.loads(line)
                if letter["source"].split("#", 1)[0] in stale:
                    continue
                found[letter["stage"]].append(
                    Rejected(
                        letter["id"],
                        letter["source"],
                        "",
                        "failed",
                        letter["error"],
                        letter["stage"],
                        letter["error_type"],
                        letter.get("payload"),
                    )
                )
        return found

    def _of_parts(self, kind: str) -> Iterator[str]:
        """Paths of the files of a kind, in the order of the parts."""
        by_part: dict[str, list[str]] = defaultdict(list)
        for name in files.names(self._run.directory(kind)):
            by_part["-".join(name.split("-")[1:3])].append(name)
        for part in self._parts:
            for name in by_part[part]:
                yield files.join(self._run.directory(kind), name)

    def _counts(self, table: pa.Table) -> pa.Array:
        uris = pc.replace_substring_regex(table.column("source"), "#.*", "")
        return pc.invert(pc.is_in(uris, self._stale)).combine_chunks()


class Window:
    """Staged orders as part of a run (``pipelines.single_run.Arrivals``)."""

    def __init__(self, staged: Staged, uris: frozenset[str], manifest: dict[str, Any]) -> None:
        self._staged = staged
        self.uris = uris
        self.manifest = manifest

    def write(self, run: Run) -> None:
        """Copy what is staged into files of the run, as rows of that run.

        Raises:
            StoreError: a staged file is damaged.
            OSError: a file cannot be written.
        """
        from transforms.letters import write_dead_letters

        part, number = Part(), 0
        for table, counts, name in self._staged.documents():
            kept = _of_run(table.filter(counts), run.run_id, "ingested_at", run.started_at)
            part.add(kept, self._staged.fingerprints(name), counts)
            if part.size >= PART_BYTES:
                part.write(run, f"{number:05d}-stream")
                part, number = Part(), number + 1
        part.write(run, f"{number:05d}-stream")
        for number, tables in enumerate(_lots(self._staged.ledger())):
            rows = pa.concat_tables(
                _of_run(one, run.run_id, "recorded_at", run.started_at) for one in tables
            ).sort_by([("source", "ascending"), ("id", "ascending")])
            path = run.part("ledger", f"{number:05d}-stream", ".parquet")
            write_tables(path, [rows], LEDGER_SCHEMA, _LEDGER_ROWS)
        for stage, failed in self._staged.letters().items():
            write_dead_letters(run, "00000-stream", stage, failed)


def window_of(
    run: Run, ones: Sequence[Pending], stale: Collection[str], opened: datetime, closed: datetime
) -> tuple[Window, tuple[SourceFile, ...]]:
    """Orders that are staged whole as a window, and their files that count.

    Args:
        run: the pseudo run of the staging area.
        ones: the orders, at least one.
        stale: URIs of files that another run has read since.
        opened: when the window was opened (UTC).
        closed: and closed.
    """
    manifest = {
        "first_order": ones[0].order.number,
        "last_order": ones[-1].order.number,
        "window_started_at": opened.isoformat(),
        "window_closed_at": closed.isoformat(),
    }
    counting = tuple(
        sorted(
            (file for one in ones for file in one.order.files if file.uri not in stale),
            key=lambda file: file.uri,
        )
    )
    uris = frozenset(file.uri for file in counting)
    return Window(Staged(run, ones, stale), uris, {"stream": manifest}), counting


def stale_files(state: State, ones: Iterable[Pending]) -> set[str]:
    """URIs of the files of orders that another run has read or deleted since."""
    known: dict[str, str | None] = {}
    for one in ones:
        known |= {file.uri: one.known.get(file.uri) for file in one.order.files}
    now = state.versions_of(known)
    return {uri for uri, version in known.items() if now.get(uri) != version}


def index_early(index: Index, staged: Staged) -> int:
    """Let searches find the documents of staged orders before their window closes.

    Only the documents themselves: how many duplicates each has is known with the run.

    Returns:
        The number of documents.

    Raises:
        SearchIndexError: the index cannot be written.
        StoreError: a staged file is damaged.
    """
    tables = [table.filter(counts) for table, counts, _ in staged.documents()]
    tables = [table for table in tables if table.num_rows]
    if tables:
        with index.begin(None) as transaction:
            for table in tables:
                transaction.upsert(table)
            transaction.prepare()
            transaction.commit()
    return sum(table.num_rows for table in tables)


def withdraw_stale(index: Index, state: State, staged: Staged) -> None:
    """Take out of the index what was found early, does not count, and no run has published.

    Raises:
        SearchIndexError: the index cannot be written.
        StoreError: a staged file is damaged.
    """
    for table, counts, _ in staged.documents():
        ids = table.filter(pc.invert(counts)).column("id").to_pylist()
        published = {row.id for row in state.documents(ids) if row.published_in is not None}
        if gone := set(ids) - published:
            with index.begin(None) as transaction:
                transaction.delete(gone)
                transaction.commit()


def _of_run(table: pa.Table, run_id: str, time: str, at: datetime) -> pa.Table:
    """Rows as rows of a run, written at its time."""
    values: Mapping[str, object] = {"run_id": run_id, time: at}
    for name, value in values.items():
        place = table.schema.get_field_index(name)
        field = table.schema.field(place)
        filled = pa.array([value] * table.num_rows, field.type)
        table = table.set_column(place, field, filled)
    return table


def _lots(tables: Iterable[pa.Table]) -> Iterator[list[pa.Table]]:
    """Tables in lots of about so many rows as a file of the ledger has."""
    lot: list[pa.Table] = []
    for table in tables:
        lot.append(table)
        if sum(one.num_rows for one in lot) >= _LEDGER_ROWS:
            yield lot
            lot = []
    if lot:
        yield lot
