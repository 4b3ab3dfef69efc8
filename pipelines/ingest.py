"""The batch graph: raw documents in; clean, deduplicated, enriched documents out."""

from __future__ import annotations

from collections.abc import Sequence

import apache_beam as beam

from pipelines.options import clean_options, entity_config, read_options
from pipelines.settings import Settings
from transforms.clean_step import Clean
from transforms.dead_letters import WriteDeadLetters
from transforms.duplicates import RemoveDuplicates
from transforms.entities import RecogniseEntities
from transforms.language import DetectLanguage
from transforms.ledger import KeptRows, RejectedRows, WriteLedger
from transforms.meeting import Published
from transforms.parquet import WriteDocuments
from transforms.read.slices import WorkUnit
from transforms.read.transform import ReadDocuments
from transforms.run import Run


def build(
    pipeline: beam.Pipeline,
    run: Run,
    units: Sequence[WorkUnit],
    settings: Settings,
    published: Published | None = None,
    cache: str | None = None,
) -> None:
    """Lay the graph of one run; nothing of it counts until the run is committed.

    ``cache`` is the path of a prepared cache of languages and entities, if there is one.
    """
    read = (
        pipeline
        | "Plan" >> beam.Create(units, reshuffle=False)
        | "Spread" >> beam.Reshuffle()
        | "Read" >> ReadDocuments(read_options(settings))
    )
    clean = read.batches | "Clean" >> Clean(clean_options(settings))
    unique = clean.kept | "RemoveDuplicates" >> RemoveDuplicates(
        run, settings.duplicates, settings.similarity_threshold, published
    )
    enriched = unique.kept | "DetectLanguage" >> DetectLanguage(cache)
    if settings.entities:
        enriched |= "RecogniseEntities" >> RecogniseEntities(entity_config(settings), cache)

    enriched | "WriteDocuments" >> WriteDocuments(run)
    enriched | "KeptRows" >> KeptRows() | "LedgerKept" >> WriteLedger(run, "kept")
    unique.duplicates | "LedgerDuplicates" >> WriteLedger(run, "duplicates")
    for stage, rejected in (
        ("read", read.rejected),
        ("clean", clean.rejected),
        ("repeated", unique.rejected),
    ):
        (
            rejected
            | f"Rejected-{stage}" >> RejectedRows()
            | f"Ledger-{stage}" >> WriteLedger(run, stage)
        )
        rejected | f"DeadLetters-{stage}" >> WriteDeadLetters(run, stage)
