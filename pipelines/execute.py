"""Ingestion from beginning to end: list the sources, compare with the ledger, run what is new."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from pipelines.lock import writer_lock
from pipelines.publish import catch_up, open_index
from pipelines.settings import ConfigurationError, Settings
from pipelines.single_run import Follow, Summary, Work, run_once
from pipelines.state import seen_versions
from pipelines.store import Store
from transforms.read.listing import list_sources

log = logging.getLogger(__name__)

FEW_FILES = 20
"""Up to as many files, a summary names each."""


def execute(settings: Settings, follow: Follow) -> Summary:
    """Ingest what is new or changed under the sources into the store.

    Raises:
        ConfigurationError: no sources, or settings that contradict each other.
        ModelNotInstalled: a configured model that is not there.
        SourceError: a source that does not exist.
        StoreError: a store that cannot be used; ``StoreNotWritableError`` one that never can.
        StoreBusyError: another run is writing to the store.
        SearchIndexError: an index that cannot be used.
        RunFailedError: the run failed; the store is as it was.
    """
    started = time.monotonic()
    if not settings.sources:
        raise ConfigurationError("name at least one source: a file, directory, glob or URI")
    check_entity_models(settings)
    listing = list_sources(settings.sources, settings.include, settings.exclude)
    store = Store(settings.store)
    store.create()
    with writer_lock(settings.store), open_index(settings) as index:
        for run_id in store.discard_uncommitted():
            log.warning("discarded run %s, which was not committed", run_id)
        if index is not None:
            catch_up(store, index)
        seen = {} if settings.reprocess else seen_versions(store)
        found = [file for file in listing.files if not store.holds(file.path)]
        new = tuple(file for file in found if seen.get(file.uri) != file.version)
        # What could not be looked at before and still cannot is no news.
        problems = tuple(
            row for row in listing.problems if row.source_version != seen.get(row.source)
        )
        work = Work(new, problems, unchanged=len(found) - len(new))
        summary = Summary(None, work.unchanged)
        if new or problems:
            summary = run_once(settings, store, index, work, follow)
        return replace(
            summary,
            seconds=time.monotonic() - started,
            still_failed=len(listing.problems) - len(problems),
            files=tuple(file.uri for file in found) if len(found) <= FEW_FILES else (),
            unindexed=index.refused if index else 0,
        )


def check_entity_models(settings: Settings) -> None:
    """Make sure, before any work, that the models that the settings name are there.

    Raises:
        ModelNotInstalled: one is not.
    """
    if settings.entities and settings.models:
        from transforms.entity_models import EntityConfig, check_models

        check_models(EntityConfig(settings.models))
