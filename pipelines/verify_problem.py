"""What is found wrong in a store, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Repair(StrEnum):
    """What ``docsluice verify --repair`` can make anew, in the order in which it does so."""

    DISCARD = "delete the files of runs that were not committed"
    STATE = "make state.db anew from the ledger"
    BANDS = "make the band tables anew from the fingerprints"
    CACHE = "delete the cache, which fills again"
    INDEX = "make the index anew from the Parquet files"


@dataclass(frozen=True, slots=True)
class Problem:
    """A disagreement.

    Attributes:
        where: the file or thing that it is in.
        what: what is wrong, in words.
        mend: what the user can do, in words; empty where there is a ``repair``.
        repair: what mends it without the user.
        is_fatal: whether nothing that is derived from the files of runs can be checked.
    """

    where: str
    what: str
    mend: str = ""
    repair: Repair | None = None
    is_fatal: bool = False

    @property
    def line(self) -> str:
        """All of it in one line."""
        mend = f"verify --repair will {self.repair}" if self.repair else self.mend
        return f"{self.where}: {self.what}; {mend}"


def read_anew(store: str, run_id: str) -> str:
    """What to do where a file of a run is lost or wrong."""
    return (
        f"move {store}/runs/{run_id}.json away and run again: the sources of that run are read anew"
    )
