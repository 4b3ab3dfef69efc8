"""What the ledger knows: which file versions were seen, and which documents are published."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from pipelines.store import Store, read_part

if TYPE_CHECKING:
    from transforms.published import PublishedPart


def file_of(source: str) -> str:
    """URI of the file that a document's ``source`` lies in."""
    return source.split("#", 1)[0]


def seen_versions(store: Store) -> dict[str, str]:
    """Newest version of each source file that a committed run has seen, by URI.

    A file that could not be read to its end has no version, and so is read again.
    """
    versions: dict[str, str] = {}
    for run_id in store.manifests:
        of_run: dict[str, str] = {}
        for table in store.tables("ledger", ["source", "source_version"], [run_id]):
            uris = pc.replace_substring_regex(table.column("source"), "#.*", "")
            table = table.set_column(0, "source", uris)
            pairs = table.group_by(["source", "source_version"]).aggregate([]).to_pydict()
            for uri, version in zip(pairs["source"], pairs["source_version"], strict=True):
                of_run[uri] = min(version, of_run.get(uri, version))
        versions |= of_run
    return versions


@dataclass(frozen=True, slots=True)
class LatestRow:
    """The newest ledger row of a document."""

    run_id: str
    source: str
    outcome: str


def latest_rows(store: Store) -> dict[str, LatestRow]:
    """Newest ledger row of each document id over all committed runs."""
    latest: dict[str, LatestRow] = {}
    for table in store.tables("ledger", ["id", "run_id", "source", "outcome"]):
        for row in table.to_pylist():
            before = latest.get(row["id"])
            # of a repeated id, the record that was kept is what the id stands for
            if before and before.run_id == row["run_id"] and before.outcome == "kept":
                continue
            latest[row["id"]] = LatestRow(row["run_id"], row["source"], row["outcome"])
    return latest


def published_parts(store: Store, reread: Collection[str]) -> tuple[PublishedPart, ...]:
    """The canonical documents of earlier runs, for new ones to be compared with.

    Args:
        store: the store.
        reread: URIs of the files that are about to be read again; what was published of them
            is about to be replaced and is nobody's canonical.
    """
    from transforms.published import published_part  # brings the fingerprint kernel with it

    latest = {
        (id_, row.run_id)
        for id_, row in latest_rows(store).items()
        if row.outcome == "kept" and file_of(row.source) not in reread
    }
    parts = []
    for number, (run_id, path) in enumerate(store.parts("fingerprints")):
        table = read_part(path)
        alive = np.array([(id_, run_id) in latest for id_ in table.column("id").to_pylist()])
        if alive.any():
            documents = path.replace("/fingerprints/", "/documents/")
            parts.append(published_part(number, documents, table, alive))
    return tuple(parts)
