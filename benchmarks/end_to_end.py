"""A whole run with entities, against spaCy alone doing nothing but the entities, on all cores.

``python -m benchmarks.end_to_end [--megabytes N] [--rounds N]``. docsluice reads JSON
Lines, cleans, removes duplicates, detects languages, finds the names, writes Parquet and fills the
index. What it is compared with (``benchmarks.bare_pipe``) gets the texts that came out of this, and
finds the names in them with ``nlp.pipe``. Times are of whole commands, from imports to the end.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.corpora import prose_jsonl
from benchmarks.measure import CORES, Cost, docsluice, in_turns, run, show, verdict, wall

TARGET = 0.8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args()
    with TemporaryDirectory() as directory:
        source, store = Path(directory, "corpus.jsonl"), Path(directory, "store")
        documents = prose_jsonl(source, asked.megabytes)

        def ours() -> Cost:
            shutil.rmtree(store, ignore_errors=True)
            return run(
                docsluice("run", source, "--store", store, "--workers", CORES, "--quiet", "--json")
            )

        def bare() -> Cost:
            return run([sys.executable, "-m", "benchmarks.bare_pipe", store, CORES])

        costs = in_turns(asked.rounds, docsluice=ours, bare=bare)
    show(f"{documents:,} documents, {asked.megabytes:g} MB, {CORES} cores", costs)
    ratio = wall(costs["bare"]) / wall(costs["docsluice"])
    verdict("bare nlp.pipe ÷ docsluice with entities", ratio, TARGET, at_least=True)


if __name__ == "__main__":
    main()
