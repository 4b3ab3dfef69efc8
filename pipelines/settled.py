"""What the ledger says of dead letters: which of them a later run has settled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.state import file_of
from pipelines.store import Store
from transforms.letters import INDEX

if TYPE_CHECKING:
    from pipelines.dead_letters import Letter


@dataclass
class Evidence:
    """Ledger rows that bear on dead letters, in the order of runs.

    ``outcomes`` are (run, outcome, version) by document, ``versions`` (run, version) by file, and
    ``below`` the runs that read something below a place.
    """

    outcomes: dict[str, list[tuple[str, str, str]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    versions: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    below: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def gather(cls, store: Store, letters: Collection[Letter]) -> Evidence:
        """Look through the ledger from the oldest letter on.

        Raises:
            StoreError: a part of the ledger is damaged.
        """
        found = cls()
        ids = pa.array([letter.id for letter in letters], pa.string())
        uris = pa.array([file_of(letter.source) for letter in letters], pa.string()).unique()
        places = {letter.source for letter in letters if letter.stage == "list"}
        first = min(letter.run_id for letter in letters)
        columns = ["id", "source", "source_version", "outcome"]
        for run_id in store.manifests:
            parts = list(store.tables("ledger", columns, [run_id])) if run_id >= first else []
            if parts:  # at once: each look takes the ids into a hash table of its own
                found._look_through(run_id, pa.concat_tables(parts), ids, uris, places)
        return found

    def _look_through(
        self, run_id: str, table: pa.Table, ids: pa.Array, uris: pa.Array, places: set[str]
    ) -> None:
        for row in table.filter(pc.is_in(table.column("id"), ids)).to_pylist():
            self.outcomes[row["id"]].append((run_id, row["outcome"], row["source_version"]))
        of_file = pc.replace_substring_regex(table.column("source"), "#.*", "")
        pairs = table.set_column(1, "source", of_file).filter(pc.is_in(of_file, uris))
        seen = pairs.group_by(["source", "source_version"]).aggregate([]).to_pydict()
        for uri, version in zip(seen["source"], seen["source_version"], strict=True):
            self.versions[uri].append((run_id, version))
        for place in places:
            if pc.any(pc.starts_with(of_file, pattern=f"{place.rstrip('/')}/")).as_py():
                self.below[place].append(run_id)

    def version(self, letter: Letter) -> str:
        """Version of the file when the letter was written; empty if it could not be opened."""
        versions = [
            version
            for run_id, outcome, version in self.outcomes[letter.id]
            if run_id == letter.run_id and outcome == "failed"
        ]
        return versions[0] if versions else ""

    def is_published(self, letter: Letter) -> bool:
        """Whether the newest run that saw a document of this id has published one."""
        rows = self.outcomes[letter.id]
        newest = rows[-1][0] if rows else ""
        return any(row[:2] == (newest, "kept") for row in rows)

    def on(self, letter: Letter) -> str | None:
        """What settled the newest letter on its document, in words; None if nothing did."""
        for run_id, outcome, _ in self.outcomes[letter.id]:
            if run_id > letter.run_id and outcome != "failed":
                return f"{outcome} in run {run_id}"
        if letter.stage == INDEX:
            return None
        version = self.version(letter)
        for run_id, other in self.versions[file_of(letter.source)]:
            if run_id > letter.run_id and other != version:
                return f"the file had changed and was read anew in run {run_id}"
        for run_id in self.below[letter.source] if letter.stage == "list" else ():
            if run_id > letter.run_id:
                return f"read in run {run_id}"
        return None
