from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import apache_beam as beam
import pytest

from transforms import files
from transforms.document import Batch, Document
from transforms.duplicates import DuplicateMode, RemoveDuplicates
from transforms.ledger import LedgerRow
from transforms.meeting import Published
from transforms.parquet import WriteDocuments
from transforms.published import write_band_table
from transforms.run import Run

WORDS = [f"w{number}" for number in range(2000)]


def prose(seed: int, length: int = 120) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=length))


def with_changes(text: str, changes: int) -> str:
    words = text.split()
    for place in range(changes):
        words[place * 13 % len(words)] = f"changed{place}"
    return " ".join(words)


class Outcome:
    """What the transform made of some batches, gathered."""

    def __init__(
        self,
        run: Run,
        batches: Sequence[Batch],
        mode: DuplicateMode = "drop",
        published: Published | None = None,
    ) -> None:
        self.kept: dict[str, Document] = {}
        self.duplicates: dict[str, LedgerRow] = {}
        self.rejected: list[str] = []
        out = f"{run.store}/gathered-{run.run_id}"
        with beam.Pipeline(runner="FnApiRunner") as pipeline:
            unique = pipeline | beam.Create(batches) | RemoveDuplicates(run, mode, 0.8, published)
            for name in ("kept", "duplicates", "rejected"):
                getattr(unique, name) | name >> beam.ParDo(_Save(f"{out}/{name}"))
            unique.kept | WriteDocuments(run)
        for batch in _load(f"{out}/kept"):
            self.kept |= {document.source: document for document in batch.documents}
        for _, rows in _load(f"{out}/duplicates"):
            self.duplicates |= {row.source: row for row in rows}
        for _, rejected in _load(f"{out}/rejected"):
            self.rejected += [one.source for one in rejected]


class _Save(beam.DoFn):
    def __init__(self, directory: str) -> None:
        self.directory = directory

    def process(self, element: object) -> None:
        import pickle
        from uuid import uuid4

        files.write(f"{self.directory}/{uuid4()}", pickle.dumps(element))


def _load(directory: str) -> list[object]:
    import pickle

    return [pickle.loads(files.read(f"{directory}/{name}")) for name in files.names(directory)]


@pytest.fixture
def corpus(make_document: Callable[..., Document]) -> list[Document]:
    """30 documents; of each of the first 5 an exact copy and a near one, shorter by a word."""
    originals = [make_document(f"original-{n:02}", prose(n) + " end") for n in range(30)]
    exact = [make_document(f"exact-{n}", prose(n).upper() + "   END") for n in range(5)]
    near = [make_document(f"near-{n}", with_changes(prose(n), 1)) for n in range(5)]
    return [*originals, *exact, *near]


def batches_of(documents: Sequence[Document], size: int = 7) -> list[Batch]:
    return [
        Batch(f"{number:05d}-000", tuple(documents[start : start + size]))
        for number, start in enumerate(range(0, len(documents), size))
    ]


def test_exact_and_near_duplicates_go_and_name_their_canonical(
    run: Run, corpus: list[Document]
) -> None:
    found = Outcome(run, batches_of(corpus))
    clusters = {document.cluster_id: document for document in found.kept.values()}
    assert len(found.kept) == 30
    assert len(found.duplicates) == 10
    for row in found.duplicates.values():
        canonical = clusters[row.duplicate_of]
        assert canonical.duplicate_count == 2
        assert row.outcome == "duplicate"
        assert row.similarity >= 0.8
    assert sum(document.duplicate_count for document in found.kept.values()) == 10
    exact_pairs = [row for row in found.duplicates.values() if row.similarity == 1.0]
    assert len(exact_pairs) == 5
    alone = found.kept["file:///corpus/original-20"]
    assert (alone.cluster_id, alone.duplicate_count) == (alone.id, 0)


def test_the_result_does_not_depend_on_order_or_batches(run: Run, corpus: list[Document]) -> None:
    expected = Outcome(run, batches_of(corpus))
    for seed, size in ((1, 3), (2, 40)):
        shuffled = random.Random(seed).sample(corpus, len(corpus))
        other = Outcome(replace(run, run_id=f"r{seed}"), batches_of(shuffled, size))
        assert {s: d.duplicate_count for s, d in other.kept.items()} == {
            s: d.duplicate_count for s, d in expected.kept.items()
        }
        gathered = {s: (r.duplicate_of, r.similarity) for s, r in expected.duplicates.items()}
        assert {s: (r.duplicate_of, r.similarity) for s, r in other.duplicates.items()} == gathered


