"""A run over documents that have not changed, beside the run that read them first.

``python -m benchmarks.rerun [--documents N] [--rounds N]``, once with JSON Lines of a thousand
documents each and once with a file for each document. Without entities; the first run is measured
once, the others are medians.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from benchmarks.corpora import prose_jsonl
from benchmarks.measure import CORES, Cost, cpu, docsluice, run, verdict, wall

TARGET = 0.01
PER_FILE = 1000
MB = 1_000_000
_MEAN_BYTES = 3500
"""More than a document of the corpus has on average."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    for name, write in (("JSON Lines", write_lines), ("small files", write_files)):
        with TemporaryDirectory() as directory:
            whole, source = Path(directory, "whole.jsonl"), Path(directory, "source")
            there = prose_jsonl(whole, asked.documents * _MEAN_BYTES / MB)
            if there < asked.documents:
                raise SystemExit(f"the corpus has {there:,} documents only")
            size = write(source, islice(lines(whole), asked.documents))
            whole.unlink()
            measure(name, source, Path(directory, "store"), asked, size)


def measure(name: str, source: Path, store: Path, asked: argparse.Namespace, size: int) -> None:
    """Measure the first run and those after it."""
    first = ingest(source, store)
    done = orjson.loads(first.output)
    again = [ingest(source, store) for _ in range(asked.rounds)]
    if orjson.loads(again[0].output)["run_id"] is not None:
        raise SystemExit("the second run found something to do")
    files = sum(1 for path in source.rglob("*") if path.is_file())
    print(
        f"{name}: {sum(done['outcomes'].values()):,} documents in {files:,} files, {size / MB:,.0f}"
        f" MB: {first.wall:.1f} s ({first.cpu:.1f} s of processor time); again {wall(again):.2f} s"
        f" ({cpu(again):.2f} s)"
    )
    title = f"rerun over {asked.documents:,} unchanged documents ÷ first run, {name}"
    verdict(title, wall(again) / first.wall, TARGET, at_least=False)
    verdict(f"{title}, processor time", cpu(again) / first.cpu, TARGET, at_least=False)


def ingest(source: Path, store: Path) -> Cost:
    """Run once."""
    flags = ("--no-entities", "--workers", CORES, "--json")
    return run(docsluice("run", source, "--store", store, *flags))


def lines(path: Path) -> Iterator[bytes]:
    """The records of a file."""
    with path.open("rb") as file:
        yield from file


def write_lines(directory: Path, records: Iterable[bytes]) -> int:
    """Write the records into files of a thousand; returns their bytes."""
    directory.mkdir()
    rest, size = iter(records), 0
    number = 0
    while part := b"".join(islice(rest, PER_FILE)):
        (directory / f"part-{number:05d}.jsonl").write_bytes(part)
        size += len(part)
        number += 1
    return size


def write_files(directory: Path, records: Iterable[bytes]) -> int:
    """Write the text of each record into a file of its own; returns their bytes."""
    size = 0
    for number, line in enumerate(records):
        folder = directory / f"{number // PER_FILE:05d}"
        folder.mkdir(parents=True, exist_ok=True)
        text = orjson.loads(line)["text"].encode()
        (folder / f"{number:07d}.txt").write_bytes(text)
        size += len(text)
    return size


if __name__ == "__main__":
    main()
