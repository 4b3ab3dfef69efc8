"""Reads the files of a run for comparison: whole, but keeping few columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.store import Store
from pipelines.verify_problem import Problem, read_anew
from transforms import files
from transforms.document import SCHEMA, completed

STRINGS = pa.array([], pa.string())
"""No strings."""

_COMPARED = ("id", "content_hash", "run_id", "outcome", "duplicate_of", "row")


@dataclass(slots=True)
class Rows:
    """Columns of the documents, or of the ledger, of one run."""

    tables: list[pa.Table] = field(default_factory=list)

    def add(self, table: pa.Table, *names: str) -> None:
        """Take up some columns; the ids of runs repeat, and so take little room."""
        runs = table.column("run_id").dictionary_encode()
        self.tables.append(
            table.select(["id", "content_hash", *names]).append_column("run_id", runs)
        )

    def column(self, name: str) -> pa.ChunkedArray:
        """A column of all rows."""
        if not self.tables:
            return pa.chunked_array([STRINGS])
        return pa.concat_tables(self.tables).column(name)

    def beginning(
        self, digit: str, outcome: str | None = None
    ) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
        """Ids that begin with a digit, and with each its content hash and run, as one string.

        Args:
            digit: hexadecimal; a sixteenth of the rows at a time takes a sixteenth of the memory.
            outcome: only rows of this outcome.
        """
        ids = self.column("id")
        wanted = pc.starts_with(ids, digit)
        if outcome is not None:
            wanted = pc.and_(wanted, pc.equal(self.column("outcome"), outcome))
        hashes, runs = (self.column(name).filter(wanted) for name in ("content_hash", "run_id"))
        ids = ids.filter(wanted)
        return ids, pc.binary_join_element_wise(ids, hashes, runs.cast(pa.string()), " ")


def opened(
    store: Store, kind: str, schema: pa.Schema, run_id: str, problems: list[Problem]
) -> Iterator[tuple[str, pa.Table]]:
    """The Parquet parts of a run that can be read and have the schema."""
    for _, path in store.parts(kind, [run_id]):
        table = read_part(path, schema, read_anew(store.path, run_id), problems)
        if table is not None:
            yield path, table


def read_part(path: str, schema: pa.Schema, mend: str, problems: list[Problem]) -> pa.Table | None:
    """Read a file whole, a row group at a time; returns the columns that are to be compared."""
    compared = [name for name in _COMPARED if name in schema.names]
    tables = [schema.empty_table().select(compared)]
    try:
        file = pq.ParquetFile(pa.BufferReader(files.read(path)))
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, use_threads=False)
            table = completed(table) if schema is SCHEMA else table
            if {field.name: field.type for field in table.schema} != dict(_types(schema)):
                problems.append(Problem(path, "it has other columns", mend, is_fatal=True))
                return None
            tables.append(table.select(compared))
    except (pa.ArrowException, OSError) as error:
        problems.append(Problem(path, f"it cannot be read ({error})", mend, is_fatal=True))
        return None
    return pa.concat_tables(tables, promote_options="permissive")


def _types(schema: pa.Schema) -> Iterator[tuple[str, pa.DataType]]:
    return ((field.name, field.type) for field in schema)


def documents_in_words(ids: pa.Array | pa.ChunkedArray) -> str:
    """How many documents, and one of them."""
    return f"{len(ids):,} document(s), such as {ids[0]},"
