"""The dead letters of a store: which there are, which are still open, and which a person means.

A letter is never changed. What settles it is written later: a ledger row of the document, rows of
its file in another version, or a record that a replay appends to ``dead-letters/settled``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson

from pipelines.settings import ConfigurationError
from pipelines.settled import Evidence
from pipelines.state import file_of
from pipelines.store import Store, StoreError
from transforms import files
from transforms.letters import INDEX, KIND, stage_of

STAGES = ("list", "read", "clean", INDEX)

_SETTLED = "settled"
_SHORTEST_ID = 6
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter of the run ``run_id``; ``settled`` says what settled it, None while it is open.

    ``attempts`` counts the failures of the document until then, this one included.
    """

    id: str
    source: str
    stage: str
    error_type: str
    error: str
    attempts: int
    recorded_at: datetime
    run_id: str
    payload: str | None = None
    settled: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether nothing that came later has settled it."""
        return self.settled is None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells it from all others: run, document, stage, time."""
        return self.run_id, self.id, self.stage, self.recorded_at.isoformat()

    @property
    def subject(self) -> tuple[str, bool]:
        """What it is about: a document on its way, or a published one on its way to the index."""
        return self.id, self.stage == INDEX

    def as_json(self) -> dict[str, Any]:
        """Its fields as plain values."""
        return {
            "id": self.id,
            "run_id": self.run_id,
            "recorded_at": self.recorded_at.isoformat(),
            "stage": self.stage,
            "source": self.source,
            "error_type": self.error_type,
            "error": self.error,
            "attempts": self.attempts,
            "open": self.is_open,
            "settled": self.settled,
            "payload": self.payload,
        }


def all_letters(store: Store, ids: Collection[str] | None = None) -> list[Letter]:
    """Every letter of the committed runs, in the order of runs; none is told to be settled.

    Args:
        store: the store.
        ids: the documents whose letters are wanted; None wants all.

    Raises:
        StoreError: a file of letters is damaged.
    """
    return [
        _letter(run_id, stage_of(path, line["stage"]), line)
        for run_id, path in store.parts(KIND)
        if path.endswith(".jsonl")
        for line in _lines(path, ids)
    ]


def newest_letters(store: Store, ids: Collection[str] | None = None) -> list[Letter]:
    """The newest letter on each document, with what settled it; the newest first.

    Args:
        store: the store.
        ids: the documents whose letters are wanted; None wants all.

    Raises:
        StoreError: a file of letters, or of the ledger, is damaged.
    """
    newest = {letter.subject: letter for letter in all_letters(store, ids)}
    if not newest:
        return []
    records = {
        (record["run_id"], record["id"], record["stage"], record["recorded_at"]): record["settled"]
        for name in files.names(files.join(store.path, KIND, _SETTLED), ".jsonl")
        for record in _lines(files.join(store.path, KIND, _SETTLED, name), ids)
    }
    evidence = Evidence.gather(store, newest.values())
    letters = [
        replace(letter, settled=records.get(letter.key) or evidence.on(letter))
        for letter in newest.values()
    ]
    by_source = sorted(letters, key=lambda letter: letter.source)
    return sorted(by_source, key=lambda letter: letter.recorded_at, reverse=True)


def open_letters(store: Store, ids: Collection[str] | None = None) -> list[Letter]:
    """The letters that are open: the newest on each document, if nothing has settled it since.

    Whoever tells or keeps open letters asks here: ``dead-letters``, ``status``, ``explain`` and
    ``compact``.

    Raises:
        StoreError: a file of letters, or of the ledger, is damaged.
    """
    return [letter for letter in newest_letters(store, ids) if letter.is_open]


def key_of(run_id: str, path: str, line: dict[str, Any]) -> tuple[str, str, str, str]:
    """The ``key`` of the letter that a line of a file of a run holds.

    Raises:
        KeyError, TypeError, ValueError: the line is no dead letter.
    """
    recorded_at = datetime.fromisoformat(line["recorded_at"]).isoformat()
    return run_id, str(line["id"]), stage_of(path, line["stage"]), recorded_at


