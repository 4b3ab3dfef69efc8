"""One run: its graph, its summary, its commit."""

from __future__ import annotations

import gc
import logging
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, get_args

from pipelines import __version__
from pipelines.publish import publish_run
from pipelines.runners import open_pipeline
from pipelines.settings import ConfigurationError, Settings
from pipelines.state import file_of, published_parts
from pipelines.store import Store, run_files
from transforms import files
from transforms.document import OutcomeName, Rejected
from transforms.index import Index
from transforms.read.plan import plan_units
from transforms.read.slices import SourceFile
from transforms.run import Run

log = logging.getLogger(__name__)


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


@dataclass(frozen=True, slots=True)
class Work:
    """What one run has to do.

    ``files`` are read; of a file with ``only``, just those records. ``problems`` are places that
    could not be looked at: each gets a ledger row and a dead letter. ``unchanged`` files were
    passed over.
    """

    files: tuple[SourceFile, ...] = ()
    problems: tuple[Rejected, ...] = ()
    unchanged: int = 0


def run_once(
    settings: Settings, store: Store, index: Index | None, work: Work, follow: Follow
) -> Summary:
    """Do the work as one atomic run: either all of it is committed, or nothing.

    The caller holds the store's lock. Times in the summary are of this run alone.

    Raises:
        ConfigurationError: settings that contradict each other.
        SearchIndexError: the index cannot be written.
        RunFailedError: the run failed; the store is as it was.
    """
    started = time.monotonic()
    run = store.new_run()
    try:
        _process(settings, store, run, work, follow)
        summary = _summarise(store, run, work, time.monotonic() - started)
        _commit(settings, store, run, summary, index)
    except BaseException:
        if run.run_id not in store.manifests:
            store.discard(run)
        raise
    return summary


def _process(settings: Settings, store: Store, run: Run, work: Work, follow: Follow) -> None:
    """Run the graph; every document ends in a file of the run."""
    gc.disable()  # what modules bring stays: the collector would walk over it again and again
    from pipelines.ingest import build
    from pipelines.options import read_options
    from transforms.ledger import rejected_row, write_ledger
    from transforms.letters import write_dead_letters
    from transforms.read.transform import open_anywhere

    gc.enable()
    units = list(plan_units(work.files, options=read_options(settings), open_=open_anywhere))
    reread = {file.uri for file in work.files if file.only is None}
    published = published_parts(store, reread)
    sizes = {unit.number: sum(s.end - s.start for s in unit.slices) for unit in units}
    if work.problems:
        write_ledger(run, "00000-000", "list", tuple(map(rejected_row, work.problems)))
        write_dead_letters(run, "00000-000", "list", work.problems)
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


def _summarise(store: Store, run: Run, work: Work, seconds: float) -> Summary:
    outcomes: Counter[str] = Counter()
    accounted: set[str] = set()
    for table in store.tables("ledger", ["source", "outcome"], [run.run_id]):
        outcomes.update(table.column("outcome").to_pylist())
        accounted.update(map(file_of, table.column("source").to_pylist()))
    lost = [file.uri for file in work.files if file.uri not in accounted]
    if lost:
        raise RunFailedError(f"{len(lost):,} files left no ledger row, the first is {lost[0]}")
    languages: Counter[str] = Counter()
    for table in store.tables("documents", ["language"], [run.run_id]):
        languages.update(table.column("language").to_pylist())
    return Summary(
        run.run_id,
        work.unchanged,
        outcomes={name: outcomes[name] for name in get_args(OutcomeName) if outcomes[name]},
        languages=dict(languages.most_common()),
        source_bytes=sum(file.size for file in work.files),
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
