"""Copies the rows of all runs of a store into the few files of one run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipelines.dead_letters import newest_letters
from pipelines.state import State
from pipelines.store import Store, StoreError, read_part
from transforms import files
from transforms.document import LEDGER_SCHEMA, SCHEMA, completed
from transforms.letters import INDEX
from transforms.published import FINGERPRINT_SCHEMA
from transforms.run import Run

_PART_BYTES = 32 * 1024 * 1024
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
class _Part:
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

    def write(self, run: Run, number: int) -> None:
        """Write both files, as far as there is anything in them."""
        part = f"{number:05d}-000"
        if self.rows:
            groups = max(1, self.rows * _GROUP_BYTES // max(self.size, 1))
            _write(run.part("documents", part, ".parquet"), self.documents, SCHEMA, groups)
        if sum(table.num_rows for table in self.fingerprints):
            path = run.part("fingerprints", part, ".parquet")
            _write(path, self.fingerprints, FINGERPRINT_SCHEMA, self.rows)


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
    part, number = _Part(), 0
    fingerprints = {path for _, path in store.parts("fingerprints")}
    for run_id, path in store.parts("documents"):
        table = completed(read_part(path)).select(SCHEMA.names)
        ids = table.column("id").to_pylist()
        stays = pa.array(state.standing(ids, [run_id] * len(ids)), pa.bool_())
        beside = path.replace("/documents/", "/fingerprints/")
        known = read_part(beside) if beside in fingerprints else None
        kept = table.filter(stays)
        added = part.add(kept, known, stays)
        copied.documents += kept.num_rows
        copied.dropped += table.num_rows - kept.num_rows
        copied.without_fingerprint += kept.column("duplicate_of").null_count - added
        copied.languages.update(kept.column("language").to_pylist())
        if part.size >= _PART_BYTES:
            part.write(run, number)
            part, number = _Part(), number + 1
    part.write(run, number)
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
        _write(path, tables, LEDGER_SCHEMA, _LEDGER_ROWS)
        for table in tables:
            outcomes.update(table.column("outcome").to_pylist())
    return outcomes


def copy_letters(store: Store, run: Run, state: State) -> None:
    """Copy the dead letters that are open: of the newest failure of what has not gone well since.

    Documents that the index has refused have letters of their own, which stay as long as the
    version that it refused is published and no replay has settled them.
    """
    newest: dict[str, str] = {}
    for run_id, path, line in _letters(store):
        if not path.endswith(_REFUSED):
            newest[_id_of(path, line)] = run_id
    is_open = {row.id for row in state.documents(newest) if row.outcome == "failed"}
    failed = (
        line
        for run_id, path, line in _letters(store)
        if not path.endswith(_REFUSED)
        and (id_ := _id_of(path, line)) in is_open
        and newest[id_] == run_id
    )
    unsettled = {one.key for one in newest_letters(store) if one.is_open and one.stage == INDEX}
    refused = (
        line
        for run_id, path, line in _letters(store)
        if path.endswith(_REFUSED)
        and (id_ := _id_of(path, line))
        and (run_id, id_, INDEX, orjson.loads(line)["recorded_at"]) in unsettled
        and state.standing([id_], [run_id]) == [True]
    )
    _write_lines(run.part("dead-letters", "00000-000", "-open.jsonl"), failed)
    _write_lines(run.part("dead-letters", "00000-000", _REFUSED), refused)


def _letters(store: Store) -> Iterator[tuple[str, str, bytes]]:
    """Run, file and line of each dead letter, oldest first."""
    for run_id, path in store.parts("dead-letters"):
        for line in files.read(path).splitlines():
            if line:
                yield run_id, path, line


def _id_of(path: str, line: bytes) -> str:
    try:
        return str(orjson.loads(line)["id"])
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise StoreError(f"{path} has a line that is no dead letter ({error})") from None


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


def _write(path: str, tables: list[pa.Table], schema: pa.Schema, group_rows: int) -> None:
    table = pa.concat_tables([one.cast(schema) for one in tables])
    with files.writing(path) as file:
        pq.write_table(
            table,
            file,
            compression="zstd",
            row_group_size=max(1, group_rows),
            write_page_index=True,
        )


def _write_lines(path: str, lines: Iterator[bytes]) -> None:
    """Write lines to a file; none is written where there is no line."""
    first = next(lines, None)
    if first is not None:
        with files.writing(path) as file:
            file.writelines(line + b"\n" for line in chain([first], lines))
