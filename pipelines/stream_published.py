"""What a stream's workers compare new documents with: the published ones, as of the last commit.

Workers may not write to a store, and must not meet a band table that a merge has just deleted. So
the driver writes a snapshot after each commit: the tables' names, and, of a local store, links to
the tables, which keep what a merge deletes. Workers look for a newer snapshot every few seconds.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from pipelines.published import NotAmong, published
from pipelines.state import Standing, State
from pipelines.store import Store
from transforms import files

if TYPE_CHECKING:
    from transforms.meeting import Published

EVERY = 2.0
"""Seconds between two looks of a worker."""

_KEPT = 3
"""Snapshots whose links stay, for workers that have not looked since."""


def write_snapshot(store: Store, state: State, session: str) -> None:
    """Bring the band tables up to date and let the workers of a session know them.

    Args:
        store: the store, locked.
        state: its state, caught up.
        session: directory of the session.

    Raises:
        StoreError: a file of the store cannot be read, or a table not written.
        OSError: the snapshot cannot be written.
    """
    now = published(store, state, frozenset())
    content: dict[str, object] = {"directory": now.directory, "tables": now.tables}
    if isinstance(now.standing, NotAmong):
        content["gone"] = sorted(now.standing.gone)
    else:
        content["state"] = str(state.path)
        content["tables"] = _linked(now.tables, session)
    files.write(_path(session), orjson.dumps(content))


def _linked(tables: tuple[str, ...], session: str) -> list[str]:
    """Links to tables in a new directory; those of older snapshots go."""
    directory = Path(session, "bands")
    directory.mkdir(parents=True, exist_ok=True)
    numbers = sorted(int(name) for name in files.directories(str(directory)))
    new = directory / str(numbers[-1] + 1 if numbers else 0)
    new.mkdir()
    for table in tables:
        os.link(table, new / Path(table).name)
    for number in numbers[: -_KEPT + 1]:
        files.delete_tree(str(directory / str(number)))
    return [str(new / Path(table).name) for table in tables]


def _path(session: str) -> str:
    return files.join(session, "published.json")


@dataclass
class FreshlyPublished:
    """Gives the published documents as of the last snapshot of a session; can be pickled."""

    session: str
    _content: bytes | None = field(default=None, init=False, repr=False)
    _last: Published | None = field(default=None, init=False, repr=False)
    _looked: float = field(default=float("-inf"), init=False, repr=False)

    def __call__(self) -> Published | None:
        """What is published; the same object as long as that is the same."""
        if time.monotonic() - self._looked >= EVERY:
            self._looked = time.monotonic()
            content = files.read_if_there(_path(self.session))
            if content != self._content:
                self._content, self._last = content, _published(content)
        return self._last

    def __reduce__(self) -> tuple[type[FreshlyPublished], tuple[str]]:
        return FreshlyPublished, (self.session,)


def _published(content: bytes | None) -> Published | None:
    from transforms.meeting import Published  # brings the compiled election with it

    if content is None:
        return None
    told = orjson.loads(content)
    if "state" in told:
        return Published(told["directory"], tuple(told["tables"]), Standing(told["state"]))
    gone = frozenset((id_, run_id) for id_, run_id in told["gone"])
    return Published(told["directory"], tuple(told["tables"]), NotAmong(gone))
