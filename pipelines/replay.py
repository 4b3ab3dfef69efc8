"""``docsluice dead-letters replay``: what failed goes through the same stages once more."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.dead_letters import Letter, open_letters
from pipelines.execute import check_entity_models, discard
from pipelines.lock import writer_lock
from pipelines.past_settings import LISTING, READING, as_before, sources_of
from pipelines.publish import catch_up, keep_activity, open_index
from pipelines.replay_index import send_again, settle_unless_newer
from pipelines.replay_plan import plan_replay
from pipelines.settings import Settings
from pipelines.single_run import Follow, Summary, run_once
from pipelines.state import open_state, state_file
from pipelines.store import Store, StoreError
from transforms.letters import INDEX

log = logging.getLogger(__name__)

Choose = Callable[[Iterable[Letter]], list[Letter]]
"""Picks the letters that are meant."""


@dataclass
class Replay:
    """What a replay did: ``summaries`` of its runs, and how many letters it settled.

    ``whole`` are the URIs of files that were read as a whole, ``left`` the letters that could not
    be tried, each with the reason, and ``still_open`` all that are open of those that were meant.
    """

    settled: int = 0
    summaries: list[Summary] = field(default_factory=list)
    whole: list[str] = field(default_factory=list)
    left: list[tuple[Letter, str]] = field(default_factory=list)
    still_open: list[Letter] = field(default_factory=list)


def replay(settings: Settings, choose: Choose, follow: Follow, *, as_then: bool) -> Replay:
    """Try again what the open dead letters that ``choose`` picks are about.

    Args:
        settings: where the store is, and how to read and process.
        choose: picks the letters.
        follow: shows the progress of a run.
        as_then: read as the run of each letter did, and process as the last run did.

    Raises:
        ConfigurationError: settings that contradict each other.
        StoreError: there is no run in the store, or a file of it is damaged.
        StoreBusyError: another run is writing to the store.
        SearchIndexError: the index cannot be used; the letters stay open.
        RunFailedError: a run failed; what earlier ones did stays.
    """
    store = Store(settings.store)
    if not store.manifests:
        raise StoreError(f"there is no run in {store.path}; docsluice run makes one")
    done = Replay()
    if not choose(open_letters(store)):
        return done
    store.create()
    with writer_lock(store.path), state_file(store) as path:
        store = Store(settings.store)  # anew: another process may have committed a run
        last = list(store.manifests)[-1]
        now = as_before(settings, store, last) if as_then else settings
        check_entity_models(now)
        discard(store)
        with open_index(now) as index:
            if index is not None:
                catch_up(store, index)
        letters = choose(open_letters(store))
        tried = _read_again(now, store, path, letters, follow, done, as_then=as_then)
        tried += _index_again(now, store, letters, done)
        # Only now are the letters written of what the index has refused.
        _settle(store, letters, tried, done)
        keep_activity(now, refused=1)  # letters may have been written to any run
    return done


def _read_again(
    settings: Settings,
    store: Store,
    path: Path,
    letters: list[Letter],
    follow: Follow,
    done: Replay,
    *,
    as_then: bool,
) -> list[tuple[Letter, str]]:
    """Read again what the letters are about, with the state at ``path``.

    Returns:
        The letters that were tried, each with what has settled it unless there is a newer one.
    """
    tried: list[tuple[Letter, str]] = []
    groups: dict[str, list[Letter]] = defaultdict(list)
    for letter in sorted(letters, key=lambda letter: letter.run_id):
        if letter.stage != INDEX:
            groups[_way_of_reading(store, letter) if as_then else ""].append(letter)
    for group in groups.values():
        runs = sorted({letter.run_id for letter in group})
        then = as_before(settings, store, runs[-1]) if as_then else settings
        then = then.model_copy(update={"sources": then.sources or sources_of(store, runs)})
        with open_state(store, path) as state:
            plan = plan_replay(then, store, state, group)
        done.left += plan.left
        done.whole += plan.whole
        what = "there was nothing to read any more"
        if plan.work.files or plan.work.problems:
            summary = run_once(then, store, path, plan.work, follow)
            done.summaries.append(summary)
            what = f"did not fail any more in run {summary.run_id}"
        tried += [(letter, what) for letter in plan.tried]
    return tried


def _index_again(
    settings: Settings, store: Store, letters: list[Letter], done: Replay
) -> list[tuple[Letter, str]]:
    """Send to the index again what it has refused; returns as ``_read_again`` does."""
    refused = [letter for letter in letters if letter.stage == INDEX]
    if not refused:
        return []
    with open_index(settings) as index:
        if index is None:
            done.left += [(letter, "the settings name no index") for letter in refused]
            return []
        sent, gone = send_again(store, index, refused)
    done.left += [(letter, "its document is not in Parquet any more") for letter in gone]
    return [(letter, "the index took it in a replay") for letter in sent]


def _way_of_reading(store: Store, letter: Letter) -> str:
    settings = store.manifests[letter.run_id].get("settings", {})
    return repr([settings.get(name) for name in (*READING, *LISTING)])


def _settle(
    store: Store, letters: list[Letter], tried: list[tuple[Letter, str]], done: Replay
) -> None:
    """Append a record of the letters that were tried and are open still, and count."""
    by_cause: dict[str, list[Letter]] = defaultdict(list)
    for letter, what in tried:
        by_cause[what].append(letter)
    for what, of_cause in by_cause.items():
        settle_unless_newer(store, of_cause, what)
    meant = {letter.subject for letter in letters}
    done.still_open = [letter for letter in open_letters(store) if letter.subject in meant]
    done.settled = len(meant) - len(done.still_open)
