"""Peak memory of all processes of a run on a corpus, and on one of ten times its size.

``python -m benchmarks.memory [--megabytes N] [--entities]``. The memory is the proportional set
size summed over the processes, sampled five times a second.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.corpora import prose_jsonl
from benchmarks.measure import CORES, docsluice, run, verdict

TIMES = 10
TARGET = 1.3
MB = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=100, help="of the smaller corpus")
    parser.add_argument("--entities", action="store_true", help="also find the names: slow")
    asked = parser.parse_args()
    peaks = []
    with TemporaryDirectory() as directory:
        source, store = Path(directory, "corpus.jsonl"), Path(directory, "store")
        for megabytes in (asked.megabytes, asked.megabytes * TIMES):
            documents = prose_jsonl(source, megabytes)
            shutil.rmtree(store, ignore_errors=True)
            command = docsluice("run", source, "--store", store, "--workers", CORES, "--quiet")
            cost = run(command if asked.entities else [*command, "--no-entities"], memory=True)
            peaks.append(cost.peak)
            print(
                f"{megabytes:6,g} MB, {documents:,} documents: peak {cost.peak / MB:,.0f} MB "
                f"in {CORES} processes and the driver; {cost.wall:.1f} s"
            )
    name = "with entities" if asked.entities else "without entities"
    verdict(f"peak memory, {TIMES} times ÷ 1 times the corpus, {name}", peaks[1] / peaks[0], TARGET,
            at_least=False)  # fmt: skip


if __name__ == "__main__":
    main()
