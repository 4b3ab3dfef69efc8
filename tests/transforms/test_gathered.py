from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to

from transforms import files
from transforms.cached_step import CachedStep
from transforms.document import Batch, Document
from transforms.gathered import Gathered
from transforms.run import Run

Make = Callable[..., Document]


class Upper(CachedStep):
    """Writes titles in capitals; fails on all documents that it is given with a bad one."""

    def enrich(self, documents: tuple[Document, ...]) -> tuple[Document, ...]:
        if any(document.text == "bad" for document in documents):
            raise ValueError("a bad one")
        together = str(len(documents))
        return tuple(
            replace(document, title=document.text.upper(), language=together)
            for document in documents
        )


def batches(make_document: Make, *texts: list[str]) -> list[Batch]:
    return [
        Batch(f"{number:05d}-000", tuple(make_document(f"{number}{t}", t) for t in some))
        for number, some in enumerate(texts)
    ]


@pytest.mark.parametrize(("gather", "together"), [(100, ["4", "4", "4"]), (2, ["3", "3", "1"])])
def test_documents_of_several_batches_are_enriched_together_and_stay_in_theirs(
    make_document: Make, gather: int, together: list[str]
) -> None:
    made = batches(make_document, ["a"], ["b", "c"], [], ["d"])
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        found = (
            pipeline
            | beam.Create([made], reshuffle=False)
            | beam.FlatMap(lambda all_: all_)
            | beam.ParDo(Gathered(Upper("upper", None), gather))
            | beam.Map(lambda b: (b.part, [(d.title, d.language) for d in b.documents]))
        )
        assert_that(
            found,
            equal_to(
                [
                    ("00000-000", [("A", together[0])]),
                    ("00001-000", [("B", together[1]), ("C", together[1])]),
                    ("00002-000", []),
                    ("00003-000", [("D", together[2])]),
                ]
            ),
        )


def test_one_that_fails_is_a_dead_letter_and_takes_nobody_with_it(
    run: Run, make_document: Make
) -> None:
    made = batches(make_document, ["a", "bad", "b"], ["c"])
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        found = (
            pipeline
            | beam.Create([made], reshuffle=False)
            | beam.FlatMap(lambda all_: all_)
            | beam.ParDo(Gathered(Upper("upper", None, run), 100))
            | beam.Map(lambda b: (b.part, [d.title for d in b.documents]))
        )
        assert_that(found, equal_to([("00000-000", ["A", "B"]), ("00001-000", ["C"])]))
    assert files.names(run.directory("dead-letters")) == ["part-00000-000-upper.jsonl"]
    assert files.names(run.directory("ledger")) == ["part-00000-000-upper.parquet"]
