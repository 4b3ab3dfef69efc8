"""One run from beginning to end: list, compare with the ledger, run the graph, index, commit."""

from __future__ import annotations

import gc
import logging
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, get_args

from pipelines import __version__
from pipelines.lock import writer_lock
from pipelines.publish import catch_up, open_index, publish_run
from pipelines.runners import open_pipeline
from pipelines.settings import ConfigurationError, Settings
from pipelines.state import file_of, published_parts, seen_versions
from pipelines.store import Store, run_files
from transforms import files
from transforms.document import OutcomeName, Rejected
from transforms.index import Index
from transforms.read.listing import list_sources
from transforms.read.plan import plan_units
from transforms.read.slices import SourceFile
from transforms.run import Run

log = logging.getLogger(__name__)


FEW_FILES = 20
"""Up to as many files, a summary names each."""


class RunFailedError(RuntimeError):
    """A run that failed; nothing of it was committed. The message is one line for the user."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did; ``run_id`` is None when there was nothing to do.

    ``still_failed`` places could not be looked at before, and still cannot: no new row says so.
    ``files`` are the URIs of the source files, if they are few; ``unindexed`` the number of
    documents that the index refuses.
    """

    run_id: str | None
    unchanged: int
    still_failed: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    languages: dict[str, int] = field(default_factory=dict)
    source_bytes: int = 0
    seconds: float = 0.0
    files: tuple[str, ...] = ()
    unindexed: int = 0

    @property
    def failed(self) -> int:
        """Number of documents and places that failed, in this run or before."""
        return self.outcomes.get("failed", 0) + self.still_failed + self.unindexed


Follow = Callable[[Run, dict[int, int]], AbstractContextManager[None]]
"""Shows the progress of a run, given the size of each work unit."""


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
    if settings.entities and settings.models:
        from transforms.entity_models import EntityConfig, check_models

        check_models(EntityConfig(settings.models))
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
        unchanged = len(found) - len(new)
        # What could not be looked at before and still cannot is no news.
        problems = tuple(
            row for row in listing.problems if row.source_version != seen.get(row.source)
        )
        summary = Summary(
            None,
            unchanged,
            still_failed=len(listing.problems) - len(problems),
            files=tuple(file.uri for file in found) if len(found) <= FEW_FILES else (),
        )
        if not new and not problems:
            return replace(summary, seconds=time.monotonic() - started)
        run = store.new_run()
        try:
            _process(settings, store, run, new, problems, follow)
            summary = _summarise(store, run, new, summary, time.monotonic() - started)
            _commit(settings, store, run, summary, index)
        except BaseException:
            if run.run_id not in store.manifests:
                store.discard(run)
            raise
        return replace(summary, unindexed=index.refused) if index else summary


def _process(
    settings: Settings,
    store: Store,
    run: Run,
    new: tuple[SourceFile, ...],
    problems: tuple[Rejected, ...],
    follow: Follow,
) -> None:
    """Run the graph; every document ends in a file of the run."""
    gc.disable()  # what modules bring stays: the collector would walk over it again and again
    from pipelines.ingest import build
    from pipelines.options import read_options
    from transforms.dead_letters import write_dead_letters
    from transforms.ledger import rejected_row, write_ledger
    from transforms.read.transform import open_anywhere

    gc.enable()
    units = list(plan_units(new, options=read_options(settings), open_=open_anywhere))
    published = published_parts(store, {file.uri for file in new})
    sizes = {unit.number: sum(s.end - s.start for s in unit.slices) for unit in units}
    if problems:
        write_ledger(run, "00000-000", "list", tuple(map(rejected_row, problems)))
        write_dead_letters(run, "00000-000", "list", problems)
    if not units:
        return
    try:
        with open_pipeline(settings, sum(sizes.values())) as pipeline:
            build(pipeline, run, units, settings, published)
            with follow(run, sizes):
                pipeline.run().wait_until_finish()
    except ConfigurationError:
        raise
    except Exception as error:  # whatever a worker raises comes as it likes
        log.debug("the pipeline failed", exc_info=True)
        cause = _cause(error)
        if cause.startswith(KeyboardInterrupt.__name__):  # Beam blames the step that it came in
            raise KeyboardInterrupt from None
        raise RunFailedError(f"the run failed, nothing was committed: {cause}") from error


def _cause(error: BaseException) -> str:
    """The innermost error that workers report, in one line, without their traceback."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def _summarise(
    store: Store, run: Run, new: tuple[SourceFile, ...], summary: Summary, seconds: float
) -> Summary:
    outcomes: Counter[str] = Counter()
    accounted: set[str] = set()
    for table in store.tables("ledger", ["source", "outcome"], [run.run_id]):
        outcomes.update(table.column("outcome").to_pylist())
        accounted.update(map(file_of, table.column("source").to_pylist()))
    lost = [file.uri for file in new if file.uri not in accounted]
    if lost:
        raise RunFailedError(f"{len(lost):,} files left no ledger row, the first is {lost[0]}")
    languages: Counter[str] = Counter()
    for table in store.tables("documents", ["language"], [run.run_id]):
        languages.update(table.column("language").to_pylist())
    return replace(
        summary,
        run_id=run.run_id,
        outcomes={name: outcomes[name] for name in get_args(OutcomeName) if outcomes[name]},
        languages=dict(languages.most_common()),
        source_bytes=sum(file.size for file in new),
        seconds=seconds,
    )


def _entity_models(settings: Settings, summary: Summary) -> dict[str, str]:
    """Name and version of the model that found the names, for each language of the run."""
    if not settings.entities:
        return {}
    from pipelines.options import entity_config
    from transforms.entity_models import model_titles

    titles = model_titles(entity_config(settings))
    return {code: titles[code] for code in sorted(summary.languages) if code in titles}


def _commit(
    settings: Settings, store: Store, run: Run, summary: Summary, index: Index | None
) -> None:
    """Make the run count: index filled, manifest written, index committed, spool deleted.

    A crash between the last two leaves an index that misses a run; ``catch_up`` mends that.
    """
    manifest: dict[str, Any] = {
        "run_id": run.run_id,
        "docsluice": __version__,
        "started_at": run.started_at.isoformat(),
        "committed_at": datetime.now(UTC).isoformat(),
        "seconds": round(summary.seconds, 3),
        "source_bytes": summary.source_bytes,
        "unchanged": summary.unchanged,
        "outcomes": summary.outcomes,
        "languages": summary.languages,
        "entity_models": _entity_models(settings, summary),
        "settings": settings.model_dump(mode="json"),
        "files": run_files(run),
    }
    if index is None:
        store.commit(run, manifest)
    else:
        with index.begin(run.run_id) as transaction:
            publish_run(store, run.run_id, transaction)
            transaction.prepare()
            store.commit(run, manifest)
            transaction.commit()
    files.delete_tree(run.directory("spool"))
