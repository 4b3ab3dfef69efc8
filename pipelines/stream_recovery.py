"""What a stream that was killed has left: whole orders are committed, the rest is read again."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

from pipelines.console import count
from pipelines.publish import open_index
from pipelines.settings import Settings
from pipelines.state import State, open_state
from pipelines.store import Store
from pipelines.stream_commit import Staged, withdraw_stale
from pipelines.stream_flight import Flight, Pending
from pipelines.stream_report import Reporter
from pipelines.stream_windows import commit_orders
from transforms import files
from transforms.stream.orders import KIND, Order, read_order
from transforms.stream.staging import staged_run

log = logging.getLogger(__name__)


def first_order(store: Store) -> int:
    """The number after that of the last order that a run of the store has."""
    told = [one["stream"]["last_order"] for one in store.written.values() if "stream" in one]
    return max(told, default=-1) + 1


def recover(settings: Settings, store: Store, state_path: Path, report: Reporter) -> None:
    """Commit what earlier sessions have staged whole, and delete the rest of what they left.

    Args:
        settings: of the stream that starts now.
        store: the store, locked.
        state_path: file of its state.
        report: told of what is committed.

    Raises:
        As ``pipelines.single_run.run_once``.
    """
    directory = files.join(store.path, "stream")
    for name in files.directories(directory):
        session = files.join(directory, name)
        began = datetime.now(UTC)
        ones = _whole(session)
        if ones:
            staging = staged_run(session, began)
            with open_state(store, state_path) as state, open_index(settings) as index:
                stale = _stale(store, state, ones)
                if index is not None and stale:
                    withdraw_stale(index, state, Staged(staging, ones, stale))
                published = state.published()
            opened = ones[0].order.created_at
            summary = commit_orders(settings, store, state_path, staging, ones, stale, opened)
            if summary is not None:
                read = count(sum(summary.outcomes.values()), "document")
                log.warning("an earlier stream did not end well; %s of it are committed", read)
                report.window([summary], began, published, 0)
        files.delete_tree(session)


def _whole(session: str) -> list[Pending]:
    """The orders of a session that were staged whole."""
    flight = Flight(session, 0, 1, 1)
    for name in files.names(files.join(session, KIND), ".json"):
        order = read_order(session, int(name.removesuffix(".json")))
        if isinstance(order, Order):
            flight.add(order, {})
    flight.collect()
    return flight.complete()


def _stale(store: Store, state: State, ones: list[Pending]) -> set[str]:
    """URIs of the files that a run knows already, or may know better."""
    batches = [
        datetime.fromisoformat(one["committed_at"])
        for one in store.written.values()
        if "stream" not in one
    ]
    last = max(batches, default=datetime.min.replace(tzinfo=UTC))
    versions = state.versions_of(file.uri for one in ones for file in one.order.files)
    return {
        file.uri
        for one in ones
        for file in one.order.files
        if one.order.created_at <= last or versions.get(file.uri) == file.version
    }
