"""Copies the rows of all runs of a store into the few files of one run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipelines.dead_letters import key_of, open_letters
from pipelines.state import State
from pipelines.store import Store, read_part
from transforms import files
from transforms.document import LEDGER_SCHEMA, SCHEMA, completed
from transforms.letters import INDEX
from transforms.published import FINGERPRINT_SCHEMA
from transforms.run import Run, beside

PART_BYTES = 32 * 1024 * 1024
_GROUP_BYTES = 8 * 1024 * 1024
"""Of documents, uncompressed, in a file and in a row group of it: so much is read for one row."""

_LEDGER_ROWS = 50_000
_REFUSED = f"-{INDEX}.jsonl"


@dataclass(slots=True)
class Copied:
    """What became of documents; ``dropped`` versions do not stand any more."""

    documents: int = 0
    dropped: int = 0
    without_fingerprint: int = 0
    languages: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Part:
    """A file of documents that is being put together, and the fingerprints of them."""

    documents: list[pa.Table] = field(default_factory=list)
    fingerprints: list[pa.Table] = field(default_factory=list)
    rows: int = 0
    size: int = 0

    def add(self, kept: pa.Table, fingerprints: pa.Table | None, stays: pa.Array) -> int:
        """Take up documents, and their fingerprints with their new rows.

        Args:
            kept: the documents of a part that stay.
            fingerprints: those of the whole part, if there are any.
            stays: which documents of the whole part stay.

        Returns:
            The number of fingerprints taken up.
        """
        added = 0
        if fingerprints is not None:
            place: NDArray[np.int64] = np.cumsum(stays.to_numpy(zero_copy_only=False)) - 1
            of = fingerprints.column("row").to_numpy()
            standing = stays.take(pa.array(of))
            moved = pa.array(place[of] + self.rows, pa.int32())
            placed = fingerprints.set_column(0, FINGERPRINT_SCHEMA.field("row"), moved)
            self.fingerprints.append(placed.filter(standing))
            added = self.fingerprints[-1].num_rows
        self.documents.append(kept)
        self.rows += kept.num_rows
        self.size += kept.nbytes
        return added

    def write(self, run: Run, part: str) -> None:
        """Write both files, as far as there is anything in them."""
        if self.rows:
            groups = max(1, self.rows * _GROUP_BYTES // max(self.size, 1))
            write_tables(run.part("documents", part, ".parquet"), self.documents, SCHEMA, groups)
        if sum(table.num_rows for table in self.fingerprints):
            path = run.part("fingerprints", part, ".parquet")
            write_tables(path, self.fingerprints, FINGERPRINT_SCHEMA, self.rows)


def copy_documents(store: Store, run: Run, state: State) -> Copied:
    """Copy the documents that are published, and their fingerprints.

    Args:
        store: the store.
        run: what they are copied to.
        state: says which documents are published.

    Raises:
        StoreError: a file is damaged.
        OSError: a file cannot be written.
    """
    copied = Copied()
    part, number = Part(), 0
    fingerprints = {path for _, path in store.parts("fingerprints")}
    for run_id, path in store.parts("documents"):
        table = completed(read_part(path)).select(SCHEMA.names)
        ids = table.column("id").to_pylist()
        stays = pa.array(state.standing(ids, [run_id] * len(ids)), pa.bool_())
        other = beside(path, "fingerprints")
        known = read_part(other) if other in fingerprints else None
        kept = table.filter(stays)
        added = part.add(kept, known, stays)
        copied.documents += kept.num_rows
        copied.dropped += table.num_rows - kept.num_rows
        copied.without_fingerprint += kept.column("duplicate_of").null_count - added
        copied.languages.update(kept.column("language").to_pylist())
        if part.size >= PART_BYTES:
            part.write(run, f"{number:05d}-000")
            part, number = Part(), number + 1
    part.write(run, f"{number:05d}-000")
    return copied


def copy_ledger(store: Store, run: Run) -> Counter[str]:
    """Copy all rows of the ledger, those of each run together, in the order of runs.

    Returns:
        The number of rows of each outcome.

    Raises:
        StoreError: a file is damaged.
        OSError: a file cannot be written.
    """
    outcomes: Counter[str] = Counter()
    for number, tables in enumerate(_lots(store.tables("ledger"), _LEDGER_ROWS)):
        path = run.part("ledger", f"{number:05d}-000", "-compacted.parquet")
        write_tables(path, tables, LEDGER_SCHEMA, _LEDGER_ROWS)
        for table in tables:
            outcomes.update(table.column("outcome").to_pylist())
    return outcomes


def copy_letters(store: Store, run: Run, state: State) -> int:
    """Copy the dead letters that are open; those that the index wrote stay in a file of their own.

    Returns:
        How many documents are ``failed`` that have no open letter any more: a replay has settled
        it, or their file had changed and has them no more.

    Raises:
        StoreError: a file is damaged.
        OSError: a file cannot be written.
    """
    keys = {letter.key for letter in open_letters(store)}
    seen: set[str] = set()
    lines: dict[bool, list[bytes]] = {True: [], False: []}
    for run_id, path in store.parts("dead-letters"):
        for line in files.read(path).splitlines():
            if line:
                letter = orjson.loads(line)
                seen.add(letter["id"])
                if (key := key_of(run_id, path, letter)) in keys:
                    stage = key[2]
                    lines[stage == INDEX].append(orjson.dumps({**letter, "stage": stage}))
    for of_index, name in ((False, "-open.jsonl"), (True, _REFUSED)):
        if lines[of_index]:
            path = run.part("dead-letters", "00000-000", name)
            files.write(path, b"\n".join(lines[of_index]) + b"\n")
    with_letter = {id_ for _, id_, stage, _ in keys if stage != INDEX}
    failed = {row.id for row in state.documents(seen) if row.outcome == "failed"}
    return len(failed - with_letter)


def _lots(tables: Iterable[pa.Table], rows: int) -> Iterator[list[pa.Table]]:
    """Tables in lots of about so many rows."""
    lot: list[pa.Table] = []
    room = rows
    for table in tables:
        lot.append(table)
        room -= table.num_rows
        if room <= 0:
            yield lot
            lot, room = [], rows
    if lot:
        yield lot


def write_tables(path: str, tables: list[pa.Table], schema: pa.Schema, group_rows: int) -> None:
    """Write tables as one Parquet file.

    Raises:
        OSError: the file cannot be written.
    """
    table = pa.concat_tables([one.cast(schema) for one in tables])
    with files.writing(path) as file:
        pq.write_table(
            table,
            file,
            compression="zstd",
            row_group_size=max(1, group_rows),
            write_page_index=True,
        )
