"""Whether manifests can be read, and name the files that are there."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from pipelines.store import KINDS, Store
from pipelines.verify_problem import Problem, Repair, read_anew
from transforms import files

_LATER = "-index.jsonl"
"""Letters of documents that an index refuses are written after the manifest."""


def check_manifests(store: Store) -> Iterator[Problem]:
    """What is wrong with manifests in themselves."""
    directory = files.join(store.path, "runs")
    for name in files.names(directory, ".json"):
        path, run_id = files.join(directory, name), name.removesuffix(".json")
        try:
            manifest = orjson.loads(files.read(path))
        except (orjson.JSONDecodeError, OSError) as error:
            problem = f"it is damaged ({error})"
        else:
            problem = _wrong(manifest, run_id)
        if problem:
            mend = "move it away and run again: what it named is read anew"
            yield Problem(path, problem, mend, is_fatal=True)


def _wrong(manifest: object, run_id: str) -> str:
    if not isinstance(manifest, dict):
        return "it is no JSON object"
    if manifest.get("run_id") != run_id:
        return f"it is of another run ({manifest.get('run_id')})"
    named = manifest.get("files")
    if not isinstance(named, dict) or not all(isinstance(named.get(kind), list) for kind in KINDS):
        return "it does not name the files of its run"
    return ""


def check_files(store: Store) -> Iterator[Problem]:
    """Files that are missing, files that no manifest names, runs that were not committed."""
    for run_id, manifest in store.manifests.items():
        for kind in KINDS:
            directory = files.join(store.path, kind, f"run={run_id}")
            named = set(manifest["files"][kind])
            found = set(files.names(directory))
            for name in sorted(named - found):
                mend = read_anew(store.path, run_id)
                yield Problem(files.join(directory, name), "it is missing", mend, is_fatal=True)
            for name in sorted(found - named):
                if not (kind == "dead-letters" and name.endswith(_LATER)):
                    what = f"the manifest of run {run_id} does not name it"
                    yield Problem(files.join(directory, name), what, "move it out of the store")
    uncommitted = {
        name.removeprefix("run=")
        for kind in (*KINDS, "spool")
        for name in files.directories(files.join(store.path, kind))
        if name.startswith("run=") and name.removeprefix("run=") not in store.written
    }
    for run_id in sorted(uncommitted):
        yield Problem(f"run {run_id}", "it was not committed", repair=Repair.DISCARD)
