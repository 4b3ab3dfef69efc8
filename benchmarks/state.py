"""The state of a store with a million documents: made from the ledger, and compared with a listing.

``python -m benchmarks.state [--documents N] [--per-file N]``. The ledger is synthetic. Of the files
of the listing one in a hundred has changed, one in a hundred is new, one in a hundred is gone. Each
figure is of a process of its own; its memory is the peak of the resident set, listing included.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from benchmarks.measure import run, verdict
from pipelines.selection import select
from pipelines.settings import Settings
from pipelines.state import open_state
from pipelines.store import Store
from transforms import files
from transforms.document import LEDGER_SCHEMA, document_id
from transforms.read.slices import SourceFile
from transforms.read.survey import Survey, scope_of

RUNS = 10
PART = 1000
ROOT = "/home/someone/corpus/of/documents"
SECONDS, MEGABYTES = 10, 500
MB = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--per-file", type=int, default=1, help="documents in each file")
    parser.add_argument("--phase", choices=["write", "make", "compare"], help="of this process")
    parser.add_argument("--store", type=Path)
    asked = parser.parse_args()
    if asked.phase:
        phase(asked.phase, Store(str(asked.store)), asked.documents, asked.per_file)
        return
    with TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "benchmarks.state", "--store", directory]
        command += ["--documents", str(asked.documents), "--per-file", str(asked.per_file)]
        for name in ("write", "make", "compare"):
            print(run([*command, "--phase", name]).output, end="", flush=True)


def phase(name: str, store: Store, documents: int, per_file: int) -> None:
    """Do one part of the work, and say what it took."""
    if name == "write":
        write_ledger(store, documents, per_file)
        return
    before = time.perf_counter()
    if name == "make":
        with open_state(store, store.state_path) as state:
            number = state.published()
        took = time.perf_counter() - before
        size = store.state_path.stat().st_size
        print(f"state of {number:,} documents made in {took:.1f} s, {size / MB:,.0f} MB,", peak())
        return
    found = listing(documents // per_file)
    listed = time.perf_counter()
    with open_state(store, store.state_path) as state:
        selection = select(Settings(sources=[ROOT], store=store.path), state, found)
    took = time.perf_counter() - listed
    print(
        f"{len(found.files):,} files compared in {took:.1f} s: {len(selection.new):,} new, "
        f"{len(selection.changed):,} changed, {len(selection.gone):,} gone,",
        peak(),
    )
    verdict("comparing a listing with the state", took, SECONDS, at_least=False, unit=" s")
    verdict("memory for it", maximum() / MB, MEGABYTES, at_least=False, unit=" MB")


def peak() -> str:
    return f"peak memory {maximum() / MB:,.0f} MB"


def maximum() -> int:
    """Peak of the resident set of this process, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def path_of(number: int) -> str:
    return f"{ROOT}/{number // 1000:05d}/document-{number:08d}.txt"


def listing(number: int) -> Survey:
    """The files of a directory, most of them as they were."""
    found = tuple(
        SourceFile(
            f"file://{path_of(place)}",
            4096,
            f"4096-{1_700_000_000_000_000_000 + place + (place % 100 == 7)}",
        )
        for place in range(number + number // 100)
        if place % 100 != 3
    )
    return Survey(found, (), (scope_of(ROOT, lambda _: True),))


def write_ledger(store: Store, documents: int, per_file: int) -> None:
    """Ten runs, which kept nine documents of ten."""
    from transforms.parquet import encode  # not for the processes that are measured: brings Beam

    for number in range(RUNS):
        run_ = store.new_run(datetime(2026, 1, 1, tzinfo=UTC))
        here = range(number * documents // RUNS, (number + 1) * documents // RUNS)
        for part, start in enumerate(range(here.start, here.stop, PART)):
            rows: list[dict[str, object]] = []
            for place in range(start, min(start + PART, here.stop)):
                uri = f"file://{path_of(place // per_file)}"
                key = str(place) if per_file > 1 else ""
                is_duplicate = place % 10 == 9
                rows.append(
                    {
                        "id": document_id(uri, key),
                        "source": f"{uri}#{key}" if key else uri,
                        "source_version": f"4096-{1_700_000_000_000_000_000 + place // per_file}",
                        "outcome": "duplicate" if is_duplicate else "kept",
                        "reason": "same text" if is_duplicate else "",
                        "duplicate_of": rows[0]["id"] if is_duplicate else None,
                        "similarity": 1.0 if is_duplicate else None,
                        "content_hash": blake2b(b"%d" % place, digest_size=16).hexdigest(),
                        "run_id": run_.run_id,
                        "recorded_at": run_.started_at,
                    }
                )
            table = pa.Table.from_pylist(rows, schema=LEDGER_SCHEMA)
            files.write(run_.part("ledger", f"{part:05d}-000", "-kept.parquet"), encode(table))
        store.commit(run_, {"outcomes": {}})


if __name__ == "__main__":
    main()
