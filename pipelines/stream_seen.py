"""What others see of a stream: whether one is at work, and what it has staged."""

from __future__ import annotations

# ruff: noqa: PTH100, PTH111
# os.path: as in pipelines.lookup.
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from pipelines.console import count
from pipelines.lock import lock_holder
from pipelines.store import Store, StoreError, read_part
from transforms import files
from transforms.read.listing import uri_of_path
from transforms.stream.staging import staged_documents, staged_ledger

START_AGAIN = "start docsluice stream on this store again"


@dataclass(frozen=True, slots=True)
class StagedRow:
    """What a stream has made of a document that is in no run yet."""

    id: str
    source: str
    outcome: str


def stream_holder(store: Store) -> dict[str, Any] | None:
    """Which process streams into a local store; see ``pipelines.lock.lock_holder``."""
    return lock_holder(files.join(store.path, "stream"))


def sessions(store: Store) -> list[str]:
    """Directories of the stream at work, or of one that did not end in order."""
    place = files.join(store.path, "stream")
    return [files.join(place, name) for name in files.directories(place)]


def describe_stream(store: Store) -> dict[str, Any] | None:
    """What there is to say of the stream of a local store, as plain values; None of none.

    ``staged`` is the number of documents that are in no run yet; ``is_left`` says that a stream
    has not ended in order, ``error`` why the last one failed, if it did.
    """
    if files.is_remote(store.path):
        return None
    told, left = _told(store), sessions(store)
    holder = stream_holder(store)
    if not (told or left or holder):
        return None
    who = holder or {name: told.get(name) for name in ("pid", "since")}
    last = told.get("last_run") or {}
    return {
        "is_running": holder is not None,
        "is_left": holder is None and bool(left),
        **who,
        "staged": sum(map(staged_documents, left)),
        "error": "" if holder else last.get("error", ""),
    }


def stream_in_words(stream: dict[str, Any]) -> str:
    """The description of a stream in one line."""
    waiting = count(stream["staged"], "document")
    wait = "waits" if stream["staged"] == 1 else "wait"
    if stream["is_running"]:
        who = "process {pid} on {host} since {since}: {command}".format(**stream)
        return f"{who}; {waiting} {wait} for its window"
    if stream["is_left"]:
        return f"was not ended in order; {waiting} {wait} to be committed: {START_AGAIN}"
    return f"is not running{stream['error'] and '; it failed: ' + stream['error']}"


def no_run(store: Store) -> StoreError:
    """The error of who needs a run where there is none."""
    stream = describe_stream(store)
    if stream is None or not (stream["is_running"] or stream["is_left"]):
        return StoreError(f"there is no run in {store.path}; docsluice run makes one")
    return StoreError(f"there is no run in {store.path} yet; its stream: {stream_in_words(stream)}")


def staged_rows(store: Store, wanted: str) -> list[StagedRow]:
    """What streams have made, outside of all runs, of the documents that a person may mean.

    Args:
        store: the store.
        wanted: an id, the name of a file or of a record in it, or the end of a name.

    Raises:
        StoreError: a staged file is damaged.
    """
    path = uri_of_path(os.path.abspath(os.path.expanduser(wanted)))
    end = f"/{os.path.normpath(wanted).lstrip('/')}"
    ends = (end, uri_of_path(end).removeprefix("file://"))
    found: dict[str, StagedRow] = {}
    for session in sessions(store):
        for part in staged_ledger(session):
            try:
                rows = read_part(part, ["id", "source", "outcome"]).to_pylist()
            except StoreError:
                if files.exists(part):
                    raise
                continue  # committed meanwhile
            for row in rows:
                names = (row["source"], row["source"].split("#", 1)[0])
                if wanted == row["id"] or any(
                    name in (wanted, path) or name.endswith(ends) for name in names
                ):
                    found[row["id"]] = StagedRow(row["id"], row["source"], row["outcome"])
    return list(found.values())


def _told(store: Store) -> dict[str, Any]:
    """What the status file tells, if it is there and can be read."""
    try:
        told = orjson.loads(Path(store.path, "stream.json").read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return told if isinstance(told, dict) else {}
