"""A run: where one atomic ingestion puts its files, and what it stamps on them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from transforms import files


@dataclass(frozen=True, slots=True)
class Run:
    """One ingestion into ``store``; its directories count only once its manifest is written.

    ``run_id`` sorts in the order of the runs; ``started_at`` (UTC) stamps every row.
    """

    store: str
    run_id: str
    started_at: datetime

    def directory(self, kind: str) -> str:
        """Directory of this run's files of a kind, such as ``documents`` or ``ledger``."""
        return files.join(self.store, kind, f"run={self.run_id}")

    def part(self, kind: str, part: str, suffix: str) -> str:
        """Path of the file of a kind that a part of this run ends in."""
        return files.join(self.directory(kind), f"part-{part}{suffix}")


def beside(path: str, kind: str) -> str:
    """The file of another kind for the same part of a run: ``fingerprints`` of ``documents``.

    Args:
        path: of a file of a run, ``…/kind/run=ID/NAME``; the store may be called like a kind.
        kind: the other kind.
    """
    *store, _, run, name = path.split("/")
    return "/".join([*store, kind, run, name])
