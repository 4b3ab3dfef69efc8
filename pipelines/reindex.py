"""``docsluice reindex``: a new index from Parquet, whatever became of the old one."""

from __future__ import annotations

import orjson
import typer

from pipelines.console import count
from pipelines.lock import writer_lock
from pipelines.publish import keep_activity, open_index, place, rebuild
from pipelines.replay_index import refused_before, settle_unless_newer
from pipelines.settings import ConfigurationError, Settings
from pipelines.store import Store, StoreError


def reindex(settings: Settings, as_json: bool, prune: bool = False) -> None:
    """Build the index anew and say how many documents are in it.

    A server keeps the old index, unless ``prune``: then all old ones are deleted.

    Raises:
        ConfigurationError: the settings name no index.
        StoreError: there is no run in the store.
        StoreBusyError: a run is writing to the store.
        SearchIndexError: the index cannot be written.
    """
    store = Store(settings.store)
    if not store.manifests:
        raise StoreError(f"there is no run in {store.path}; docsluice run makes one")
    with writer_lock(store.path):
        refused = refused_before(store)
        with open_index(settings) as index:
            if index is None:
                raise ConfigurationError(
                    "the settings name no index: set index to sqlite or elasticsearch"
                )
            documents = rebuild(store, index)
            old = index.prune() if prune else []
            rejected = index.refused
        settle_unless_newer(store, refused, "the index was built anew")
        keep_activity(settings, rejected)
    if as_json:
        done = {"documents": documents, "runs": len(store.manifests)}
        typer.echo(orjson.dumps(done | ({"pruned": old} if prune else {})).decode())
        return
    documents_, runs = count(documents, "document"), count(len(store.manifests), "run")
    typer.echo(f"{documents_} of {runs} in {place(settings)}")
    for name in old:
        typer.echo(f"deleted {name}")
