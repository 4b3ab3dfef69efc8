"""The graph of a stream on FnApiRunner, whose source ends: no server is needed."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import apache_beam as beam
import orjson
import pyarrow.parquet as pq
import pytest

from pipelines.settings import Settings
from pipelines.stream_graph import build_stream
from transforms import files, language
from transforms.read.slices import SourceFile
from transforms.run import Run
from transforms.stream.orders import Order, write_end, write_order
from transforms.stream.staging import parts_of, receipts, staged_run

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WORDS = [f"w{number}" for number in range(2000)]


def prose(seed: int) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=120))


@pytest.fixture
def stream(tmp_path: Path) -> str:
    return str(tmp_path / "stream")


@pytest.fixture
def order(tmp_path: Path, stream: str) -> Callable[..., None]:
    def give(number: int, **named: str) -> None:
        found = []
        for name, text in named.items():
            path = tmp_path / name.replace("_", ".")
            path.write_text(text)
            found.append(SourceFile(path.as_uri(), path.stat().st_size, "v1"))
        write_order(stream, Order(number, AT, tuple(found)))

    return give


def run_stream(stream: str, first: int = 0, lanes: int = 1, **settings: object) -> Run:
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        chosen = Settings(**{"entities": False, **settings})
        build_stream(pipeline, chosen, stream, first, AT, lanes=lanes, poll_seconds=0.01)
    return staged_run(stream, AT)


def rows(run: Run, kind: str) -> list[dict[str, object]]:
    paths = [files.join(run.directory(kind), name) for name in files.names(run.directory(kind))]
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def outcomes(run: Run) -> dict[str, str]:
    found = rows(run, "ledger")
    assert len({row["source"] for row in found}) == len(found)
    return {str(row["source"]).rsplit("/", 1)[-1]: str(row["outcome"]) for row in found}


def test_every_document_of_every_order_is_staged_and_accounted_for(
    stream: str, order: Callable[..., None]
) -> None:
    order(0, a_txt=prose(1), b_txt=prose(1).upper(), empty_txt="")
    order(1, c_txt=prose(1) + " end", d_txt=prose(2))
    order(2, empty2_txt="")
    order(3)
    write_end(stream, 4)
    run = run_stream(stream)
    found = outcomes(run)
    kept = [name for name, outcome in found.items() if outcome == "kept"]
    assert len(found) == 6
    assert found["c.txt"] == "duplicate"
    assert len(kept) == 2
    assert "d.txt" in kept
    assert {"a.txt", "b.txt"} & set(kept)
    assert found["empty.txt"] == found["empty2.txt"] == "rejected"
    assert [parts_of(stream, number) for number in range(4)] == [1, 1, 1, 0]
    documents = {(receipt.part, receipt.documents) for receipt in receipts(stream, ())}
    assert documents == {("00000-000", 1), ("00001-000", 1), ("00002-000", 0)}
    assert {row["ingested_at"] for row in rows(run, "documents")} == {AT}


def test_fingerprints_stand_for_the_rows_of_the_documents(
    stream: str, order: Callable[..., None]
) -> None:
    order(0, a_txt=prose(1), b_txt=prose(1), c_txt=prose(3))
    write_end(stream, 1)
    run = run_stream(stream)
    documents = rows(run, "documents")
    fingerprints = rows(run, "fingerprints")
    assert [(row["row"], row["id"]) for row in fingerprints] == [
        (place, document["id"]) for place, document in enumerate(documents)
    ]
    assert len(documents) == 2


@pytest.mark.parametrize("mode", ["keep", "off"])
def test_duplicates_stay_if_they_are_wanted(
    stream: str, order: Callable[..., None], mode: str
) -> None:
    order(0, a_txt=prose(1))
    order(1, b_txt=prose(1))
    write_end(stream, 2)
    run = run_stream(stream, duplicates=mode)
    marked = [row for row in rows(run, "documents") if row["duplicate_of"]]
    assert len(rows(run, "documents")) == 2
    assert len(marked) == (mode == "keep")
    assert bool(rows(run, "fingerprints")) is (mode == "keep")


def test_the_same_orders_again_give_the_same_files(stream: str, order: Callable[..., None]) -> None:
    for number in range(3):
        order(number, **{f"f{number}{k}_txt": prose(k % 2) for k in range(3)})
    write_end(stream, 3)
    run = run_stream(stream)
    before = {
        f"{kind}/{name}": files.read(files.join(run.directory(kind), name))
        for kind in ("documents", "ledger", "fingerprints", "verdicts")
        for name in files.names(run.directory(kind))
    }
    assert receipts(stream, ())
    run_stream(stream)
    for path, content in before.items():
        kind, name = path.split("/")
        assert files.read(files.join(run.directory(kind), name)) == content


def test_a_document_on_which_a_step_fails_is_a_dead_letter_and_the_others_go_on(
    stream: str, order: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No text is known on which languages fail: a stand-in fails on one."""
    detect = language.detect

    def failing(text: str) -> language.Detection:
        if "poison" in text:
            raise ValueError("cannot be told")
        return detect(text)

    monkeypatch.setattr(language, "detect", failing)
    order(0, a_txt=prose(1), b_txt="poison " + prose(2), c_txt=prose(3))
    write_end(stream, 1)
    run = run_stream(stream)
    assert outcomes(run) == {"a.txt": "kept", "b.txt": "failed", "c.txt": "kept"}
    path = run.part("dead-letters", "00000-000", "-language.jsonl")
    letter = orjson.loads(files.read(path))
    assert (letter["stage"], letter["error_type"]) == ("language", "ValueError")
    assert letter["payload"].startswith("poison")
    documents, fingerprints = rows(run, "documents"), rows(run, "fingerprints")
    assert [row["id"] for row in documents] == [row["id"] for row in fingerprints]
    assert receipts(stream, ())[0].documents == 2


def test_what_cannot_be_read_is_a_dead_letter_of_its_part(
    stream: str, order: Callable[..., None]
) -> None:
    order(0, a_txt=prose(1), b_jsonl='{"text": "never closed"')
    write_end(stream, 1)
    run = run_stream(stream)
    assert outcomes(run) == {"a.txt": "kept", "b.jsonl#L1": "failed"}
    assert files.names(run.directory("dead-letters")) == ["part-00000-000-read.jsonl"]


def test_lanes_and_entities_change_nothing_of_what_is_staged(
    stream: str, order: Callable[..., None]
) -> None:
    for number in range(4):
        order(number, **{f"f{number}_txt": f"Angela Merkel visited Paris. {prose(number)}"})
    write_end(stream, 4)
    run = run_stream(stream, lanes=3, entities=True)
    names = {e["text"] for row in rows(run, "documents") for e in row["entities"]}
    assert names >= {"Paris"}
    assert len(receipts(stream, ())) == 4
