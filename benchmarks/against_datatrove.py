"""The same corpus from JSON Lines to Parquet by docsluice and by datatrove, on all cores.

``python -m benchmarks.against_datatrove [--megabytes N] [--rounds N]``. datatrove runs in a virtual
environment of its own, made once in the user's cache directory. It gives a file to one process, so
the corpus is there twice: as one file, and as four files for each core. Times are of whole
commands.

datatrove reads, computes MinHash signatures (5-word shingles, 14 buckets of 8 hashes, its tokeniser
for English: its defaults), matches, clusters, filters and writes. docsluice (21 bands of 6) does
the same, verifies each pair by its true similarity, and also cleans the texts, detects their
languages and keeps a ledger.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import venv
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.corpora import prose_jsonl
from benchmarks.measure import CORES, Cost, docsluice, in_turns, run, show, verdict, wall

REQUIREMENTS = ("datatrove[io,processing]==0.10.*", "spacy>=3.8,<3.9")
TARGET = 10
PIPELINE = Path(__file__).with_name("datatrove_pipeline.py")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    python = environment()
    with TemporaryDirectory() as directory:
        target = Path(directory, "target")

        def ours(source: Path) -> Cost:
            shutil.rmtree(target, ignore_errors=True)
            return run(
                docsluice("run", source, "--store", target, "--no-entities", "--index", "none",
                          "--workers", CORES, "--quiet", "--json")
            )  # fmt: skip

        def theirs(source: Path) -> Cost:
            shutil.rmtree(target, ignore_errors=True)
            return run([python, PIPELINE, source, target, CORES])

        for files in (1, CORES * 4):
            source = Path(directory, f"in-{files}")
            documents = corpus(source, asked.megabytes, files)
            ours(source)  # compiles what is not compiled yet
            costs = in_turns(
                asked.rounds,
                docsluice=partial(ours, source),
                datatrove=partial(theirs, source),
            )
            show(f"{documents:,} documents, {asked.megabytes:g} MB, {CORES} cores", costs)
            ratio = wall(costs["datatrove"]) / wall(costs["docsluice"])
            name = "one file" if files == 1 else f"{files} files"
            verdict(f"datatrove ÷ docsluice, {name}", ratio, TARGET, at_least=True)


def corpus(folder: Path, megabytes: float, files: int) -> int:
    """Write the corpus as so many files of about equal size; returns the number of documents."""
    folder.mkdir()
    whole = folder.with_suffix(".jsonl")
    documents = prose_jsonl(whole, megabytes)
    with whole.open("rb") as lines:
        for number in range(files):
            end = whole.stat().st_size * (number + 1) // files
            with Path(folder, f"{number:03d}.jsonl").open("wb") as out:
                while lines.tell() < end:
                    out.write(lines.readline())
    whole.unlink()
    return documents


def environment() -> Path:
    """Return the Python of datatrove's environment, which is made if it is not there."""
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache_home / "docsluice" / "bench-venv"
    python = folder / "bin" / "python"
    complete = folder / "complete"
    if not complete.exists():
        print(f"installing datatrove into {folder} (once) …", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
        complete.touch()
    return python


if __name__ == "__main__":
    main()
