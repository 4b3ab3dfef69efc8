"""What the cache of languages and names costs a first run, and saves a second one.

``python -m benchmarks.cache [--megabytes N] [--rounds N]``. First on one core, called directly:
the look-ups and writes of each document beside finding its names. Then whole commands in turns: a
run without a cache, one that fills an empty cache, and that one again with ``--reprocess``.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import pyarrow.dataset as ds

from benchmarks.corpora import prose_jsonl
from benchmarks.measure import CORES, Cost, cpu, docsluice, in_turns, run, show, verdict, wall
from transforms.cache import Cache, prepare
from transforms.document import Document
from transforms.entities import annotate, recall_or_annotate
from transforms.entity_cache import encode, entity_key
from transforms.entity_models import EntityModels
from transforms.language import detect_or_recall, label

BATCH = 250
OVERHEAD = 0.02
SPEED_UP = 5.0

T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args()
    with TemporaryDirectory() as directory:
        source = Path(directory, "corpus.jsonl")
        documents = prose_jsonl(source, asked.megabytes)
        costs = in_turns(asked.rounds, **_commands(source, Path(directory)))
        show(f"{documents:,} documents, {asked.megabytes:g} MB, {CORES} cores", costs)
        share = _steps(Path(directory, "without"), Path(directory, "steps.db"))
    print(f"processor time, first run ÷ none: {cpu(costs['first']) / cpu(costs['without']):.3f}")
    verdict("cache: look-up and write ÷ finding the names", share, OVERHEAD, at_least=False)
    gain = wall(costs["without"]) / wall(costs["again"])
    verdict("cache: run without ÷ run again", gain, SPEED_UP, at_least=True)


def _commands(source: Path, directory: Path) -> dict[str, Callable[[], Cost]]:
    def command(store: str, *flags: str) -> Cost:
        flags = (*flags, "--quiet", "--workers", str(CORES))
        return run(docsluice("run", source, "--store", directory / store, *flags))

    def without() -> Cost:
        shutil.rmtree(directory / "without", ignore_errors=True)
        return command("without", "--no-cache")

    def first() -> Cost:
        shutil.rmtree(directory / "store", ignore_errors=True)
        return command("store")

    def again() -> Cost:
        return command("store", "--reprocess")

    return {"without": without, "first": first, "again": again}


def _steps(store: Path, path: Path) -> float:
    """Print what each step takes of a document; returns the share of the cache on a first run."""
    rows = ds.dataset(store / "documents").to_table(columns=["id", "source", "title", "text"])
    bare = [Document(**row) for row in rows.to_pylist()]
    batches = [bare[start : start + BATCH] for start in range(0, len(bare), BATCH)]
    models = EntityModels()
    annotate([label(document) for document in batches[0]], models)  # loads the models
    seconds: dict[str, float] = defaultdict(float)

    def timed(name: str, work: Callable[[], T]) -> T:
        started = time.perf_counter()
        done = work()
        seconds[name] += time.perf_counter() - started
        return done

    def first(batch: Sequence[Document], cache: Cache) -> None:
        labelled = timed("detect the language", lambda: [label(document) for document in batch])
        annotated = timed("find the names", lambda: annotate(labelled, models))
        keys = timed(
            "keys", lambda: [entity_key(d, models.chosen(d.language)[1]) for d in annotated]
        )
        timed("look up", lambda: cache.get(keys))
        timed(
            "write",
            lambda: cache.put({key: encode(d) for key, d in zip(keys, annotated, strict=True)}),
        )
        detect_or_recall([document.text for document in batch], cache)

    def again(batch: Sequence[Document], cache: Cache) -> None:
        texts = [document.text for document in batch]
        found = timed("recall the language", lambda: detect_or_recall(texts, cache))
        labelled = list(map(label, batch, found))
        timed("recall the names", lambda: recall_or_annotate(labelled, models, cache))

    prepare(path)
    for step in (first, again):
        with closing(Cache(path)) as cache:
            for batch in batches:
                step(batch, cache)
    print(f"{len(bare):,} documents, {path.stat().st_size / len(bare):.0f} bytes each in the cache")
    for name, taken in seconds.items():
        print(f"  {name:22}{taken / len(bare) * 1e6:10,.1f} µs a document")
    return (seconds["keys"] + seconds["look up"] + seconds["write"]) / seconds["find the names"]


if __name__ == "__main__":
    main()
