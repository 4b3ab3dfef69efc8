"""The election among published documents, held on the files of a run as they are."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.document import Document, document_id
from transforms.fingerprint import content_hash
from transforms.keys import keys_of
from transforms.meeting import Published
from transforms.missed import Arrivals, missed_duplicates
from transforms.parquet import document_table, encode

WORDS = [f"word{number}" for number in range(80)]
NOBODY = Published("", (), lambda ids, _runs: [True] * len(ids))


def text(first: int, last: int = 80) -> str:
    """All words from ``first`` on, and others in place of those from ``last`` on."""
    return " ".join([*WORDS[first:last], *(f"new{number}" for number in range(last, 80))])


def arrivals(path: Path, run_id: str, texts: dict[str, str]) -> Arrivals:
    documents = [
        Document(id=document_id(name), source=name, text=text, content_hash=content_hash(text))
        for name, text in texts.items()
    ]
    path.write_bytes(encode(document_table(documents, run_id, datetime(2026, 1, 1, tzinfo=UTC))))
    ids = [document.id for document in documents]
    return Arrivals(str(path), np.arange(len(ids)), ids, keys_of(documents, near=True))


def elected(lots: list[Arrivals], order: list[str], names: list[str]) -> dict[str, str]:
    """The name of the canonical of each duplicate, by its name."""
    name = {document_id(name): name for name in names}
    windows = {run_id: number for number, run_id in enumerate(order)}
    found = missed_duplicates(lots, windows, NOBODY, 0.8)
    return {name[id_]: name[canonical.id] for id_, canonical in found.items()}


@pytest.mark.parametrize("order", [["one", "two"], ["two", "one"]])
def test_the_earlier_window_has_the_canonical(tmp_path: Path, order: list[str]) -> None:
    lots = [
        arrivals(tmp_path / "one.parquet", "one", {"a": text(0)}),
        arrivals(tmp_path / "two.parquet", "two", {"b": text(0, 78), "c": text(50)}),
    ]
    canonical, duplicate = ("a", "b") if order[0] == "one" else ("b", "a")
    assert elected(lots, order, ["a", "b", "c"]) == {duplicate: canonical}


def test_within_a_window_the_longer_one_is_canonical(tmp_path: Path) -> None:
    lot = arrivals(tmp_path / "one.parquet", "one", {"a": text(2), "b": text(0), "c": text(1)})
    assert elected([lot], ["one"], ["a", "b", "c"]) == {"a": "b", "c": "b"}


def test_only_the_given_rows_take_part(tmp_path: Path) -> None:
    whole = arrivals(tmp_path / "one.parquet", "one", {"a": text(0), "b": text(0), "c": text(1)})
    rows = np.array([1, 2])
    some = Arrivals(whole.path, rows, whole.ids[1:], whole.keys.take(rows))
    assert elected([some], ["one"], ["a", "b", "c"]) == {"c": "b"}


@settings(max_examples=25, deadline=None)
@given(starts=st.lists(st.integers(0, 20), min_size=1, max_size=8), data=st.data())
def test_windows_are_what_counts_not_how_parts_are_cut(
    starts: list[int], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("parts")
    texts = {f"d{number}": text(start) for number, start in enumerate(starts)}
    together = arrivals(root / "all.parquet", "one", texts)
    cut = data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts)))
    sides = [
        {name: texts[name] for name, is_there in zip(texts, cut, strict=True) if is_there is side}
        for side in (True, False)
    ]
    parts = [
        arrivals(root / f"{number}.parquet", "one", side)
        for number, side in enumerate(sides)
        if side
    ]
    one, other = (elected(lots, ["one"], list(texts)) for lots in ([together], parts))
    assert one == other
    assert not one.keys() & set(one.values())
