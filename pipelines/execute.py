"""Ingestion from beginning to end: list the sources, compare with the state, run what is to do."""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import get_args

from pipelines.batches import Work, cut
from pipelines.child import ChildLostError, in_child
from pipelines.console import count
from pipelines.direct import CAN_FORK
from pipelines.lock import writer_lock
from pipelines.missed import correct_missed
from pipelines.publish import catch_up, keep_activity, open_index
from pipelines.published import catch_up as cover
from pipelines.published import is_behind
from pipelines.runners import prepare
from pipelines.selection import Selection, select, survey_sources
from pipelines.settings import ConfigurationError, Settings
from pipelines.single_run import Follow, RunFailedError, Summary, run_once
from pipelines.state import open_state, state_file
from pipelines.store import Store, StoreNotWritableError
from transforms import files
from transforms.document import OutcomeName
from transforms.read.survey import Survey

log = logging.getLogger(__name__)

FEW_FILES = 20
"""Up to as many files, a summary names each."""

Announce = Callable[[str], None]
"""Told which batch begins, in words; only where there are several."""


def execute(
    settings: Settings, follow: Follow, announce: Announce = lambda _batch: None
) -> Summary:
    """Ingest what is new or changed under the sources into the store, and delete what is gone.

    Before that, duplicates are corrected that streams have published since the last time.

    Raises:
        ConfigurationError: no sources, or settings that contradict each other.
        ModelNotInstalled: a configured model that is not there.
        SourceError: a source that does not exist.
        StoreError: a store that cannot be used; ``StoreNotWritableError`` one that never can.
        StoreBusyError: another run is writing to the store.
        SearchIndexError: an index that cannot be used.
        RunFailedError: a run failed; the runs before it are committed, nothing of it is.
    """
    started = time.monotonic()
    check(settings)
    store = Store(settings.store)
    runs = _committed(store)
    found = survey_known(settings, store)
    store.create()
    with writer_lock(settings.store, patience(settings)), state_file(store) as path:
        if _committed(store) != runs:  # what another run has read since would seem to be gone
            found = survey_known(settings, store)
        discard(store)
        with open_index(settings) as index:
            if index is not None:
                catch_up(store, index)
            unindexed = index.refused if index else 0
        corrected = correct_missed(settings, store, path, follow)
        with open_state(store, path) as state:
            selection = select(settings, state, found)
            works = cut(selection, state, found, settings.batch_bytes)
            if not works and is_behind(store):  # a run would do it itself
                cover(store, state)
        warn_of_guard(settings, selection)
        summaries = [corrected] if corrected else []
        summaries += run_all(settings, store, path, works, follow, announce)
        if summaries:
            works = work_on_orphans(store, path, found, settings.batch_bytes)
            summaries += run_all(settings, store, path, works, follow, announce)
        total = _total(selection, summaries)
        unindexed += total.unindexed
        keep_activity(settings, unindexed)
        return replace(
            total,
            seconds=time.monotonic() - started,
            files=tuple(f.uri for f in found.files) if len(found.files) <= FEW_FILES else (),
            unindexed=unindexed,
        )


def check(settings: Settings) -> None:
    """Make sure, before any work, that there are sources and the models that the settings name.

    Raises:
        ConfigurationError: there are no sources.
        ModelNotInstalled: a model is not there.
    """
    if not settings.sources:
        raise ConfigurationError("name at least one source: a file, directory, glob or URI")
    check_entity_models(settings)


def check_entity_models(settings: Settings) -> None:
    """Make sure, before any work, that the models that the settings name are there.

    Raises:
        ModelNotInstalled: a model is not there.
    """
    if settings.entities and settings.models:
        from transforms.entity_models import EntityConfig, check_models

        check_models(EntityConfig(settings.models))


def patience(settings: Settings) -> float:
    """Seconds to wait for another run on the store."""
    if settings.wait_seconds is not None:
        return settings.wait_seconds
    return math.inf if settings.wait else 0.0


def survey_known(settings: Settings, store: Store) -> Survey:
    """What is found under the sources.

    Raises:
        SourceError: a source cannot be listed, and there is no store yet that could know of it.
    """
    found = survey_sources(settings)
    if found.unlisted and not files.is_remote(store.path) and not _committed(store):
        raise found.unlisted[0].error
    return found


def _committed(store: Store) -> list[str]:
    """Names of the manifests of a local store, which may not be there yet."""
    if files.is_remote(store.path):
        return []
    try:
        return files.names(str(Path(store.path, "runs")))
    except OSError as error:
        raise StoreNotWritableError(
            f"cannot write to the store {store.path}: {error.strerror}"
        ) from None


def discard(store: Store) -> None:
    """Delete what no manifest names, and say so."""
    for run_id in store.discard_uncommitted():
        log.warning("discarded run %s, which was not committed", run_id)


def warn_of_guard(settings: Settings, selection: Selection) -> None:
    """Say which deletions were too many, and how they are allowed."""
    if selection.not_deleted:
        log.error(  # --quiet shall not hide it
            "nothing is deleted: the sources of %s are gone, of %s under these sources, more than "
            "max_delete_fraction (%g) allows; if that is right, run again with "
            "--max-delete-fraction 1",
            count(selection.not_deleted, "document"),
            f"{selection.published:,}",
            settings.max_delete_fraction,
        )


def run_all(
    settings: Settings,
    store: Store,
    path: Path,
    works: Sequence[Work],
    follow: Follow,
    announce: Announce,
) -> list[Summary]:
    """Run batch after batch; each of several in a process of its own, which returns its memory."""
    if len(works) > 1 and CAN_FORK and settings.runner == "direct":
        prepare(settings)  # once, for all the processes
    summaries: list[Summary] = []
    try:
        for number, work in enumerate(works, 1):
            if len(works) > 1:
                announce(f"batch {number} of {len(works)}")
            run = partial(run_once, settings, store, path, work, follow)
            summaries.append(in_child(run) if len(works) > 1 and CAN_FORK else run())
            store.refresh()
    except BaseException as error:
        store.refresh()
        store.discard_uncommitted()
        if len(works) > 1:
            log.warning("%d of %d batches are committed", len(summaries), len(works))
        if isinstance(error, ChildLostError):
            raise RunFailedError(str(error)) from None
        raise
    return summaries


def work_on_orphans(store: Store, path: Path, found: Survey, batch_bytes: int) -> list[Work]:
    """Work for the duplicates whose canonical these runs have taken away, unforeseen."""
    with open_state(store, path) as state:
        return cut(Selection(), state, found, batch_bytes)


def _total(selection: Selection, summaries: Sequence[Summary]) -> Summary:
    """The runs of a call as one."""
    outcomes: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    for summary in summaries:
        outcomes.update(summary.outcomes)
        languages.update(summary.languages)
    run_ids = tuple(run_id for summary in summaries for run_id in summary.run_ids)
    return Summary(
        run_ids[-1] if run_ids else None,
        selection.unchanged,
        selection.still_failed,
        selection.not_deleted,
        {name: outcomes[name] for name in get_args(OutcomeName) if outcomes[name]},
        dict(languages.most_common()),
        sum(summary.source_bytes for summary in summaries),
        unindexed=sum(summary.unindexed for summary in summaries),
        run_ids=run_ids,
        young=selection.young,
    )
