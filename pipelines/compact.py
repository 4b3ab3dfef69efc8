"""``docsluice compact``: all runs of a store as one, in few files, without what is superseded.

A compacted run has a number, directories and a manifest like any other; its manifest says which
runs it replaces. Rows are copied as they are, so they name the run that wrote them. Until the
manifest is written nothing of it counts, and from then on nothing of the replaced runs does.
Their files stay for a while, for readers that have begun with them.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import orjson
import typer

from pipelines import __version__
from pipelines.compact_rows import Copied, copy_documents, copy_ledger, copy_letters
from pipelines.console import count
from pipelines.execute import discard, patience
from pipelines.lock import writer_lock
from pipelines.missed import pending_runs
from pipelines.publish import catch_up, open_index
from pipelines.published import catch_up as cover
from pipelines.settings import Settings
from pipelines.state import State, open_state, state_file
from pipelines.store import KINDS, Store, StoreError, run_files
from transforms.document import OutcomeName
from transforms.index import Index
from transforms.run import Run

GRACE_SECONDS = 600.0
"""So long the files of replaced runs stay, if the user says nothing else."""


@dataclass(frozen=True, slots=True)
class Compaction:
    """What was done; ``run_id`` is None where there was nothing to do.

    ``files_before`` and ``files_after`` are the numbers of files of the runs, ``documents`` the
    number of published ones, ``dropped`` that of superseded and deleted versions.
    """

    run_id: str | None
    replaced: int
    files_before: int
    files_after: int
    documents: int = 0
    dropped: int = 0


def show_compact(settings: Settings, grace: float, as_json: bool) -> None:
    """Compact the store and say what became of it.

    Raises:
        StoreError: there is no run in the store, or a file of it is damaged.
        StoreBusyError: a run is writing to the store.
        SearchIndexError: the index cannot be used.
    """
    done = compact(settings, grace)
    if as_json:
        shown = {name: getattr(done, name) for name in Compaction.__slots__}
        typer.echo(orjson.dumps({**shown, "store": settings.store}).decode())
        return
    if done.run_id is None:
        typer.echo(f"Nothing to do: {settings.store} has one run.")
        return
    typer.echo(
        f"{count(done.replaced, 'run')} in {count(done.files_before, 'file')} are now one in "
        f"{count(done.files_after, 'file')}: {count(done.documents, 'document')}, without "
        f"{count(done.dropped, 'version')} superseded or deleted."
    )
    if grace:
        typer.echo(
            f"The old files stay for readers for {grace:g} s; then the next run deletes them."
        )


def compact(settings: Settings, grace: float = GRACE_SECONDS) -> Compaction:
    """Replace all runs of the store by one.

    Args:
        settings: name the store and its index.
        grace: seconds that the files of the replaced runs stay at least.

    Raises:
        StoreError: there is no run in the store, or a file of it is damaged.
        StoreBusyError: a run is writing to the store.
        SearchIndexError: the index cannot be used.
    """
    store = Store(settings.store)
    if not store.manifests:
        raise StoreError(f"there is no run in {store.path}; docsluice run makes one")
    with writer_lock(store.path, patience(settings)), state_file(store) as path:
        store.refresh()
        discard(store)
        replaced = list(store.manifests)
        before = _files(store, replaced)
        done = Compaction(None, 0, before, before)
        if len(replaced) > 1:
            run = store.new_run()
            with open_index(settings) as index, open_state(store, path) as state:
                if index is not None:
                    catch_up(store, index)
                copied = _replace(store, run, state, index, grace)
            after = _files(store, [run.run_id])
            done = Compaction(
                run.run_id, len(replaced), before, after, copied.documents, copied.dropped
            )
        with open_state(store, path) as state:  # after a compaction it is made anew
            cover(store, state)
        store.discard_uncommitted()
    return done


def _replace(store: Store, run: Run, state: State, index: Index | None, grace: float) -> Copied:
    """Write and commit the run that replaces all others; if that fails, nothing is left of it."""
    started = time.monotonic()
    try:
        copied = copy_documents(store, run, state)
        outcomes = copy_ledger(store, run)
        without_letter = copy_letters(store, run, state)
        manifest = _manifest(store, run, copied, outcomes, grace)
        manifest["without_letter"] = without_letter
        manifest["seconds"] = round(time.monotonic() - started, 3)
        if index is None:
            store.commit(run, manifest)
        else:
            with index.begin(run.run_id) as transaction:  # it has all of this already
                transaction.prepare()
                store.commit(run, manifest)
                transaction.commit()
    except BaseException:
        if run.run_id not in Store(store.path).written:
            store.discard(run)
        raise
    return copied


def _files(store: Store, run_ids: list[str]) -> int:
    return sum(1 for kind in KINDS for _ in store.parts(kind, run_ids))


def _manifest(
    store: Store, run: Run, copied: Copied, outcomes: Counter[str], grace: float
) -> dict[str, Any]:
    manifests = list(store.manifests.values())
    models: dict[str, str] = {}
    for manifest in manifests:
        models |= manifest.get("entity_models", {})
    now = datetime.now(UTC)
    return {
        "run_id": run.run_id,
        "docsluice": __version__,
        "started_at": run.started_at.isoformat(),
        "committed_at": now.isoformat(),
        "source_bytes": sum(manifest.get("source_bytes", 0) for manifest in manifests),
        "unchanged": 0,
        "outcomes": {name: outcomes[name] for name in get_args(OutcomeName) if outcomes[name]},
        "languages": dict(copied.languages.most_common()),
        "entity_models": models,
        "cache": {},
        "settings": manifests[-1].get("settings", {}),
        "replaces": list(store.manifests),
        "unreconciled": pending_runs(store),
        "without_fingerprint": copied.without_fingerprint,
        "old_files_until": (now + timedelta(seconds=grace)).isoformat(),
        "files": run_files(run),
    }
