"""Whether the files of a run agree with each other: documents, ledger, fingerprints, letters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from string import hexdigits
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.missed import pending_runs
from pipelines.state import State
from pipelines.store import Store
from pipelines.verify_problem import Problem, read_anew
from pipelines.verify_read import STRINGS, Rows, documents_in_words, opened, read_part
from transforms import files
from transforms.document import LEDGER_SCHEMA, SCHEMA
from transforms.published import FINGERPRINT_SCHEMA
from transforms.run import beside


@dataclass(slots=True)
class Seen:
    """What of all runs is needed to judge one: ids ever published, and canonicals named."""

    documents: int = 0
    kept: list[pa.Array] = field(default_factory=list)
    canonicals: list[tuple[str, pa.Array]] = field(default_factory=list)


def check_run(store: Store, run_id: str, state: State, seen: Seen) -> Iterator[Problem]:
    """What is wrong with the files of a run.

    Args:
        store: the store; the files that its manifests name are there.
        run_id: the run.
        state: the state after the run.
        seen: what earlier calls have told of other runs; this one is added.
    """
    manifest = store.manifests[run_id]
    ledger, documents = Rows(), Rows()
    problems: list[Problem] = []
    for path, table in opened(store, "ledger", LEDGER_SCHEMA, run_id, problems):
        _check_run_ids(path, table, run_id, manifest, problems)
        ledger.add(table, "outcome", "duplicate_of")
    without_fingerprint = 0
    fingerprints = {path for _, path in store.parts("fingerprints", [run_id])}
    for path, table in opened(store, "documents", SCHEMA, run_id, problems):
        _check_run_ids(path, table, run_id, manifest, problems)
        documents.add(table)
        other = beside(path, "fingerprints")
        without_fingerprint += _check_fingerprints(
            store, run_id, table, other, other in fingerprints, problems
        )
        fingerprints.discard(other)
    for path in sorted(fingerprints):
        what = "there is no file of documents of that name"
        problems.append(Problem(path, what, read_anew(store.path, run_id)))
    yield from problems
    if any(problem.is_fatal for problem in problems):
        return
    if (wanted := _without_fingerprint(manifest)) not in (None, without_fingerprint):
        what = f"{without_fingerprint:,} canonical documents have no fingerprint, not {wanted:,}"
        yield Problem(f"run {run_id}", what, read_anew(store.path, run_id))
    yield from _check_rows(store, run_id, state, ledger, documents)
    yield from _check_letters(store, run_id, state, ledger)
    seen.documents += len(documents.column("id"))
    outcomes = ledger.column("outcome")
    seen.kept.append(pc.unique(ledger.column("id").filter(pc.equal(outcomes, "kept"))))
    named = pc.unique(ledger.column("duplicate_of").cast(pa.string()).drop_null())
    seen.canonicals.append((run_id, named))


def check_canonicals(store: Store, state: State, seen: Seen) -> Iterator[Problem]:
    """Canonicals that ledgers name and that were never published, though they have duplicates.

    Runs of streams may name such until they are reconciled: what was on its way may have failed.
    """
    kept = pa.concat_arrays([STRINGS, *seen.kept])
    pending = set(map(store.holder, pending_runs(store)))
    for run_id, named in seen.canonicals:
        lost = named.filter(pc.invert(pc.is_in(named, kept)))
        members = state.members_of(lost.to_pylist()) if len(lost) else []
        if run_id not in pending and any(row.outcome != "failed" for row in members):
            what = f"{documents_in_words(lost)} of which others are duplicates were never published"
            yield Problem(f"ledger of run {run_id}", what, read_anew(store.path, run_id))


def _without_fingerprint(manifest: dict[str, Any]) -> int | None:
    """How many canonicals have no fingerprint, if that can be known."""
    if "replaces" in manifest:
        return int(manifest["without_fingerprint"])
    return None if manifest.get("settings", {}).get("duplicates") == "off" else 0


def _check_run_ids(
    path: str, table: pa.Table, run_id: str, manifest: dict[str, Any], problems: list[Problem]
) -> None:
    """Rows name the run that they are of; in a compacted one, one of those before it."""
    written_by = pc.unique(table.column("run_id")).to_pylist()
    replaces = "replaces" in manifest
    others = [
        other for other in written_by if other != run_id and not (replaces and other < run_id)
    ]
    if others:
        what = f"it has rows of run {others[0]}"
        problems.append(Problem(path, what, "move it out of the store", is_fatal=True))


def _check_fingerprints(
    store: Store,
    run_id: str,
    documents: pa.Table,
    path: str,
    is_there: bool,
    problems: list[Problem],
) -> int:
    """Compare fingerprints with the documents of a part; returns how many canonicals have none."""
    canonicals = pc.is_null(documents.column("duplicate_of"))
    number = int(pc.sum(canonicals).as_py() or 0)
    if not is_there:
        return number
    mend = read_anew(store.path, run_id)
    table = read_part(path, FINGERPRINT_SCHEMA, mend, problems)
    if table is None:
        return number
    rows = table.column("row").combine_chunks()
    is_inside = pc.and_(pc.greater_equal(rows, 0), pc.less(rows, documents.num_rows))
    if not pc.all(is_inside, min_count=0).as_py() or len(pc.unique(rows)) < len(rows):
        problems.append(Problem(path, "its rows are not those of the documents", mend))
        return number
    of = documents.select(["id", "content_hash", "duplicate_of"]).take(rows)
    is_same = pc.and_(
        pc.equal(of.column("id"), table.column("id")),
        pc.equal(of.column("content_hash"), table.column("content_hash")),
    )
    is_same = pc.and_(is_same, pc.is_null(of.column("duplicate_of")))
    wrong = table.column("id").filter(pc.invert(is_same))
    if len(wrong):
        problems.append(
            Problem(path, f"{documents_in_words(wrong)} are not those of their rows", mend)
        )
    return number - len(rows)


def _check_rows(
    store: Store, run_id: str, state: State, ledger: Rows, documents: Rows
) -> Iterator[Problem]:
    """Compare the ledger with the documents and with what the manifest counts."""
    manifest = store.manifests[run_id]
    mend = read_anew(store.path, run_id)
    said = manifest.get("outcomes", {})
    counted = Counter(
        {
            one["values"]: one["counts"]
            for one in ledger.column("outcome").value_counts().to_pylist()
        }
    )
    if said != counted:
        what = f"the ledger has {_in_words(counted)}, the manifest says {_in_words(said)}"
        yield Problem(f"run {run_id}", what, mend)
    compared, extra, lost = 0, [STRINGS], [STRINGS]
    for digit in hexdigits[:16]:
        ids, keys = documents.beginning(digit)
        kept, rows = ledger.beginning(digit, "kept")
        compared += len(pc.unique(ids))
        extra += ids.filter(pc.invert(pc.is_in(keys, rows))).chunks
        missing = pc.unique(kept.filter(pc.invert(pc.is_in(rows, keys))))
        if "replaces" in manifest:  # it has none of the versions that were superseded before it
            absent = missing.filter(pc.invert(pc.is_in(missing, ids)))
            stands = state.standing(absent.to_pylist(), [run_id] * len(absent))
            missing = absent.filter(pa.array(stands, pa.bool_()))
        lost.append(missing)
    if compared < len(documents.column("id")):
        what = "an id is there twice, or is none"
        yield Problem(f"documents of run {run_id}", what, mend, is_fatal=True)
    if len(more := pa.concat_arrays(extra)):
        what = f"{documents_in_words(more)} have no ledger row kept with that content_hash"
        yield Problem(f"documents of run {run_id}", what, mend, is_fatal=True)
    if len(less := pa.concat_arrays(lost)):
        what = f"{documents_in_words(less)} are kept, but not there with that content_hash"
        yield Problem(f"ledger of run {run_id}", what, mend, is_fatal=True)


def _check_letters(store: Store, run_id: str, state: State, ledger: Rows) -> Iterator[Problem]:
    """Every failed document has a dead letter; in a compacted run those whose letter is open."""
    letters: set[str] = set()
    mend = read_anew(store.path, run_id)
    for _, path in store.parts("dead-letters", [run_id]):
        for number, line in enumerate(files.read(path).splitlines(), 1):
            try:
                letters.add(str(orjson.loads(line)["id"]))
            except (orjson.JSONDecodeError, KeyError, TypeError) as error:
                yield Problem(path, f"line {number} is no dead letter ({error})", mend)
    is_failed = pc.equal(ledger.column("outcome"), "failed")
    failed: Iterable[str] = set(ledger.column("id").filter(is_failed).to_pylist())
    if "replaces" in store.manifests[run_id]:
        failed = {row.id for row in state.documents(failed) if row.outcome == "failed"}
    lost = pa.array(sorted(set(failed) - letters), pa.string())
    if len(lost) > store.manifests[run_id].get("without_letter", 0):
        yield Problem(
            f"ledger of run {run_id}",
            f"{documents_in_words(lost)} failed without a dead letter",
            mend,
        )


def _in_words(outcomes: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in sorted(outcomes.items())) or "none"
