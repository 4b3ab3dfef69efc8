"""Fills the index from the files of runs: after each run, or anew from all of them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.settings import ConfigurationError, Settings
from pipelines.store import Store
from transforms import files
from transforms.index import Index, Transaction
from transforms.sqlite import SqliteIndex

log = logging.getLogger(__name__)


@contextmanager
def open_index(settings: Settings) -> Iterator[Index | None]:
    """The index that the settings name, if any, to be written to by this process alone.

    Documents that it refuses for good become dead letters of their runs.

    Raises:
        ConfigurationError: an embedded index in a store that is no local directory, or settings
            of a server that contradict each other.
        SearchIndexError: a server that cannot be used.
    """
    if settings.index == "none":
        yield None
        return
    store = Store(settings.store)
    if settings.index == "elasticsearch":
        from pipelines.activity import record_activity
        from pipelines.elasticsearch import Failures, open_elasticsearch

        failures = Failures(store)
        with open_elasticsearch(settings, failures) as server:
            try:
                server.recover()
                yield server
            finally:
                failures.write()
        record_activity(settings, store, anew=server.refused > 0)
        return
    if files.is_remote(store.path):
        raise ConfigurationError(
            f"the embedded index needs a store on a local disk, not {store.path}: "
            "use --index none there"
        )
    index = SqliteIndex(store.index_path)
    try:
        yield index
    finally:
        index.close()


def place(settings: Settings) -> str:
    """Where the index is, in words."""
    if settings.index == "elasticsearch":
        from pipelines.elasticsearch import elasticsearch_config

        return f"{settings.elasticsearch.index} at {elasticsearch_config(settings).where}"
    return str(Store(settings.store).index_path)


def publish_run(store: Store, run_id: str, transaction: Transaction) -> None:
    """Put into a transaction what a run changed: its documents, and those no longer published."""
    published: set[str] = set()
    for table in store.tables("documents", run_ids=[run_id]):
        published.update(table.column("id").to_pylist())
        transaction.upsert(table)
    gone: set[str] = set()
    duplicates: Counter[str] = Counter()
    for table in store.tables("ledger", ["id", "outcome", "duplicate_of"], [run_id]):
        for row in table.to_pylist():
            if row["outcome"] in ("duplicate", "rejected", "deleted"):
                gone.add(row["id"])  # of what failed, the version published before stays
            if row["duplicate_of"] is not None:
                duplicates[row["duplicate_of"]] += 1
    transaction.delete(gone - published)
    transaction.add_duplicates(
        {id_: count for id_, count in duplicates.items() if id_ not in published}
    )


def catch_up(store: Store, index: Index) -> list[str]:
    """Apply the committed runs that the index does not have; returns their ids."""
    applied = index.runs()
    missing = [run_id for run_id in store.manifests if run_id not in applied]
    for run_id in missing:
        log.info("indexing run %s, which the index does not have", run_id)
        with index.begin(run_id) as transaction:
            publish_run(store, run_id, transaction)
            transaction.commit()
    return missing


def rebuild(store: Store, index: Index) -> int:
    """Fill the index anew from the store's files alone; returns the number of documents in it.

    Readers see the old documents until all the new ones are in.
    """
    with index.rebuild(list(store.manifests)) as transaction:
        for run_id in store.manifests:
            publish_run(store, run_id, transaction)
        transaction.prepare()
        transaction.commit()
    return index.count()
