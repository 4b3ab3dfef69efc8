"""``docsluice reconcile``: what streams have published, as a batch would have published it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import orjson
import typer
from rich.console import Console

from pipelines.console import count
from pipelines.execute import check_entity_models, discard, patience, run_all, work_on_orphans
from pipelines.lock import writer_lock
from pipelines.missed import correct_missed, find_missed, pending_runs
from pipelines.past_settings import as_before, sources_of
from pipelines.printable import one_line
from pipelines.publish import catch_up, keep_activity, open_index
from pipelines.settings import Settings
from pipelines.single_run import Follow
from pipelines.state import open_state, state_file
from pipelines.store import Store, StoreError
from transforms.read.globs import taker
from transforms.read.survey import Survey, scope_of

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Pair:
    """A published document and the canonical that it is a duplicate of."""

    source: str
    canonical: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What was done, or of a dry run what would be.

    ``stream_runs`` were looked at. ``duplicates`` published documents are some. ``read_again`` is
    the number of duplicates that had lost their canonical, ``outcomes`` what became of these.
    ``pairs`` are the duplicates of a dry run; ``run_ids`` the runs that were made.
    """

    stream_runs: int
    duplicates: int
    read_again: int
    outcomes: dict[str, int]
    unindexed: int = 0
    run_ids: tuple[str, ...] = ()
    pairs: tuple[Pair, ...] = ()


def show_reconcile(settings: Settings, follow: Follow, *, dry_run: bool, as_json: bool) -> None:
    """Reconcile, or look what there is to reconcile, and say what came of it.

    Raises:
        As ``reconcile``.
    """
    done = would_reconcile(settings) if dry_run else reconcile(settings, follow)
    if as_json:
        shown: dict[str, Any] = {name: getattr(done, name) for name in Reconciliation.__slots__}
        typer.echo(orjson.dumps({**shown, "store": settings.store}).decode())
        return
    console = Console(highlight=False, soft_wrap=True, markup=False)
    for pair in done.pairs[:_SHOWN]:
        console.print(
            f"duplicate {one_line(pair.source)} of {one_line(pair.canonical)} "
            f"(similarity {pair.similarity:.2f})"
        )
    if len(done.pairs) > _SHOWN:
        console.print(f"duplicate … and {len(done.pairs) - _SHOWN:,} more")
    console.print(_sentence(done, dry_run))


def reconcile(settings: Settings, follow: Follow) -> Reconciliation:
    """Correct what streams have published, and elect anew what has lost its canonical.

    Documents are read and processed as the last run of the store did.

    Args:
        settings: name the store; variables of the environment go before what the last run had.
        follow: shows the progress of a run.

    Raises:
        ConfigurationError: a setting of the last run cannot be used any more.
        ModelNotInstalled: a model of the last run is not there.
        StoreError: there is no run in the store, or a file of it is damaged.
        StoreBusyError: another run is writing to the store.
        SearchIndexError: the index cannot be used.
        RunFailedError: a run failed; what earlier ones did stays.
    """
    store = _store(settings)
    store.create()
    with writer_lock(store.path, patience(settings)), state_file(store) as path:
        store.refresh()
        now, ranks = _as_the_last_run(settings, store)
        check_entity_models(now)
        discard(store)
        with open_index(now) as index:
            if index is not None:
                catch_up(store, index)
            unindexed = index.refused if index else 0
        stream_runs = len(pending_runs(store))
        corrected = correct_missed(now, store, path, follow)
        works = work_on_orphans(store, path, ranks, now.batch_bytes)
        summaries = run_all(now, store, path, works, follow, lambda _batch: None)
        all_ = [corrected, *summaries] if corrected else summaries
        unindexed += sum(summary.unindexed for summary in all_)
        keep_activity(now, unindexed)
        return Reconciliation(
            stream_runs,
            sum(corrected.outcomes.values()) if corrected else 0,
            sum(len(file.only or ()) for work in works for file in work.files),
            dict(sum((Counter(summary.outcomes) for summary in summaries), Counter[str]())),
            unindexed,
            tuple(run_id for summary in all_ for run_id in summary.run_ids),
        )


def would_reconcile(settings: Settings) -> Reconciliation:
    """What ``reconcile`` would do. Nothing is written but what is derived and was behind.

    Raises:
        StoreError: there is no run in the store, or a file of it is damaged.
        StoreBusyError: a run is writing to the store.
    """
    store = _store(settings)
    with writer_lock(store.path, patience(settings)), state_file(store) as path:
        store.refresh()
        now, _ = _as_the_last_run(settings, store)
        run_ids = [] if now.duplicates == "off" else pending_runs(store)
        with open_state(store, path) as state:
            missed = find_missed(now, store, state, run_ids)
            orphans = len(state.orphans()) + sum(
                state.member_counts(row.id for row, _ in missed).values()
            )
            sources = {row.id: row.source for row in state.documents(one.id for _, one in missed)}
    pairs = tuple(Pair(row.source, sources[one.id], one.similarity) for row, one in missed)
    return Reconciliation(len(run_ids), len(missed), orphans, {}, pairs=pairs)


def _store(settings: Settings) -> Store:
    store = Store(settings.store)
    if not store.manifests:
        raise StoreError(f"there is no run in {store.path}; docsluice run makes one")
    return store


def _as_the_last_run(settings: Settings, store: Store) -> tuple[Settings, Survey]:
    """The settings of the last run, and the sources of all, for the ranks of files: not listed."""
    runs = list(store.manifests)
    now = as_before(settings, store, runs[-1])
    takes = taker(now.include, now.exclude)
    scopes = tuple(scope_of(source, takes) for source in sources_of(store, runs))
    return now, Survey((), (), scopes)


def _sentence(done: Reconciliation, dry_run: bool) -> str:
    if not (done.stream_runs or done.read_again):
        return "Nothing to do: no stream has published anything since the last time."
    found = count(done.duplicates, "duplicate") if done.duplicates else "no duplicate"
    told = f"{count(done.stream_runs, 'run')} of streams: {found}"
    if done.read_again:
        again = count(done.read_again, "document")
        became = ", ".join(f"{number:,} {name}" for name, number in done.outcomes.items())
        told += f"; {again} {'would be ' if dry_run else ''}read again, as the canonical is gone"
        told += f" ({became})" if became else ""
    return f"{told}. Nothing was written." if dry_run else f"{told}."
