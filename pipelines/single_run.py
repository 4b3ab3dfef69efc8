"""One run: its graph, its summary, its commit."""

from __future__ import annotations

import errno
import gc
import logging
import os
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, get_args

from pipelines import __version__
from pipelines.batches import Work
from pipelines.cache import cache_use, enrichment_cache
from pipelines.publish import open_index, publish_run
from pipelines.published import catch_up as cover
from pipelines.published import published
from pipelines.reelection import bereft, with_files, withdrawn
from pipelines.runners import open_pipeline
from pipelines.settings import ConfigurationError, Settings
from pipelines.settle import settle
from pipelines.state import State, file_of, open_state
from pipelines.store import Store, run_files
from transforms import files
from transforms.document import OutcomeName
from transforms.index import Index
from transforms.read.plan import plan_units
from transforms.run import Run

if TYPE_CHECKING:
    from transforms.meeting import Published

log = logging.getLogger(__name__)

_FAILED = "the run failed, nothing was committed"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a disk without room."""


class RunFailedError(RuntimeError):
    """A run that failed; nothing of it was committed. The message is one line for the user."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a call did: one run, or one for each batch; ``run_id`` (the last) is None without any.

    ``still_failed`` places could not be looked at before, and still cannot: no new row says so.
    ``not_deleted`` documents stay published although their sources are gone, because they are more
    than ``max_delete_fraction`` allows. ``files`` are the URIs of the source files, if they are
    few; ``unindexed`` the number of documents that the index refuses; ``young`` the number of files
    that have changed within ``settle_seconds`` and are left to the next call.
    """

    run_id: str | None
    unchanged: int
    still_failed: int = 0
    not_deleted: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    languages: dict[str, int] = field(default_factory=dict)
    source_bytes: int = 0
    seconds: float = 0.0
    files: tuple[str, ...] = ()
    unindexed: int = 0
    run_ids: tuple[str, ...] = ()
    young: int = 0

    @property
    def failed(self) -> int:
        """Number of documents and places that failed, in this run or before."""
        return self.outcomes.get("failed", 0) + self.still_failed + self.unindexed


Follow = Callable[[Run, dict[int, int]], AbstractContextManager[None]]
"""Shows the progress of a run, given the size of each work unit."""


class Arrivals(Protocol):
    """Files of a run that a stream has read and processed already.

    ``uris`` are those files, ``manifest`` what the manifest of the run says of the stream.
    """

    uris: frozenset[str]
    manifest: dict[str, Any]

    def write(self, run: Run) -> None:
        """Write what became of them as files of the run."""


def run_once(
    settings: Settings,
    store: Store,
    state_path: Path,
    work: Work,
    follow: Follow,
    arrivals: Arrivals | None = None,
) -> Summary:
    """Do the work as one atomic run: either all of it is committed, or nothing.

    The caller holds the store's lock. Times in the summary are of this run alone. Of the files
    that ``arrivals`` has, which are among those of the work, none is read again.

    Raises:
        ConfigurationError: settings that contradict each other.
        SearchIndexError: the index cannot be written.
        StoreError: the store is damaged, or its state cannot be written.
        RunFailedError: the run failed; the store is as it was.
    """
    started = time.monotonic()
    run = store.new_run()
    try:
        # Opened first: a server that is away says so before the work, and one that goes away
        # meanwhile does not take the run with it.
        with open_index(settings) as index:
            # The state is closed while the graph runs: its workers are forked, and open it anew.
            with open_state(store, state_path) as state:
                work = replace(work, files=with_files(work.files, bereft(settings, state, work)))
                known = withdrawn(state, work.files, work.gone)
                earlier = published(store, state, frozenset(row.id for row in known))
            if arrivals is not None:
                arrivals.write(run)
            cache = _process(settings, run, _unread(work, arrivals), earlier, follow)
            settle(store, run, work, known)
            summary = _summarise(store, run, work, time.monotonic() - started)
            with open_state(store, state_path) as state:
                told = arrivals.manifest if arrivals else {}
                _commit(settings, store, state, run, summary, cache, told, index)
            summary = replace(summary, unindexed=index.refused if index else 0)
    except BaseException as error:
        if run.run_id not in store.manifests:
            store.discard(run)
            if isinstance(error, OSError) and error.errno in _FULL:
                reason = f"{error.strerror} ({store.path})"
                raise RunFailedError(f"{_FAILED}: {reason}") from error
        raise
    return summary


def _unread(work: Work, arrivals: Arrivals | None) -> Work:
    """The work without the files that a stream has read."""
    if arrivals is None:
        return work
    return replace(work, files=tuple(f for f in work.files if f.uri not in arrivals.uris))


def _process(
    settings: Settings, run: Run, work: Work, earlier: Published, follow: Follow
) -> dict[str, int]:
    """Run the graph; every document ends in a file of the run. Returns the use of the cache."""
    gc.disable()  # what modules bring stays: the collector would walk over it again and again
    from pipelines.ingest import build
    from pipelines.options import read_options
    from transforms.ledger import rejected_row, write_ledger
    from transforms.letters import write_dead_letters
    from transforms.read.transform import open_anywhere

    gc.enable()
    units = list(plan_units(work.files, options=read_options(settings), open_=open_anywhere))
    sizes = {unit.number: sum(s.end - s.start for s in unit.slices) for unit in units}
    if work.problems:
        write_ledger(run, "00000-000", "list", tuple(map(rejected_row, work.problems)))
        write_dead_letters(run, "00000-000", "list", work.problems)
    if not units:
        return {}
    try:
        with (
            enrichment_cache(settings) as cache,
            open_pipeline(settings, sum(sizes.values())) as pipeline,
        ):
            build(pipeline, run, units, settings, earlier, cache)
            with follow(run, sizes):
                result = pipeline.run()
                result.wait_until_finish()
            return cache_use(result) if cache else {}
    except ConfigurationError:
        raise
    except Exception as error:  # whatever a worker raises comes as it likes
        log.debug("the pipeline failed", exc_info=True)
        cause = _cause(error)
        if cause.startswith(KeyboardInterrupt.__name__):  # Beam blames the step that it came in
            raise KeyboardInterrupt from None
        if any(os.strerror(number) in cause for number in _FULL):
            cause = f"{cause} ({run.store})"
        raise RunFailedError(f"{_FAILED}: {cause}") from error


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
        run_ids=(run.run_id,),
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
    settings: Settings,
    store: Store,
    state: State,
    run: Run,
    summary: Summary,
    cache: dict[str, int],
    told: dict[str, Any],
    index: Index | None,
) -> None:
    """Make the run count: index filled, manifest written, index committed, the rest brought along.

    All that comes after the manifest is done by the next call where this one dies before it.
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
        "cache": cache,
        "settings": settings.model_dump(mode="json"),
        "files": run_files(run),
        **told,
    }
    if index is None:
        store.commit(run, manifest)
    else:
        with index.begin(run.run_id) as transaction:
            publish_run(store, state, run.run_id, transaction)
            transaction.prepare()
            store.commit(run, manifest)
            transaction.commit()
    state.catch_up(store)
    cover(store, state)
    files.delete_tree(run.directory("spool"))
