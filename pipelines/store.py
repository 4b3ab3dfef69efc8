"""The store: an output directory in which only what a manifest names counts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from transforms import files
from transforms.run import Run

KINDS = ("documents", "ledger", "fingerprints", "dead-letters")
"""What a run leaves in the store; its ``spool`` goes when it ends."""


class StoreError(RuntimeError):
    """A store that cannot be used; the message is one line for the user."""


class StoreNotWritableError(StoreError, ValueError):
    """A place that cannot be a store: whoever named it has to name another."""


@dataclass(frozen=True)
class Store:
    """A store at ``path``, a directory of any Beam filesystem."""

    path: str

    @property
    def option(self) -> str:
        """What a command that users are told needs to mean this store; begins with a blank."""
        return "" if self.path == "store" else f" --store {quote(self.path)}"

    @property
    def index_path(self) -> Path:
        """Where the embedded index lies."""
        return Path(self.path, "search.db")

    @property
    def state_path(self) -> Path:
        """Where the state of a local store lies."""
        return Path(self.path, "state.db")

    @cached_property
    def manifests(self) -> dict[str, dict[str, Any]]:
        """Manifest of each committed run by run id, oldest first.

        A run that another one ``replaces`` (a compacted one) no longer counts, though its files
        may still be there.

        Raises:
            StoreError: a manifest is damaged.
        """
        written = self.written
        replaced = {run_id for one in written.values() for run_id in one.get("replaces", ())}
        return {run_id: one for run_id, one in written.items() if run_id not in replaced}

    @cached_property
    def written(self) -> dict[str, dict[str, Any]]:
        """All manifests by run id, oldest first: also those of runs that no longer count.

        Raises:
            StoreError: a manifest is damaged.
        """
        found = {}
        for name in files.names(files.join(self.path, "runs"), ".json"):
            path = files.join(self.path, "runs", name)
            try:
                found[name.removesuffix(".json")] = orjson.loads(files.read(path))
            except orjson.JSONDecodeError as error:
                raise StoreError(
                    f"manifest {path} is damaged ({error}); move it away and run again: "
                    "what it named will be read anew"
                ) from None
        return found

    def holder(self, run_id: str) -> str | None:
        """The run in whose directories the rows of a run are: itself, or a compacted one.

        A compacted run comes after all those that it replaces and before any other that counts.
        """
        return next((later for later in self.manifests if later >= run_id), None)

    def holds(self, path: str) -> bool:
        """Whether a file lies in the store, and so is a result, no source."""
        return path.startswith(self._prefix)

    @cached_property
    def _prefix(self) -> str:
        remote = files.is_remote(self.path)
        path = self.path if remote else os.path.abspath(self.path)  # noqa: PTH100  links stay
        return path.rstrip("/") + "/"

    def new_run(self, now: datetime | None = None) -> Run:
        """A run whose id sorts after every committed one, even when the clock jumped back."""
        now = now or datetime.now(UTC)
        last = max((int(run_id.split("-")[0]) for run_id in self.written), default=0)
        return Run(self.path, f"{last + 1:06d}-{now:%Y%m%dT%H%M%SZ}", now)

    def create(self) -> None:
        """Make sure that the store can be written.

        Raises:
            StoreNotWritableError: it cannot.
        """
        probe = files.join(self.path, "runs", ".writable")
        try:
            files.check_filesystem(self.path)
            files.write(probe, b"\n")  # S3 takes no empty file
            if not files.is_remote(self.path):
                Path(probe).unlink()
        except Exception as error:  # what Beam's filesystems raise has no common base
            reason = getattr(error, "strerror", None) or str(error)
            raise StoreNotWritableError(
                f"cannot write to the store {self.path}: {reason}"
            ) from None

    def discard_uncommitted(self) -> list[str]:
        """Delete the files of runs that have no manifest; returns their ids.

        Those of replaced runs go as well, when no reader can still need them.
        """
        self._discard_replaced()
        discarded = set()
        for kind in (*KINDS, "spool"):
            for name in files.directories(files.join(self.path, kind)):
                run_id = name.removeprefix("run=")
                if name.startswith("run=") and (kind == "spool" or run_id not in self.written):
                    files.delete_tree(files.join(self.path, kind, name))
                    discarded.add(run_id)
        return sorted(discarded - set(self.written))

    def _discard_replaced(self) -> None:
        """Delete manifests, then files, of replaced runs whose time is up."""
        now = datetime.now(UTC)
        for manifest in list(self.manifests.values()):
            old = [run_id for run_id in manifest.get("replaces", ()) if run_id in self.written]
            if old and now >= datetime.fromisoformat(manifest["old_files_until"]):
                for run_id in old:  # in this order: without a manifest the rest is uncommitted
                    files.delete(files.join(self.path, "runs", f"{run_id}.json"))
                    self.discard(Run(self.path, run_id, now))
        self.refresh()

    def discard(self, run: Run) -> None:
        """Delete all files of a run that was not committed."""
        for kind in (*KINDS, "spool"):
            files.delete_tree(run.directory(kind))

    def commit(self, run: Run, manifest: dict[str, Any]) -> None:
        """Write the manifest, when all that it speaks of is safe: from here on the run counts."""
        files.make_durable(
            files.join(run.directory(kind), name)
            for kind, names in run_files(run).items()
            for name in names
        )
        path = files.join(self.path, "runs", f"{run.run_id}.json")
        files.write(path, orjson.dumps(manifest, option=orjson.OPT_INDENT_2) + b"\n", durable=True)
        self.refresh()

    def refresh(self) -> None:
        """Look again which runs are committed, where another process may have committed one."""
        for name in ("manifests", "written"):
            self.__dict__.pop(name, None)

    def parts(self, kind: str, run_ids: Iterable[str] | None = None) -> Iterator[tuple[str, str]]:
        """(run id, path) of the committed files of a kind, in the order of runs and parts."""
        for run_id in self.manifests if run_ids is None else run_ids:
            directory = files.join(self.path, kind, f"run={run_id}")
            for name in files.names(directory):
                yield run_id, files.join(directory, name)

    def tables(
        self, kind: str, columns: list[str] | None = None, run_ids: Iterable[str] | None = None
    ) -> Iterator[pa.Table]:
        """The committed Parquet parts of a kind, one table each.

        Raises:
            StoreError: a part is damaged.
        """
        for _, path in self.parts(kind, run_ids):
            yield read_part(path, columns)


def read_part(path: str, columns: list[str] | None = None) -> pa.Table:
    """A Parquet part as a table.

    Raises:
        StoreError: the part is damaged.
    """
    try:
        return pq.ParquetFile(pa.BufferReader(files.read(path))).read(columns=columns)
    except (pa.ArrowInvalid, OSError) as error:
        raise StoreError(f"{path} cannot be read: {error}") from None


def run_files(run: Run) -> dict[str, list[str]]:
    """Names of the files that a run has written, by kind."""
    return {kind: files.names(run.directory(kind)) for kind in KINDS}
