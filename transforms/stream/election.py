"""The election of a stream: a part against itself, what arrived before it, and what is published.

The first to arrive stays. Which documents of a part give way is decided once and written down, as
whoever comes later was judged by it: a part that comes again, after a restart, in whatever order,
is treated as it was the first time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import orjson
import pyarrow.compute as pc
from numpy.typing import NDArray

from transforms import files
from transforms.band_tables import digests, entries_of, hexadecimal, keys_and_numbers
from transforms.candidates import Candidates
from transforms.election import Canonical, PartVerdicts, hold_election
from transforms.keys import Keys, keys_path, read_keys
from transforms.meeting import NOBODY, Elders, Meeting
from transforms.published import microseconds
from transforms.run import Run
from transforms.spool import read_columns, spool_path
from transforms.stream.arrivals import ARRIVAL, Arrivals, Lot


@dataclass(frozen=True, slots=True)
class Earlier:
    """Those who were there before the documents with ``ids``: in ``arrivals`` and published."""

    run: Run
    ids: NDArray[np.uint64]
    arrivals: Arrivals
    published: Elders | None

    def meeting(self, keys: Keys) -> Meeting:
        """Those of both that share a key; of one in both what arrived, which may be newer."""
        arrived = self.arrivals.meeting(keys, self.ids, self._path_of)
        published = self.published.meeting(keys) if self.published else NOBODY
        return _together(arrived, published, np.concatenate([self.ids, arrived.documents["id"]]))

    def _path_of(self, part: str) -> str | None:
        path = spool_path(self.run, part)
        return path if files.exists(path) else None


def decide(
    run: Run, part: str, arrivals: Arrivals, published: Elders | None, threshold: float, near: bool
) -> PartVerdicts:
    """The verdicts on a part in the spool, which are written down; or those that were before.

    A document that is among the arrivals in the same version has come again, and stays.

    Raises:
        OSError: a file cannot be read or written.
    """
    decided = read_verdicts(run, part)
    if decided is not None:
        return decided
    ids, versions = _identities(run, part)
    earlier = Earlier(run, ids, arrivals, published) if near else None
    found = dict(hold_election(Candidates(run, [part], earlier), threshold, near))
    verdicts = found.get(part, PartVerdicts())
    for row in np.flatnonzero(arrivals.known(ids, versions)).tolist():
        verdicts.canonical_of.pop(row, None)
    _write_verdicts(run, part, verdicts)
    return verdicts


def lot_of(run: Run, part: str, number: int, verdicts: PartVerdicts, arrivals: Arrivals) -> Lot:
    """What a part adds to the arrivals; nothing of the documents that are there already."""
    table = read_columns(
        spool_path(run, part), ["id", "content_hash", "published_at", "text", "source_version"]
    )
    keys = read_keys(keys_path(run, part))
    found = np.zeros(table.num_rows, ARRIVAL)
    documents = found["document"]
    documents["id"] = digests(table.column("id").to_pylist())
    documents["content"] = digests(table.column("content_hash").to_pylist())
    documents["date"] = microseconds(table.column("published_at"))
    documents["characters"] = pc.utf8_length(table.column("text")).to_numpy()
    documents["row"] = np.arange(table.num_rows)
    found["version"] = _versions(table.column("source_version").to_pylist())
    found["canonical"] = True
    found["canonical"][list(verdicts.canonical_of)] = False
    found["filled"], found["bands"] = keys.filled, keys.bands
    new = found["canonical"] | arrivals.among(documents["id"])
    new &= ~arrivals.known(documents["id"], found["version"])
    new[list(verdicts.repeated)] = False
    return Lot(number, part, found[new])


def read_verdicts(run: Run, part: str) -> PartVerdicts | None:
    """The verdicts on a part, None if there are none yet.

    Raises:
        OSError: they cannot be read.
    """
    data = files.read_if_there(verdicts_path(run, part))
    if data is None:
        return None
    found = orjson.loads(data)
    return PartVerdicts(
        {row: Canonical(*canonical) for row, *canonical in found["canonical_of"]},
        dict(found["duplicates_of"]),
        set(found["repeated"]),
    )


def verdicts_path(run: Run, part: str) -> str:
    """Path of the file with the verdicts on a part."""
    return run.part("verdicts", part, ".json")


def _write_verdicts(run: Run, part: str, verdicts: PartVerdicts) -> None:
    content = {
        "canonical_of": [
            (row, one.id, one.similarity, one.same_text)
            for row, one in verdicts.canonical_of.items()
        ],
        "duplicates_of": list(verdicts.duplicates_of.items()),
        "repeated": sorted(verdicts.repeated),
    }
    files.write(verdicts_path(run, part), orjson.dumps(content))


def _identities(run: Run, part: str) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    table = read_columns(spool_path(run, part), ["id", "source_version"])
    ids = digests(table.column("id").to_pylist())
    return ids, _versions(table.column("source_version").to_pylist())


def _versions(versions: Sequence[str]) -> NDArray[np.uint64]:
    made = (blake2b(version.encode(), digest_size=8).digest() for version in versions)
    return np.frombuffer(b"".join(made), np.uint64)


def _together(first: Meeting, second: Meeting, but: NDArray[np.uint64]) -> Meeting:
    """Two meetings as one, of the second without the documents with some ids."""
    left_out = set(hexadecimal(but))
    ids = hexadecimal(second.documents["id"])
    stays = np.array([id_ not in left_out for id_ in ids], np.bool_)
    columns = []
    for (keys, numbers), (others, theirs) in zip(first.columns, second.columns, strict=True):
        those = stays[theirs]
        entries = entries_of(others[those], theirs[those] + len(first.documents))
        columns.append(keys_and_numbers(np.concatenate([entries_of(keys, numbers), entries])))
    known = second.documents.copy()
    known["part"] += len(first.paths)
    return Meeting(columns, np.concatenate([first.documents, known]), [*first.paths, *second.paths])
