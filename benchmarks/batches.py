"""Peak memory of a call of ten batches, and of one batch of the same size.

``python -m benchmarks.batches [--megabytes N] [--entities]``. The memory is the proportional set
size summed over the processes, sampled five times a second.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.corpora import prose_jsonl
from benchmarks.measure import CORES, docsluice, run, verdict

BATCHES = 10
FILES = 4
TARGET = 1.1
MB = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=100, help="of a batch")
    parser.add_argument("--entities", action="store_true", help="also find the names: slow")
    asked = parser.parse_args()
    peaks = []
    with TemporaryDirectory() as directory:
        source, store = Path(directory, "corpus"), Path(directory, "store")
        whole = Path(directory, "whole.jsonl")
        prose_jsonl(whole, asked.megabytes * BATCHES)
        limit = split(whole, source, BATCHES, FILES)
        for part in ("batch-0/*", "*/*"):
            shutil.rmtree(store, ignore_errors=True)
            command = docsluice(
                "run", source / part, "--store", store, "--workers", CORES, "--quiet"
            )
            command += ["--batch-bytes", str(limit)]
            cost = run(command if asked.entities else [*command, "--no-entities"], memory=True)
            peaks.append(cost.peak)
            runs = len(list(store.glob("runs/*.json")))
            print(f"{runs:3} batches: peak {cost.peak / MB:,.0f} MB, {cost.wall:.1f} s")
    name = "with entities" if asked.entities else "without entities"
    verdict(
        f"peak memory, {BATCHES} batches ÷ 1, {name}", peaks[1] / peaks[0], TARGET, at_least=False
    )


def split(whole: Path, directory: Path, batches: int, files: int) -> int:
    """Part the lines of a file into directories of files; returns the most bytes of a directory."""
    lines = whole.read_bytes().splitlines(keepends=True)
    largest = 0
    for batch in range(batches):
        folder = directory / f"batch-{batch}"
        folder.mkdir(parents=True)
        part = lines[batch::batches]
        largest = max(largest, sum(map(len, part)))
        for number in range(files):
            (folder / f"{number}.jsonl").write_bytes(b"".join(part[number::files]))
    return largest


if __name__ == "__main__":
    main()
