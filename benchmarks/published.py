"""New documents among many that earlier runs have published.

``python -m benchmarks.published [--documents N] [--rounds N]``. A store is filled with documents of
words drawn by Zipf's law, its files written directly and its index, state and tables by one small
run. Then 1,000 new documents, of which every twentieth is nearly one of those, go into it and, in
turns, into an empty store. Last, 10,000 documents are looked up in tables of a million.
"""

from __future__ import annotations

import argparse
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import orjson

from benchmarks.measure import CORES, Cost, docsluice, in_turns, run, show, verdict, wall
from pipelines.store import Store, run_files
from transforms import files
from transforms.band_tables import DOCUMENT, BandTable, entries_of, merge_tables, write_table
from transforms.document import Document, document_id
from transforms.fingerprint import BANDS, content_hash
from transforms.keys import COLUMNS, Keys, column, keys_of
from transforms.ledger import kept_row, write_ledger
from transforms.meeting import Published
from transforms.parquet import document_table, encode
from transforms.published import write_fingerprints
from transforms.run import Run

NEW = 1000
NEARLY = 20
"""Every so-manieth new document is one of the store with a word changed."""
LOOKED_UP = 10_000
MILLION = 1_000_000
TARGET = 1.5
MB = 1_000_000

_WORDS = 60_000
_PART = 1500
_PARTS_PER_RUN = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=300_000, help="in the store")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with TemporaryDirectory() as directory:
        among_many(Path(directory), asked.documents, asked.rounds)
    with TemporaryDirectory() as directory:
        look_up(Path(directory))


def among_many(directory: Path, documents: int, rounds: int) -> None:
    """Measure the same new documents in a full store and in an empty one."""
    full, empty = directory / "full", directory / "empty"
    started = time.perf_counter()
    known = fill(full, documents)
    first = new_documents(directory / "first.jsonl", known, 0)
    command(first, full)
    print(f"{documents:,} documents published in {time.perf_counter() - started:.0f} s")
    size = sum(path.stat().st_size for path in (full / "bands").iterdir())
    tables = len(list((full / "bands").iterdir()))
    print(f"{tables} tables, {size / documents:.0f} bytes a document")
    sources = (
        new_documents(directory / f"{number}.jsonl", known, number + 1) for number in range(rounds)
    )
    source = directory

    def into_empty() -> Cost:
        nonlocal source
        source = next(sources)
        shutil.rmtree(empty, ignore_errors=True)
        return command(source, empty)

    def into_full() -> Cost:
        return command(source, full)

    costs = in_turns(rounds, empty=into_empty, full=into_full)
    show(f"{NEW:,} documents into a store of {documents:,} and an empty one", costs)
    for name, taken in costs.items():
        print(f"  {name:12}{max(cost.peak for cost in taken) / MB:8,.0f} MB at the peak")
    found = orjson.loads(costs["full"][-1].output)["outcomes"]
    print(f"  of the last 1,000 {found['duplicate']} are duplicates")
    ratio = wall(costs["full"]) / wall(costs["empty"])
    verdict(
        f"{NEW:,} new documents among {documents:,} ÷ among none", ratio, TARGET, at_least=False
    )


def command(source: Path, store: Path) -> Cost:
    """Ingest a file."""
    flags = ("--no-entities", "--workers", CORES, "--quiet", "--json")
    return run(docsluice("run", source, "--store", store, *flags), memory=True)


def fill(store: Path, documents: int) -> list[str]:
    """Write the files of runs that published so many documents; returns some of their texts."""
    kept = Store(str(store))
    texts = prose(documents, seed=1)
    known: list[str] = []
    written = 0
    while written < documents:
        this = kept.new_run()
        for part in range(_PARTS_PER_RUN):
            lot = list(islice(texts, _PART))
            if lot:
                write_part(this, f"{part:05d}-000", written, lot)
                written += len(lot)
                known.append(lot[0])
        kept.commit(this, {"run_id": this.run_id, "outcomes": {}, "files": run_files(this)})
    return known


def write_part(this: Run, part: str, first: int, texts: Sequence[str]) -> None:
    """Write the files of one part of a run, as its stages do."""
    documents = []
    for number, text in enumerate(texts, first):
        source = f"file:///corpus/known.jsonl#{number}"
        id_, hash_ = document_id("file:///corpus/known.jsonl", str(number)), content_hash(text)
        documents.append(
            Document(
                id_, source, "1-1", text=text, language="en", content_hash=hash_, cluster_id=id_,
                word_count=text.count(" ") + 1,
            )
        )  # fmt: skip
    table = document_table(documents, this.run_id, this.started_at)
    files.write(this.part("documents", part, ".parquet"), encode(table))
    keys = keys_of(documents, near=True)
    path = this.part("fingerprints", part, ".parquet")
    write_fingerprints(path, documents, keys, range(len(documents)))
    write_ledger(this, part, "kept", tuple(map(kept_row, documents)))


