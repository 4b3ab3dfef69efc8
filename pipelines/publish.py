"""Fills the index from the files of runs: after each run, or anew from all of them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager

import pyarrow as pa

from pipelines.settings import ConfigurationError, Settings
from pipelines.state import State, past_state
from pipelines.store import Store
from transforms import files
from transforms.index import Index, SearchIndexError, Transaction
from transforms.sqlite import SqliteIndex

log = logging.getLogger(__name__)

REPLAY = "replay-"
"""With this begin the names of what a replay sends to the index; no run of the store has one."""


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
        from pipelines.elasticsearch import Failures, open_elasticsearch

        failures = Failures(store)
        with open_elasticsearch(settings, failures) as server:
            try:
                server.recover()
                yield server
            finally:
                failures.write()
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


def keep_activity(settings: Settings, refused: int) -> None:
    """Bring the server's index of runs and dead letters up to date, at the end of a command.

    Args:
        settings: where the store and the server are; with another index nothing is done.
        refused: how many documents the server has refused: runs may have new dead letters.
    """
    if settings.index == "elasticsearch":
        from pipelines.activity import record_activity

        record_activity(settings, Store(settings.store), anew=refused > 0)


def place(settings: Settings) -> str:
    """Where the index is, in words."""
    if settings.index == "elasticsearch":
        from pipelines.elasticsearch import elasticsearch_config

        return f"{settings.elasticsearch.index} at {elasticsearch_config(settings).where}"
    return str(Store(settings.store).index_path)


def publish_run(store: Store, state: State, run_id: str, transaction: Transaction) -> None:
    """Put into a transaction what a run changed: its documents, and those no longer published.

    Args:
        store: the store.
        state: its state as of before the run.
        run_id: the run.
        transaction: what the changes are put into.
    """
    if "replaces" in store.manifests.get(run_id, ()):
        _publish_compacted(store, run_id, transaction)
        return
    told: dict[str, int] = {}
    for table in store.tables("documents", run_ids=[run_id]):
        ids, counts = table.column("id").to_pylist(), table.column("duplicate_count").to_pylist()
        told |= dict(zip(ids, counts, strict=True))
        transaction.upsert(table)
    now = _canonicals(store, run_id, told)
    transaction.delete(now.keys() - told.keys())
    members = state.member_counts(told)
    changes = Counter({id_: members.get(id_, 0) - count for id_, count in told.items()})
    before = {row.id: row.duplicate_of for row in state.documents(now)}
    for id_, canonical in now.items():
        if canonical != before.get(id_):
            changes[canonical or ""] += 1
            changes[before.get(id_) or ""] -= 1
    transaction.add_duplicates({id_: count for id_, count in changes.items() if id_ and count})


def _publish_compacted(store: Store, run_id: str, transaction: Transaction) -> None:
    """Put into a transaction all that is published as of a compacted run, the oldest there is."""
    with past_state(store, [run_id]) as state:
        for table in store.tables("ledger", ["id"], [run_id]):
            ids = table.column("id").unique().to_pylist()
            stands = state.standing(ids, [run_id] * len(ids))
            transaction.delete(id_ for id_, one in zip(ids, stands, strict=True) if not one)
        for table in store.tables("documents", run_ids=[run_id]):
            ids = table.column("id").to_pylist()
            members = state.member_counts(ids)
            counts = pa.array([members.get(id_, 0) for id_ in ids], pa.int32())
            place = table.schema.get_field_index("duplicate_count")
            transaction.upsert(table.set_column(place, table.schema.field(place), counts))


def _canonicals(store: Store, run_id: str, published: Container[str]) -> dict[str, str | None]:
    """What each document of a run is a duplicate of, by its id, without those that failed.

    Of what failed the version published before stays, and with it what it was a duplicate of.
    """
    canonicals: dict[str, str | None] = {}
    for table in store.tables("ledger", ["id", "outcome", "duplicate_of"], [run_id]):
        for row in table.to_pylist():
            id_, outcome = row["id"], row["outcome"]
            # of a repeated id, the record that was kept is what the id stands for
            if outcome == "kept" or (outcome != "failed" and id_ not in published):
                canonicals[id_] = row["duplicate_of"] or canonicals.get(id_)
    return canonicals


def beyond(store: Store, applied: Iterable[str]) -> set[str]:
    """Runs of an index that no manifest names: it was moved away, or they are another store's.

    Those that a compacted run has replaced are none of them, nor are replays of dead letters.
    """
    applied = {name for name in applied if not name.startswith(REPLAY)}
    replaced = [run_id for run_id, one in store.manifests.items() if "replaces" in one]
    unknown = set(applied) - set(store.written)
    return {run_id for run_id in unknown if not replaced or run_id > replaced[-1]}


def catch_up(store: Store, index: Index) -> list[str]:
    """Apply the committed runs that the index does not have; returns their ids.

    An index that is ``beyond`` the store is filled anew.

    Raises:
        SearchIndexError: the index cannot be written, or it is another store's.
    """
    applied = index.runs()
    if unknown := beyond(store, applied):
        if not isinstance(index, SqliteIndex) and not applied & store.written.keys():
            raise SearchIndexError(
                f"the index has run {max(unknown)}, and none of {store.path}: it is another "
                "store's. Give this one an index of its own (elasticsearch.index), or let it take "
                "over the name: docsluice run --index none, then docsluice reindex"
            )
        log.warning(
            "the index has run %s, which no manifest names; it is filled anew", max(unknown)
        )
        rebuild(store, index)
        return list(store.manifests)
    missing = [run_id for run_id in store.manifests if run_id not in applied]
    if not missing:
        return []
    runs = list(store.manifests)
    first = runs.index(missing[0])
    with past_state(store, runs[:first]) as state:
        for run_id in runs[first:]:
            if run_id not in applied:
                log.info("indexing run %s, which the index does not have", run_id)
                with index.begin(run_id) as transaction:
                    publish_run(store, state, run_id, transaction)
                    transaction.commit()
            state.apply(store, run_id)
    return missing


def rebuild(store: Store, index: Index) -> int:
    """Fill the index anew from the store's files alone; returns the number of documents in it.

    Readers see the old documents until all the new ones are in.
    """
    with index.rebuild(list(store.manifests)) as transaction, past_state(store, []) as state:
        for run_id in store.manifests:
            publish_run(store, state, run_id, transaction)
            state.apply(store, run_id)
        transaction.prepare()
        transaction.commit()
    return index.count()
