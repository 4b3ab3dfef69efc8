"""What the ledger says as of now: which file versions were seen, which documents are published.

The state is a SQLite file, ``state.db`` in a local store. It is made of the ledger of the committed
runs and knows which of them it has; whatever it misses is applied when it is opened, so a process
may die at any moment, and a file that does not fit the store is made anew. A store on another
filesystem has its state in a temporary file.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipelines.state_database import DamagedStateError, DocumentRow, State, opened
from pipelines.store import Store, StoreError
from transforms import files

log = logging.getLogger(__name__)


__all__ = [
    "DamagedStateError",
    "DocumentRow",
    "Standing",
    "State",
    "empty_state",
    "file_of",
    "open_state",
    "past_state",
    "read_state",
    "state_file",
]


def file_of(source: str) -> str:
    """URI of the file that a document's ``source`` lies in."""
    return source.split("#", 1)[0]


@contextmanager
def state_file(store: Store) -> Iterator[Path]:
    """Where the state of a store is: in it, or in a temporary file for one that is remote."""
    if not files.is_remote(store.path):
        yield store.state_path
        return
    with tempfile.TemporaryDirectory(prefix="docsluice-") as directory:
        yield Path(directory, "state.db")


@contextmanager
def open_state(store: Store, path: Path) -> Iterator[State]:
    """The state in the file ``path``, complete, to be written by the holder of the store's lock.

    Raises:
        StoreError: the ledger is damaged, or the state cannot be written.
    """
    try:
        with opened(path) as state:
            is_fit = state.fits(store)
            if is_fit:
                state.catch_up(store)
    except DamagedStateError as error:
        log.warning("%s; it is made anew from the ledger", error)
        is_fit = False
    if not is_fit:
        path.unlink(missing_ok=True)
    with opened(path) as state:
        state.catch_up(store)
        yield state


@contextmanager
def read_state(store: Store) -> Iterator[State]:
    """The state for who only reads: a temporary one where that of the store is missing or behind.

    Raises:
        StoreError: the ledger is damaged.
    """
    if not store.manifests or _known_runs(store) != list(store.manifests):
        with past_state(store, list(store.manifests)) as state:
            yield state
        return
    with opened(store.state_path, "ro") as state:
        yield state


@contextmanager
def past_state(store: Store, run_ids: Sequence[str]) -> Iterator[State]:
    """A temporary state as of the time when the store had these runs, its oldest ones.

    More runs can be applied to it; the state of the store is left alone.

    Raises:
        StoreError: the ledger is damaged.
    """
    with tempfile.TemporaryDirectory(prefix="docsluice-") as directory:
        copy = Path(directory, "state.db")
        known = _known_runs(store)
        if known and known == list(run_ids)[: len(known)]:
            with opened(store.state_path, "ro") as state:
                state.copy_to(copy)
        with opened(copy) as state:
            for run_id in run_ids:
                state.apply(store, run_id)
            yield state


@contextmanager
def empty_state() -> Iterator[State]:
    """A temporary state without any run; runs can be applied to it, oldest first."""
    with (
        tempfile.TemporaryDirectory(prefix="docsluice-") as directory,
        opened(Path(directory, "state.db")) as state,
    ):
        yield state


def _known_runs(store: Store) -> list[str]:
    """The runs in the state of a local store; none where it cannot be read."""
    if files.is_remote(store.path) or not store.state_path.exists():
        return []
    try:
        with opened(store.state_path, "ro") as state:
            return state.run_ids()
    except StoreError as error:
        log.debug("the state is not used: %s", error)
        return []


@dataclass
class Standing:
    """Asks in any process which versions of documents are published; can be pickled.

    Args:
        state_path: file of the state.
        withdrawn: ids of documents that the run reads again or deletes: none of them stands.
    """

    state_path: str
    withdrawn: frozenset[str] = frozenset()

    def __call__(self, ids: Sequence[str], run_ids: Sequence[str]) -> list[bool]:
        """Of each document and run, whether that run's version of it is published."""
        with opened(Path(self.state_path), "ro") as state:
            stands = state.standing(ids, run_ids)
        return [stand and id_ not in self.withdrawn for id_, stand in zip(ids, stands, strict=True)]