def test_the_earliest_document_is_canonical_and_priority_goes_before_date(
    run: Run, make_document: Callable[..., Document]
) -> None:
    text = prose(1)
    new, old = datetime(2024, 1, 1, tzinfo=UTC), datetime(1999, 1, 1, tzinfo=UTC)
    late = make_document("late", text, published_at=new, priority=1)
    early = make_document("early", text, published_at=old, priority=1)
    undated = make_document("undated", text, priority=1)
    assert list(Outcome(run, batches_of([late, early, undated])).kept) == [early.source]
    first = make_document("first", text, published_at=new, priority=0)
    again = Outcome(replace(run, run_id="r2"), batches_of([late, early, first, undated]))
    assert list(again.kept) == [first.source]


def test_no_chain_leads_to_a_canonical_that_is_too_different(
    run: Run, make_document: Callable[..., Document]
) -> None:
    """b resembles a, and c resembles b, but c does not resemble a: c stays."""
    words = prose(3, 300).split()
    texts = [" ".join(words[start : start + 200]) for start in (0, 15, 30)]
    a, b, c = (make_document(name, text) for name, text in zip("abc", texts, strict=True))
    ordered = [replace(d, priority=rank) for rank, d in enumerate((a, b, c))]
    found = Outcome(run, batches_of(ordered))
    assert set(found.kept) == {a.source, c.source}
    assert found.duplicates[b.source].duplicate_of in (a.id, c.id)


def test_keep_marks_duplicates_and_publishes_them(run: Run, corpus: list[Document]) -> None:
    found = Outcome(run, batches_of(corpus), "keep")
    assert len(found.kept) == len(corpus)
    assert not found.duplicates
    marked = [document for document in found.kept.values() if document.duplicate_of]
    assert len(marked) == 10
    assert all(document.cluster_id == document.duplicate_of for document in marked)


def test_off_looks_for_none(run: Run, corpus: list[Document]) -> None:
    found = Outcome(run, batches_of(corpus), "off")
    assert len(found.kept) == len(corpus)
    assert all(document.duplicate_of is None for document in found.kept.values())
    assert not files.names(run.directory("fingerprints"))


@pytest.mark.parametrize("mode", ["drop", "keep", "off"])
def test_of_records_with_one_id_only_the_first_is_published(
    run: Run, make_document: Callable[..., Document], mode: DuplicateMode
) -> None:
    first = make_document("a", prose(1))
    again = replace(first, text=prose(2), source=first.source + "#again")
    other = make_document("b", prose(3))
    found = Outcome(run, batches_of([other, first, again], 2), mode)
    assert set(found.kept) == {first.source, other.source}
    assert found.rejected == [again.source]


def test_texts_without_words_are_duplicates_only_if_equal(
    run: Run, make_document: Callable[..., Document]
) -> None:
    documents = [make_document(name, text) for name, text in (("a", "!!"), ("b", "!!"), ("c", "?"))]
    found = Outcome(run, batches_of(documents))
    assert len(found.kept) == 2
    assert len(found.duplicates) == 1


@dataclass(frozen=True)
class Standing:
    """All documents stand but one."""

    gone: str = ""

    def __call__(self, ids: Sequence[str], _: Sequence[str]) -> list[bool]:
        return [id_ != self.gone for id_ in ids]


def published_by(run: Run, standing: Standing) -> Published:
    """What a run has published, as a later one is given it."""
    parts = [
        (
            files.join(run.directory("fingerprints"), name),
            files.join(run.directory("documents"), name),
        )
        for name in files.names(run.directory("fingerprints"))
    ]
    path = f"{run.store}/bands/1.bands"
    write_band_table(path, [run.run_id], parts, "")
    return Published(files.join(run.store, "documents"), (path,), standing)


def test_what_an_earlier_run_published_is_canonical_before_anything_new(
    run: Run, corpus: list[Document], make_document: Callable[..., Document]
) -> None:
    Outcome(run, batches_of(corpus))
    longer = make_document("later", prose(20) + " end of it all", priority=-1)
    new = make_document("new", prose(99))
    found = Outcome(
        replace(run, run_id="000002-test"),
        batches_of([longer, new]),
        published=published_by(run, Standing()),
    )
    assert list(found.kept) == [new.source]
    row = found.duplicates[longer.source]
    assert row.duplicate_of == make_document("original-20").id
    assert row.similarity > 0.9


def test_documents_that_no_longer_stand_are_nobodys_canonical(
    run: Run, corpus: list[Document], make_document: Callable[..., Document]
) -> None:
    Outcome(run, batches_of(corpus, 40))
    known = published_by(run, Standing(gone=make_document("original-20").id))
    later = make_document("later", prose(20) + " end of it all")
    other = make_document("other", prose(21) + " end of it all")
    run = replace(run, run_id="000002-test")
    found = Outcome(run, batches_of([later, other]), published=known)
    assert list(found.kept) == [later.source]
    assert list(found.duplicates) == [other.source]