def new_documents(path: Path, known: Sequence[str], seed: int) -> Path:
    """Write new documents, and some nearly the same as known ones, as JSON Lines."""
    rng = np.random.default_rng([seed, 2])
    texts = prose(NEW, seed=1000 + seed)
    with path.open("wb") as out:
        for number, text in enumerate(texts):
            if number % NEARLY == 0:
                words = known[int(rng.integers(len(known)))].split()
                words[rng.integers(len(words))] = f"changed{seed}"
                text = " ".join(words)
            out.write(orjson.dumps({"id": str(number), "text": text}) + b"\n")
    return path


def prose(documents: int, seed: int) -> Iterator[str]:
    """Texts of 100 to 300 words, the same for the same seed."""
    rng = np.random.default_rng(seed)
    letters = np.array(list("etaoinshrdlu"))
    vocabulary = np.array(
        ["".join(rng.choice(letters, length)) for length in rng.integers(2, 11, _WORDS)]
    )
    weights = 1 / np.arange(1, _WORDS + 1)
    weights /= weights.sum()
    for _ in range(documents):
        words = vocabulary[rng.choice(_WORDS, rng.integers(100, 300), p=weights)].tolist()
        for place in range(12, len(words), 13):
            words[place] += ".\n" if place % 5 == 0 else "."
        yield " ".join(words).capitalize()


def look_up(directory: Path) -> None:
    """Measure tables of a million documents with random keys, and a look-up in them."""
    rng = np.random.default_rng(3)
    started = time.perf_counter()
    halves = [_random_table(directory / name, rng, MILLION // 2) for name in "ab"]
    written = time.perf_counter() - started
    started = time.perf_counter()
    path = str(directory / "merged")
    with BandTable(halves[0]) as one, BandTable(halves[1]) as other:
        merge_tables(path, [one, other], "", everybody)
    merged = time.perf_counter() - started
    keys = _keys(rng, LOOKED_UP)
    with BandTable(path) as table:
        entries = table.column(1)
        shared = (entries[rng.integers(len(entries), size=LOOKED_UP // NEARLY)] >> 32).astype("u4")
    keys.bands[::NEARLY, 0] = shared
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        seconds, size, number = process.submit(_looked_up, path, keys).result()
    print(f"tables of two times {MILLION // 2:,}: {written:.1f} s; merged: {merged:.1f} s")
    print(
        f"{LOOKED_UP:,} looked up among {MILLION:,}: {seconds:.2f} s, {number:,} met, "
        f"at most {size / MB:.0f} MB for it, mapped pages included"
    )


def _looked_up(path: str, keys: Keys) -> tuple[float, int, int]:
    """Seconds, bytes of memory and documents met of one look-up."""
    before = _peak()
    started = time.perf_counter()
    met = Published("documents", (path,), everybody).meeting(keys)
    seconds = time.perf_counter() - started
    return seconds, _peak() - before, len(met.documents)


def _peak() -> int:
    """The largest resident set of this process so far, in bytes."""
    found = re.search(r"^VmHWM:\s+(\d+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def everybody(ids: Sequence[str], _: Sequence[str]) -> list[bool]:
    """All documents stand."""
    return [True] * len(ids)


def _random_table(path: Path, rng: np.random.Generator, documents: int) -> str:
    made = np.zeros(documents, DOCUMENT)
    made["id"] = rng.integers(2**63, size=(documents, 2))
    made["date"] = rng.integers(2**50, size=documents)
    keys = _keys(rng, documents)
    columns = (entries_of(*column(keys, number)) for number in range(COLUMNS))
    write_table(str(path), [f"{path.name}-x"], [f"run={path.name}/part"], "", made, columns)
    return str(path)


def _keys(rng: np.random.Generator, documents: int) -> Keys:
    contents = rng.integers(2**32, size=documents, dtype=np.uint32)
    bands = rng.integers(2**32, size=(documents, BANDS), dtype=np.uint32)
    return Keys(contents, bands, np.ones(documents, np.bool_))


if __name__ == "__main__":
    main()
