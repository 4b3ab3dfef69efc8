"""What each stage of a run costs on one core: ``python -m benchmarks.stages [--megabytes N]``.

The stages are called as the workers call them, batch by batch, but without Beam and in one
process, so that what they take is theirs alone.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.corpora import prose_jsonl
from pipelines.publish import publish_run
from pipelines.state import past_state
from pipelines.store import Store
from transforms import files
from transforms.candidates import Candidates
from transforms.clean import clean
from transforms.clusters import THRESHOLD
from transforms.document import Document
from transforms.election import PartVerdicts, hold_election
from transforms.entities import annotate
from transforms.entity_models import EntityModels
from transforms.fingerprint import content_hash
from transforms.keys import keys_of, keys_path, read_keys, write_keys
from transforms.language import label
from transforms.ledger import duplicate_row, kept_row, write_ledger
from transforms.parquet import document_table, encode
from transforms.published import write_fingerprints
from transforms.read.batches import read_unit
from transforms.read.formats import ReadOptions
from transforms.read.listing import list_sources
from transforms.read.plan import plan_units
from transforms.run import Run
from transforms.spool import read_spool, spool_path, write_spool
from transforms.sqlite import SqliteIndex

if TYPE_CHECKING:
    from collections.abc import Iterator


class Stages:
    """Seconds spent in each stage, by its name and in the order of the flow."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Count the block's time as the stage's."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=50)
    parser.add_argument("--entities", action="store_true", help="also find the names: slow")
    asked = parser.parse_args()
    with TemporaryDirectory() as directory:
        small, corpus = Path(directory, "small.jsonl"), Path(directory, "corpus.jsonl")
        prose_jsonl(small, 1)
        documents = prose_jsonl(corpus, asked.megabytes)
        models = EntityModels() if asked.entities else None
        follow(small, Path(directory, "first"), models)  # compiles, and loads the models
        stages = follow(corpus, Path(directory, "store"), models)
        show(stages, documents, corpus.stat().st_size / 1e6)


def follow(corpus: Path, store: Path, models: EntityModels | None) -> Stages:
    """Take a corpus through all stages of a run."""
    stages = Stages()
    run = Run(str(store), "000001", datetime.now(UTC))
    parts = to_spool(corpus, run, stages)
    with stages.timed("elect"):
        verdicts = dict(hold_election(Candidates(run, parts), THRESHOLD))
    for part in parts:
        from_spool(part, verdicts.get(part, PartVerdicts()), run, models, stages)
    with (
        stages.timed("index"),
        SqliteIndex(store / "search.db") as index,
        index.begin(run.run_id) as transaction,
    ):
        with past_state(Store(str(store)), []) as state:
            publish_run(Store(str(store)), state, run.run_id, transaction)
        transaction.commit()
    return stages


def to_spool(corpus: Path, run: Run, stages: Stages) -> list[str]:
    """Take a corpus as far as the spool; returns the names of its parts."""
    names = []
    with stages.timed("plan"):
        units = list(plan_units(list_sources([str(corpus)]).files))
    for unit in units:
        parts = read_unit(unit, ReadOptions())
        while True:
            with stages.timed("read"):
                read = next(parts, None)
            if read is None:
                break
            names.append(read.name)
            with stages.timed("clean"):
                cleaned = [clean(document) for document in read.documents]
            documents = [document for document in cleaned if isinstance(document, Document)]
            with stages.timed("content hash"):
                documents = [replace(d, content_hash=content_hash(d.text)) for d in documents]
            with stages.timed("fingerprint"):
                keys = keys_of(documents, near=True)
            with stages.timed("write spool"):
                write_keys(keys_path(run, read.name), keys)
                write_spool(spool_path(run, read.name), documents)
    return names


def from_spool(
    part: str, verdicts: PartVerdicts, run: Run, models: EntityModels | None, stages: Stages
) -> None:
    """Take a part from the spool to its Parquet file and its ledger rows."""
    with stages.timed("read spool"):
        documents = read_spool(spool_path(run, part))
        judged = [verdicts.apply(row, document) for row, document in enumerate(documents)]
    unique = [document for document in judged if isinstance(document, Document)]
    places = [row for row, document in enumerate(unique) if document.duplicate_of is None]
    kept = [unique[row] for row in places]
    with stages.timed("write fingerprints"):
        target = run.part("fingerprints", part, ".parquet")
        write_fingerprints(target, kept, read_keys(keys_path(run, part)), places)
    with stages.timed("language"):
        kept = list(map(label, kept))
    if models:
        with stages.timed("entities"):
            kept = list(annotate(kept, models))
    with stages.timed("Parquet"):
        table = document_table(kept, run.run_id, run.started_at)
        files.write(run.part("documents", part, ".parquet"), encode(table))
    with stages.timed("ledger"):
        write_ledger(run, part, "kept", tuple(map(kept_row, kept)))
        gone = tuple(
            duplicate_row(document, verdicts.canonical_of[row].same_text)
            for row, document in enumerate(unique)
            if document.duplicate_of is not None
        )
        if gone:
            write_ledger(run, part, "duplicates", gone)


def show(stages: Stages, documents: int, megabytes: float) -> None:
    """Print the table."""
    total = sum(stages.seconds.values())
    print(f"{documents:,} documents, {megabytes:.1f} MB, on one core")
    print(f"{'stage':20}{'seconds':>9}{'share':>8}{'documents/s':>14}{'MB/s':>9}")
    for name, seconds in [*stages.seconds.items(), ("all", total)]:
        print(
            f"{name:20}{seconds:9.2f}{seconds / total:8.1%}"
            f"{documents / seconds:14,.0f}{megabytes / seconds:9.1f}"
        )


if __name__ == "__main__":
    main()
