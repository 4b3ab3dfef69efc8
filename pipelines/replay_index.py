"""Published documents that the index refused, sent to it again."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dead_letters import Letter, newest_letters, open_letters, settle
from pipelines.publish import REPLAY
from pipelines.store import Store
from transforms.index import Index
from transforms.letters import INDEX


def refused_before(store: Store) -> list[Letter]:
    """The open letters on documents that the index refused.

    Raises:
        StoreError: a file of the store is damaged.
    """
    return [one for one in open_letters(store) if one.stage == INDEX]


def settle_unless_newer(store: Store, letters: Iterable[Letter], what: str) -> None:
    """Record that ``what`` settled those letters whose document has not failed anew since.

    Call it after the index is closed: only then are its new letters written.

    Raises:
        StoreError: a file of the store is damaged.
        OSError: the record cannot be written.
    """
    letters = list(letters)
    newest = {one.subject: one for one in newest_letters(store)} if letters else {}
    settle(store, [one for one in letters if newest[one.subject] == one], what)


def send_again(
    store: Store, index: Index, letters: list[Letter]
) -> tuple[list[Letter], list[Letter]]:
    """Send the documents of letters to the index, from the Parquet files of their runs.

    The store gets no run of it: the documents are published there already. The index notes the
    transaction under a name that no run has. A process that dies before the letters are settled
    leaves them open, and to send the same documents again is harmless.

    Returns:
        The letters whose documents were sent, and those whose documents are not there.

    Raises:
        SearchIndexError: the index cannot be written.
    """
    of_run: dict[str, list[Letter]] = defaultdict(list)
    for letter in letters:
        of_run[letter.run_id].append(letter)
    sent: set[str] = set()
    with index.begin(f"{REPLAY}{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}") as transaction:
        for run_id, of_it in sorted(of_run.items()):
            wanted = pa.array([letter.id for letter in of_it], pa.string())
            for table in store.tables("documents", run_ids=[run_id]):
                found = table.filter(pc.is_in(table.column("id"), wanted))
                if found.num_rows:
                    transaction.upsert(found)
                    sent.update(found.column("id").to_pylist())
        transaction.add_duplicates(_duplicates_since(store, of_run))
        transaction.prepare()
        transaction.commit()
    return (
        [letter for letter in letters if letter.id in sent],
        [letter for letter in letters if letter.id not in sent],
    )


def _duplicates_since(store: Store, of_run: dict[str, list[Letter]]) -> Counter[str]:
    """How many duplicates of each document were found by runs after that which published it."""
    published_by = {letter.id: run_id for run_id, of_it in of_run.items() for letter in of_it}
    wanted = pa.array(list(published_by), pa.string())
    duplicates: Counter[str] = Counter()
    for run_id in store.manifests:
        if run_id <= min(of_run):
            continue
        for table in store.tables("ledger", ["duplicate_of"], [run_id]):
            column = table.column("duplicate_of")
            for id_ in column.filter(pc.is_in(column, wanted)).to_pylist():
                duplicates[id_] += run_id > published_by[id_]
    return Counter({id_: number for id_, number in duplicates.items() if number})
