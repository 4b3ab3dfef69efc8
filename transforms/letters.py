"""Dead letters: what could not be processed, with the error and what is needed to try again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache

import orjson

from transforms import files
from transforms.document import Rejected
from transforms.run import Run

KIND = "dead-letters"
"""Directory of a store in which each run has one with the files of its letters."""

INDEX = "index"
"""Stage of the letters of published documents that the search index refused."""

_ID = re.compile(rb'^\{"id":"([^"]+)"', re.MULTILINE)


def dead_letter(
    rejected: Rejected, stage: str, recorded_at: datetime, attempts: int = 1
) -> dict[str, object]:
    """A failed document as a JSON object.

    ``payload`` is the raw material where the failing stage kept it; otherwise ``source`` is the
    pointer from which the document can be read again. ``attempts`` counts this failure as well.
    """
    letter: dict[str, object] = {
        "id": rejected.id,
        "source": rejected.source,
        "stage": stage,
        "error_type": rejected.error_type,
        "error": rejected.reason,
        "attempts": attempts,
        "recorded_at": recorded_at.isoformat(),
    }
    if rejected.payload is not None:
        letter["payload"] = rejected.payload.encode("utf-8", "replace").decode()
    return letter


def stage_of(path: str, stated: str) -> str:
    """The stage of a letter: the ``stated`` one; of older stores only the file says ``list``."""
    return "list" if path.endswith("-list.jsonl") else stated


def _is_of_index(path: str) -> bool:
    return path.endswith(f"-{INDEX}.jsonl")


def write_dead_letters(run: Run, part: str, stage: str, failed: Iterable[Rejected]) -> str:
    """Write the failed documents that a stage leaves of a part; returns the path of the file.

    Raises:
        OSError: the file cannot be written, or earlier letters cannot be read.
    """
    path = run.part(KIND, part, f"-{stage}.jsonl")
    before = _failures_before(run.store, run.run_id)
    _write_file(path, stage, failed, run.started_at, before)
    return path


def append_index_letters(run: Run, failed: Iterable[Rejected]) -> str:
    """Write the documents of a committed run that the index refuses now; returns the path.

    Each call writes a file of its own: an index that is built anew may refuse them again.

    Raises:
        OSError: the file cannot be written, or earlier letters cannot be read.
    """
    written = sum(_is_of_index(name) for name in files.names(run.directory(KIND)))
    path = run.part(KIND, f"{written:05d}-000", f"-{INDEX}.jsonl")
    _write_file(path, INDEX, failed, run.started_at, _refusals(run.store))
    return path


def _write_file(
    path: str, stage: str, failed: Iterable[Rejected], at: datetime, before: Counter[str]
) -> None:
    ordered = sorted(failed, key=lambda one: (one.source, one.id, one.reason))
    letters = (orjson.dumps(dead_letter(one, stage, at, before[one.id] + 1)) for one in ordered)
    files.write(path, b"\n".join(letters) + b"\n")


@lru_cache(maxsize=1)  # the same for all parts of a run
def _failures_before(store: str, run_id: str) -> Counter[str]:
    """In how many runs before this one each document failed; the index does not count."""
    failures: Counter[str] = Counter()
    for directory in _run_directories(store):
        if directory < f"run={run_id}":
            ids = (_ids(path) for path in _files(store, directory) if not _is_of_index(path))
            failures.update(set().union(*ids))
    return failures


def _refusals(store: str) -> Counter[str]:
    """How often the index has refused each document."""
    refusals: Counter[str] = Counter()
    for directory in _run_directories(store):
        for path in _files(store, directory):
            if _is_of_index(path):
                refusals.update(_ids(path))
    return refusals


def _run_directories(store: str) -> list[str]:
    return [name for name in files.directories(files.join(store, KIND)) if name.startswith("run=")]


def _files(store: str, directory: str) -> Iterator[str]:
    directory = files.join(store, KIND, directory)
    return (files.join(directory, name) for name in files.names(directory, ".jsonl"))


def _ids(path: str) -> set[str]:
    """Ids of the letters in a file; what is damaged in it is passed over."""
    return {found[1].decode() for found in _ID.finditer(files.read(path))}
