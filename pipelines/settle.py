"""What a run says of documents that it looked for and did not find."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pipelines.batches import Work
from pipelines.state import DocumentRow, file_of
from pipelines.store import Store
from transforms.document import Rejected
from transforms.run import Run

if TYPE_CHECKING:
    from transforms.ledger import LedgerRow

SOURCE_GONE = "source is gone"
RECORD_GONE = "record is gone"
NOT_FOUND = "its canonical is gone, and it cannot be read from its source"
_PART, _STAGE = "00000-000", "settle"


def settle(store: Store, run: Run, work: Work, known: Iterable[DocumentRow]) -> None:
    """Write ledger rows for the known documents of the run's files that it has not come across.

    A record that a file no longer has is deleted, unless something of that file could not be
    read. A duplicate that was to be read again for want of its canonical, and was not found, has
    failed: it stays what it is until its file is read whole.

    Args:
        store: the store.
        run: the run, whose graph is done.
        work: what it had to do, its files with all those that it has read.
        known: the documents that the run read again or deletes, as they were before.
    """
    from transforms.ledger import rejected_row, write_ledger
    from transforms.letters import write_dead_letters

    files = {file.uri: file for file in work.files}
    gone = set(work.gone)
    seen, broken = _accounted(store, run)
    rows, failed = [], []
    for row in known:
        if row.uri in gone:
            rows.append(_deleted(row, "", SOURCE_GONE))
        elif row.id in seen:
            continue
        elif files[row.uri].only is not None:
            failed.append(
                Rejected(row.id, row.source, "", "failed", NOT_FOUND, "read", "LookupError")
            )
        elif row.uri not in broken:
            rows.append(_deleted(row, files[row.uri].version, RECORD_GONE))
    rows += map(rejected_row, failed)
    if rows:
        write_ledger(run, _PART, _STAGE, tuple(rows))
    if failed:
        write_dead_letters(run, _PART, _STAGE, tuple(failed))


def _accounted(store: Store, run: Run) -> tuple[set[str], set[str]]:
    """Ids in the ledger of a run, and URIs of the files in which something could not be read."""
    seen: set[str] = set()
    broken: set[str] = set()
    for table in store.tables("ledger", ["id", "source", "outcome", "reason"], [run.run_id]):
        seen.update(table.column("id").to_pylist())
        for row in table.drop_columns(["id"]).to_pylist():
            if row["outcome"] == "failed" and row["reason"].startswith("read: "):
                broken.add(file_of(row["source"]))
    return seen, broken


def _deleted(row: DocumentRow, version: str, reason: str) -> LedgerRow:
    from transforms.ledger import LedgerRow  # brings Beam with it

    return LedgerRow(row.id, row.source, version, "deleted", reason, content_hash=row.content_hash)
