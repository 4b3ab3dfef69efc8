from __future__ import annotations

import io
import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.read.formats import ReadOptions
from transforms.read.listing import list_sources
from transforms.read.plan import (
    LARGEST_UNIT,
    SMALLEST_UNIT,
    cut_at_line_ends,
    plan_units,
    unit_size,
)
from transforms.read.reader import read_slice
from transforms.read.slices import Slice, SourceFile

OPTIONS = ReadOptions()


def in_memory(data: bytes):
    return lambda path: io.BytesIO(data)


def read(slices, data: bytes):
    return [row for s in slices for row in read_slice(s, OPTIONS, in_memory(data))]


LINE = st.one_of(
    st.just(b""),
    st.just(b"  "),
    st.just(b"not json"),
    st.text(min_size=1, max_size=60).map(lambda t: json.dumps({"text": t}).encode()),
    st.text(min_size=1, max_size=20).map(
        lambda t: json.dumps({"text": t}, ensure_ascii=False).encode("utf-8", "replace")
    ),
    st.integers(0, 9).map(lambda i: json.dumps({"id": i, "text": "x" * 40 * i}).encode()),
)


@given(
    lines=st.lists(st.tuples(LINE, st.sampled_from([b"\n", b"\r\n"]))),
    last=LINE,
    size=st.integers(1, 200),
)
def test_slices_together_read_what_the_whole_file_reads(lines, last, size):
    data = b'{"text": "first"}\n' + b"".join(line + end for line, end in lines) + last
    file = SourceFile("file:///x.jsonl", len(data), "1")
    slices = list(cut_at_line_ends(io.BytesIO(data), file, size))

    assert slices[0].start == 0
    assert slices[-1].end == len(data)
    for one, other in pairwise(slices):
        assert one.end == other.start
        assert data[one.end - 1 : one.end] == b"\n"
        assert other.first_line == 1 + data[: one.end].count(b"\n")
        assert one.end - one.start >= size
    rows = read(slices, data)
    whole = read([Slice(file, 0, len(data))], data)
    assert [row for row in rows if "no records in bytes" not in getattr(row, "reason", "")] == whole


def test_cuts_across_scan_blocks_are_exact(monkeypatch):
    monkeypatch.setattr("transforms.read.plan._SCAN_BYTES", 7)
    data = b"".join(b'{"text": "%d"}\n' % i for i in range(50))
    file = SourceFile("file:///x.jsonl", len(data), "1")
    slices = list(cut_at_line_ends(io.BytesIO(data), file, 31))
    assert len(slices) > 10
    assert [row.source.rpartition("L")[2] for row in read(slices, data)] == [
        str(i) for i in range(1, 51)
    ]


def test_unit_size_depends_on_the_input_alone():
    assert unit_size(0) == SMALLEST_UNIT
    assert unit_size(64 * 1024 * 1024) == 1024 * 1024
    assert unit_size(1 << 50) == LARGEST_UNIT


def write(root: Path, name: str, data: bytes):
    (root / name).write_bytes(data)


def plan(root: Path, unit_bytes: int):
    return list(plan_units(list_sources([str(root)]).files, unit_bytes))


def test_small_files_share_units_in_order(tmp_path):
    for i in range(10):
        write(tmp_path, f"{i}.txt", b"x" * 40)
    units = plan(tmp_path, 100)
    assert [unit.number for unit in units] == [0, 1, 2, 3]
    assert [len(unit.slices) for unit in units] == [3, 3, 3, 1]
    assert units == plan(tmp_path, 100)


JSONL = b"".join(b'{"text": "document number %d"}\n' % i for i in range(1000))


@pytest.mark.parametrize("name", ["x.jsonl", "x.ndjson", "x.json", "silent"])
def test_large_json_lines_files_are_split(tmp_path, name):
    write(tmp_path, name, JSONL)
    units = plan(tmp_path, 4000)
    assert len(units) >= 8
    rows = [row for unit in units for s in unit.slices for row in read_slice(s, OPTIONS)]
    assert [row.text for row in rows] == [f"document number {i}" for i in range(1000)]
    assert len({row.id for row in rows}) == 1000


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.txt", b"line\n" * 5000),
        ("x.csv", b"id,text\n" + b"1,x\n" * 5000),
        ("x.json", b"[" + JSONL.replace(b"\n", b",\n").rstrip(b",\n") + b"]"),
        ("x.jsonl", JSONL.decode().encode("utf-16")),
        ("x.jsonl", JSONL.decode().encode("utf-16-le")),
    ],
)
def test_other_files_are_one_slice(tmp_path, name, data):
    write(tmp_path, name, data)
    ((slice_,),) = [unit.slices for unit in plan(tmp_path, 4000)]
    assert (slice_.start, slice_.end, slice_.first_line) == (0, len(data), 1)


def test_files_in_eight_bit_encodings_are_split_and_read_alike(tmp_path):
    texts = [f"{i}: Où êtes-vous, déjà à l'hôtel ?" for i in range(2000)]
    write(tmp_path, "x.jsonl", "".join(f'{{"text": "{t}"}}\n' for t in texts).encode("cp1252"))
    units = plan(tmp_path, 4000)
    rows = [row for unit in units for s in unit.slices for row in read_slice(s, OPTIONS)]
    assert len(units) > 10
    assert [row.text for row in rows] == texts
    assert {row.metadata["encoding"] for row in rows} == {"windows-1252"}


def test_a_file_that_vanished_is_left_to_the_reader(tmp_path):
    write(tmp_path, "x.jsonl", JSONL)
    files = list_sources([str(tmp_path)]).files
    (tmp_path / "x.jsonl").unlink()
    ((slice_,),) = [unit.slices for unit in plan_units(files, 4000)]
    (row,) = read_slice(slice_, OPTIONS)
    assert row.reason == "cannot be read: No such file or directory"


def test_a_slice_of_a_file_that_shrank_says_so(tmp_path):
    write(tmp_path, "x.jsonl", JSONL)
    units = plan(tmp_path, 4000)
    write(tmp_path, "x.jsonl", JSONL[:5000])
    (row,) = read_slice(units[-1].slices[-1], OPTIONS)
    assert row.reason.startswith("no records in bytes ")
