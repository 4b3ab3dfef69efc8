from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from transforms import files
from transforms.document import Document
from transforms.duplicates import spool
from transforms.election import PartVerdicts
from transforms.keys import keys_of
from transforms.meeting import Published
from transforms.parquet import document_table, encode
from transforms.published import write_band_table, write_fingerprints
from transforms.run import Run
from transforms.spool import read_spool, spool_path
from transforms.stream.arrivals import Arrivals
from transforms.stream.election import decide, lot_of, read_verdicts, verdicts_path

WORDS = [f"w{number}" for number in range(2000)]
Make = Callable[..., Document]


def prose(seed: int, length: int = 120) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=length))


class Stream:
    """Parts that arrive one after the other."""

    def __init__(self, run: Run, published: Published | None = None) -> None:
        self.run = run
        self.published = published
        self.arrivals = Arrivals()
        self.parts = 0

    def arrive(self, documents: Sequence[Document], part: str | None = None) -> PartVerdicts:
        part = part or f"{self.parts:05d}-000"
        spool(self.run, part, documents, near=True)
        verdicts = decide(self.run, part, self.arrivals, self.published, 0.8, near=True)
        lot = lot_of(self.run, part, self.parts, verdicts, self.arrivals)
        self.arrivals.add(lot)
        self.parts += 1
        return verdicts


def canonicals(verdicts: PartVerdicts) -> dict[int, str]:
    return {row: canonical.id for row, canonical in verdicts.canonical_of.items()}


def test_the_first_to_arrive_stays_though_a_batch_would_choose_another(
    run: Run, make_document: Make
) -> None:
    stream = Stream(run)
    short, long = make_document("short", prose(1)), make_document("long", prose(1) + " and more")
    assert not canonicals(stream.arrive([short]))
    found = stream.arrive([make_document("other", prose(2)), long])
    assert canonicals(found) == {1: short.id}
    assert 0.8 <= found.canonical_of[1].similarity < 1
    assert not found.canonical_of[1].same_text
    exact = stream.arrive([make_document("exact", prose(1).upper())])
    assert canonicals(exact) == {0: short.id}
    assert exact.canonical_of[0].same_text


def test_no_chain_leads_to_a_canonical_that_is_too_different(run: Run, make_document: Make) -> None:
    """b resembles a, and c resembles b, but c does not resemble a: c stays."""
    words = prose(3, 300).split()
    texts = [" ".join(words[start : start + 200]) for start in (0, 15, 30)]
    a, b, c = (make_document(name, text) for name, text in zip("abc", texts, strict=True))
    stream = Stream(run)
    stream.arrive([a])
    assert canonicals(stream.arrive([b, c])) == {0: a.id}


def test_a_document_that_changed_is_not_its_own_duplicate_and_takes_its_own_place(
    run: Run, make_document: Make
) -> None:
    stream = Stream(run)
    old = make_document("a", prose(1), source_version="1")
    new = make_document("a", prose(1) + " changed", source_version="2")
    stream.arrive([old])
    assert not canonicals(stream.arrive([new]))
    assert canonicals(stream.arrive([make_document("b", prose(1))])) == {0: new.id}
    other = make_document("a", prose(9), source_version="3")
    assert not canonicals(stream.arrive([other]))
    assert not canonicals(stream.arrive([make_document("c", prose(1))]))


def test_a_document_that_comes_again_under_another_order_is_judged_the_same(
    run: Run, make_document: Make
) -> None:
    stream = Stream(run)
    first = make_document("a", prose(1), source_version="1")
    copy = make_document("b", prose(1), source_version="1")
    stream.arrive([first])
    stream.arrive([copy])
    before = len(stream.arrivals)
    assert not canonicals(stream.arrive([first]))
    assert canonicals(stream.arrive([copy])) == {0: first.id}
    assert len(stream.arrivals) == before