def settle(store: Store, letters: Iterable[Letter], what: str) -> None:
    """Append a record that ``what`` settled these letters; the caller holds the store's lock.

    Raises:
        OSError: it cannot be written.
    """
    now = datetime.now(UTC)
    lines = []
    for letter in letters:
        run_id, id_, stage, recorded_at = letter.key
        record = {"id": id_, "run_id": run_id, "stage": stage, "recorded_at": recorded_at}
        lines.append(orjson.dumps(record | {"settled": what, "settled_at": now.isoformat()}))
    if lines:
        name = f"part-{now:%Y%m%dT%H%M%S%f}-{uuid4().hex[:8]}.jsonl"
        path = files.join(store.path, KIND, _SETTLED, name)
        files.write(path, b"\n".join(lines) + b"\n", durable=True)


def selected(
    letters: Iterable[Letter],
    wanted: Sequence[str] = (),
    stage: str | None = None,
    since: datetime | None = None,
) -> list[Letter]:
    """Those of a stage, recorded since a time, that one of ``wanted`` names if there is any.

    Raises:
        ConfigurationError: there is no such stage.
    """
    if stage is not None and stage not in STAGES:
        raise ConfigurationError(f"--stage takes {', '.join(STAGES)}: {stage!r}")
    return [
        letter
        for letter in letters
        if (stage is None or letter.stage == stage)
        and (since is None or letter.recorded_at >= since)
        and (not wanted or any(_names(letter, one) for one in wanted))
    ]


def find_letters(letters: Iterable[Letter], wanted: str, kind: str = "dead") -> list[Letter]:
    """The letters that ``wanted`` names: an id or its beginning, a source, or the end of one.

    ``kind`` is what the letters are in the message of the error.

    Raises:
        StoreError: there is none.
    """
    found = selected(letters, [wanted])
    if not found:
        raise StoreError(
            f"no {kind} letter is about {wanted!r}; give an id, a path, a URL or the end of one "
            "(docsluice dead-letters list --all names them)"
        )
    return found


def since_time(text: str, now: datetime) -> datetime:
    """The time that ``--since`` means: a date or time of ISO 8601, or a span such as 2d before now.

    Spans are in minutes, hours, days or weeks (m, h, d, w). Without a zone it is UTC.

    Raises:
        ConfigurationError: it is none of these.
    """
    span = re.fullmatch(r"(\d{1,6})([mhdw])", text.strip())
    try:
        if span:
            return now - timedelta(**{_UNITS[span[2]]: int(span[1])})
        moment = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"--since takes a date such as 2026-01-31, or a span such as 2d or 3h: {text!r}"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _letter(run_id: str, stage: str, fields: dict[str, Any]) -> Letter:
    return Letter(
        fields["id"],
        fields["source"],
        stage,
        fields["error_type"],
        fields["error"],
        fields["attempts"],
        datetime.fromisoformat(fields["recorded_at"]),
        run_id,
        fields.get("payload"),
    )


def _lines(path: str, ids: Collection[str] | None) -> list[dict[str, Any]]:
    """The lines of a file, but for those that are about none of the documents ``ids``."""
    wanted = None if ids is None else [id_.encode() for id_ in ids]
    try:
        return [
            orjson.loads(line)
            for line in files.read(path).splitlines()
            if line and (wanted is None or any(one in line for one in wanted))
        ]
    except orjson.JSONDecodeError as error:
        raise StoreError(f"{path} is damaged ({error}); move it out of the store") from None


def _names(letter: Letter, wanted: str) -> bool:
    """Whether a person who writes ``wanted`` means this letter."""
    if len(wanted) >= _SHORTEST_ID and letter.id.startswith(wanted):
        return True
    if wanted in (letter.source, file_of(letter.source)):
        return True
    name, hash_, key = wanted.rpartition("#") if "#" in wanted else (wanted, "", "")
    if "://" in name or not name:
        return False
    whole = Path(os.path.abspath(name)).as_uri()  # noqa: PTH100  symlinks stay
    end = Path("/", name).as_uri().removeprefix("file://")
    source = letter.source if hash_ else file_of(letter.source)
    return source == whole + hash_ + key or source.endswith(end + hash_ + key)
