"""Whether documents are in the index that the settings name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pipelines.settings import ConfigurationError, Settings
from pipelines.store import Store
from transforms import files
from transforms.index import Index, SearchIndexError

_PATIENCE = 5.0
"""Seconds to wait for a server: the index is only one fact of many."""


def index_state(
    store: Store, settings: Settings, published: Mapping[str, str | None]
) -> dict[str, dict[str, Any]]:
    """The state of each document in the index.

    Args:
        store: the store.
        settings: name the index.
        published: the run whose version of a document is published, or None, by the id.

    Returns:
        By id: ``state`` is ``yes`` (the published version is in it), ``older`` (another version
        is), ``no``, ``none`` (there is no index) or ``unreachable``; ``run_id`` is the run whose
        version is in it, ``expected`` says whether the state is as it should be, ``place`` is where
        the index is, and ``error`` says why it cannot be reached.
    """
    where, found, error = "", None, ""
    if settings.index != "none":
        from pipelines.publish import place

        where = place(settings)
        try:
            with index_to_read(store, settings) as index:
                found = None if index is None else index.versions(published)
        except (SearchIndexError, ConfigurationError, OSError) as problem:
            error = str(problem)
    return {
        id_: {"place": where, **_state(found, error, id_, run_id)}
        for id_, run_id in published.items()
    }


def _state(
    found: Mapping[str, str] | None, error: str, id_: str, published: str | None
) -> dict[str, Any]:
    if found is None:
        state = "unreachable" if error else "none"
        return {"state": state, "run_id": None, "expected": None, "error": error}
    run_id = found.get(id_)
    state = "no" if run_id is None else "yes" if run_id == published else "older"
    return {"state": state, "run_id": run_id, "expected": run_id == published, "error": ""}


@contextmanager
def index_to_read(store: Store, settings: Settings) -> Iterator[Index | None]:
    """The index that the settings name, or None where there is none; a server has to answer soon.

    Raises:
        ConfigurationError: settings of a server that contradict each other.
        SearchIndexError: a server that cannot be used.
    """
    if settings.index == "elasticsearch":
        from pipelines.elasticsearch import open_elasticsearch

        server = settings.elasticsearch.model_copy(update={"timeout_seconds": _PATIENCE})
        with open_elasticsearch(settings.model_copy(update={"elasticsearch": server})) as index:
            yield index
    elif settings.index == "none" or files.is_remote(store.path) or not store.index_path.exists():
        yield None
    else:
        from transforms.sqlite import SqliteIndex

        with SqliteIndex(store.index_path) as embedded:
            yield embedded