def test_what_was_decided_stays_decided_whatever_the_order_after_a_restart(
    run: Run, make_document: Make
) -> None:
    a, b = make_document("a", prose(1)), make_document("b", prose(1))
    first = Stream(run)
    first.arrive([a], "00000-000")
    first.arrive([b], "00001-000")
    restarted = Stream(run)
    assert canonicals(restarted.arrive([b], "00001-000")) == {0: a.id}
    assert not canonicals(restarted.arrive([a], "00000-000"))
    assert canonicals(restarted.arrive([make_document("c", prose(1))])) == {0: a.id}


def test_verdicts_are_read_as_they_were_written(run: Run, make_document: Make) -> None:
    stream = Stream(run)
    same = make_document("same", prose(5))
    made = stream.arrive([same, make_document("twin", prose(5)), same], "00004-002")
    assert made.repeated == {2}
    assert read_verdicts(run, "00004-002") == made
    assert read_verdicts(run, "00004-003") is None
    assert files.names(run.directory("verdicts")) == ["part-00004-002.json"]


def test_those_whose_spool_is_gone_are_not_compared_with(run: Run, make_document: Make) -> None:
    stream = Stream(run)
    stream.arrive([make_document("a", prose(1))], "00000-000")
    files.delete(spool_path(run, "00000-000"))
    assert not canonicals(stream.arrive([make_document("b", prose(1))]))


def test_only_canonicals_are_remembered(run: Run, make_document: Make) -> None:
    stream = Stream(run)
    stream.arrive([make_document(name, prose(1)) for name in ("a", "b", "c")])
    assert len(stream.arrivals) == 1
    lot = lot_of(run, "00000-000", 5, PartVerdicts(), Arrivals())
    assert len(lot.arrivals) == 3
    assert np.array_equal(lot.arrivals["document"]["characters"], [len(prose(1))] * 3)


@dataclass(frozen=True)
class AllStand:
    def __call__(self, ids: Sequence[str], _: Sequence[str]) -> list[bool]:
        return [True] * len(ids)


def publish(run: Run, documents: Sequence[Document]) -> Published:
    """A run that published these documents."""
    spool(run, "00000-000", documents, near=True)
    hashed = read_spool(spool_path(run, "00000-000"))
    of = run.part("documents", "00000-000", ".parquet")
    fingerprints = run.part("fingerprints", "00000-000", ".parquet")
    files.write(of, encode(document_table(hashed, run.run_id, run.started_at)))
    keys = keys_of(hashed, near=True)
    write_fingerprints(fingerprints, hashed, keys, range(len(hashed)))
    table = f"{run.store}/bands/1.bands"
    write_band_table(table, [run.run_id], [(fingerprints, of)], "")
    return Published(files.join(run.store, "documents"), (table,), AllStand())


def test_published_documents_go_before_all_that_arrive(
    run: Run, staged: Run, make_document: Make
) -> None:
    published = publish(run, [make_document("p", prose(1)), make_document("q", prose(2))])
    stream = Stream(staged, published)
    found = stream.arrive([make_document("a", prose(1)), make_document("b", prose(3))])
    assert canonicals(found) == {0: make_document("p").id}
    assert canonicals(stream.arrive([make_document("c", prose(3))])) == {0: make_document("b").id}


def test_a_published_document_is_not_the_canonical_of_its_own_new_version(
    run: Run, staged: Run, make_document: Make
) -> None:
    published = publish(run, [make_document("p", prose(1), source_version="1")])
    stream = Stream(staged, published)
    changed = make_document("p", prose(1) + " changed", source_version="2")
    assert not canonicals(stream.arrive([changed]))
    found = stream.arrive([make_document("a", prose(1) + " changed")])
    assert found.canonical_of[0].id == changed.id
    assert found.canonical_of[0].same_text


def test_without_near_only_repeated_ids_are_told(run: Run, make_document: Make) -> None:
    a = make_document("a", prose(1))
    spool(run, "00000-000", [a, make_document("b", prose(1)), a], near=False)
    found = decide(run, "00000-000", Arrivals(), None, 0.8, near=False)
    assert not found.canonical_of
    assert found.repeated == {2}


def test_the_verdicts_lie_with_the_part(run: Run) -> None:
    assert verdicts_path(run, "00001-000").endswith("verdicts/run=000001-test/part-00001-000.json")
