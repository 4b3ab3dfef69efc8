"""200 real documents, their duplicates and broken files: the ledger is exactly as expected.

And it is so with any number of workers, and stays so when the command is repeated.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.integration.command import docsluice
from tests.integration.corpus import (
    BROKEN,
    COPIES,
    DOCUMENTS,
    ENCODINGS,
    MAX_DOCUMENT_BYTES,
    NEAR_MISSES,
    make_corpus,
)
from tests.integration.expected import Corpus, Row

OF_THE_RUN = ["run_id", "ingested_at", "recorded_at"]
Ingest = Callable[[int, bool], Path]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return make_corpus(tmp_path_factory.mktemp("a corpus"))


@pytest.fixture(scope="module")
def ingest(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Ingest:
    """Gives the store that so many workers make of the corpus, with entities or without."""

    @cache
    def store(workers: int, entities: bool) -> Path:
        path = tmp_path_factory.mktemp(f"workers-{workers}-entities-{entities}")
        done = run(corpus, path, workers, entities)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return path

    return store


def run(corpus: Corpus, store: Path, workers: int, entities: bool, *more: str):
    return docsluice(
        "run", *corpus.sources, "--store", store, "--workers", workers, "--json",
        "--entities" if entities else "--no-entities",
        "--max-document-bytes", MAX_DOCUMENT_BYTES, *more, cwd=store,
    )  # fmt: skip


def parts(store: Path, kind: str) -> Iterator[tuple[str, pa.Table]]:
    for path in sorted((store / kind).glob("*/part-*.parquet")):
        yield path.name, pq.ParquetFile(path).read()


def rows(store: Path, kind: str) -> list[dict]:
    return [row for _, table in parts(store, kind) for row in table.to_pylist()]


def content(store: Path, kind: str) -> dict[str, pa.Table]:
    """Every part by its name, without what only says when it was made, in the order of ids."""
    return {
        name: table.drop_columns([c for c in OF_THE_RUN if c in table.column_names]).sort_by("id")
        for name, table in parts(store, kind)
    }


def assert_same_content(store: Path, other: Path) -> None:
    for kind in ("documents", "ledger"):
        ours, theirs = content(store, kind), content(other, kind)
        assert list(ours) == list(theirs)
        for name, table in ours.items():
            assert table.equals(theirs[name]), f"{kind}/{name}"


def test_the_ledger_is_exactly_the_expected_one(corpus: Corpus, ingest: Ingest) -> None:
    expected = corpus.expected()
    counts = Counter(row.outcome for row in expected)
    assert counts["duplicate"] == 2 * COPIES
    assert counts["failed"] + counts["rejected"] == BROKEN
    saved = len(corpus.clusters) - DOCUMENTS - NEAR_MISSES
    assert counts["kept"] == DOCUMENTS + NEAR_MISSES + saved
    ledger = rows(ingest(1, False), "ledger")
    sources = {row["id"]: row["source"] for row in ledger}
    assert len(sources) == len(ledger) == len(expected)
    reasons = {row.source: row.reason for row in expected}
    found = {
        Row(
            row["source"],
            row["outcome"],
            sources.get(row["duplicate_of"]),
            # what matters of a reason is what is expected of it
            wanted
            if (wanted := reasons.get(row["source"], "")) in row["reason"]
            else row["reason"],
        )
        for row in ledger
    }
    assert found - expected == set()
    assert expected - found == set()


def test_what_is_published_says_what_the_files_say(corpus: Corpus, ingest: Ingest) -> None:
    published = {row["source"]: row for row in rows(ingest(1, False), "documents")}
    wrong = [
        (member.source, member.text, published[member.source]["text"])
        for cluster in corpus.clusters
        for member in cluster
        if member.source in published
        and member.text is not None
        and published[member.source]["text"] != member.text
    ]
    assert wrong == []


def test_pages_lose_their_navigation_and_nothing_else(corpus: Corpus, ingest: Ingest) -> None:
    documents = {row["source"]: row for row in rows(ingest(1, False), "documents")}
    pages = [cluster[0] for cluster in corpus.clusters if "/pages/" in cluster[0].source]
    assert len(pages) == 20
    for page in pages:
        row = documents[page.source]
        assert row["text"].split() == page.body.split()
        assert row["title"].startswith("About ")
        assert str(row["published_at"] or "")[:10] == (page.date or "")


def test_titles_and_dates_are_those_of_the_records(corpus: Corpus, ingest: Ingest) -> None:
    documents = {row["source"]: row for row in rows(ingest(1, False), "documents")}
    dated = [m for cluster in corpus.clusters for m in cluster if m.source in documents and m.date]
    assert len(dated) > 60
    for member in dated:
        assert str(documents[member.source]["published_at"])[:10] == member.date
        assert documents[member.source]["title"]


def test_the_encodings_and_languages_are_told(ingest: Ingest) -> None:
    documents = rows(ingest(1, False), "documents")
    found = {
        row["source"].rsplit("/", 1)[1].removesuffix(".txt"): row
        for row in documents
        if "/foreign/" in row["source"]
    }
    wrong = {code: row["language"] for code, row in found.items() if row["language"] != code}
    assert set(wrong) <= {"nb"}
    assert wrong.get("nb", "no") == "no"
    for code, encoding in ENCODINGS.items():
        told = dict(found[code]["metadata"]).get("encoding", "utf-8")
        assert told.replace("windows-1252", "latin-1") == encoding.replace(
            "windows-1252", "latin-1"
        ).removesuffix("-sig")


def test_duplicates_are_counted_on_their_canonical(corpus: Corpus, ingest: Ingest) -> None:
    counts = {row["source"]: row["duplicate_count"] for row in rows(ingest(1, False), "documents")}
    clusters = Counter(row.duplicate_of for row in corpus.expected() if row.duplicate_of)
    assert {source: number for source, number in counts.items() if number} == clusters
    assert max(clusters.values()) >= 2


def test_every_failure_is_a_dead_letter(corpus: Corpus, ingest: Ingest) -> None:
    letters = [
        json.loads(line)
        for path in (ingest(1, False) / "dead-letters").glob("*/*.jsonl")
        for line in path.read_text().splitlines()
    ]
    failed = {row.source for row in corpus.expected() if row.outcome == "failed"}
    assert sorted(letter["source"] for letter in letters) == sorted(failed)


@pytest.mark.parametrize("workers", [2, 4])
def test_any_number_of_workers_gives_the_same_files(ingest: Ingest, workers: int) -> None:
    assert_same_content(ingest(1, False), ingest(workers, False))


def test_two_workers_find_the_same_entities(ingest: Ingest) -> None:
    one = ingest(1, True)
    assert sum(len(row["entities"]) for row in rows(one, "documents")) > 500
    assert_same_content(one, ingest(2, True))


def test_a_second_run_changes_nothing(corpus: Corpus, ingest: Ingest) -> None:
    store = ingest(2, False)
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*") if path.is_file()}
    done = run(corpus, store, 2, False, "--strict")
    assert done.returncode == 1  # what could not be looked at still cannot
    summary = json.loads(done.stdout)
    assert summary["run_id"] is None
    assert summary["still_failed"] == 2
    assert summary["unchanged"] == len({row.source.split("#")[0] for row in corpus.expected()}) - 2
    after = {path: path.stat().st_mtime_ns for path in store.rglob("*") if path.is_file()}
    lock = store / ".lock"  # holds the last writer's process number
    assert after.keys() == before.keys()
    assert {path for path in after if after[path] != before[path]} <= {lock}
