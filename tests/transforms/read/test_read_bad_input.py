"""Whatever a file holds, it ends as rows that say what and where, and the rest goes on."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import random
from pathlib import Path

import pytest
import zstandard

from transforms.document import Document, Rejected
from transforms.read.formats import ReadOptions
from transforms.read.listing import list_sources
from transforms.read.reader import read_slice
from transforms.read.slices import Slice, SourceFile


def rejected(rows):
    return [row for row in rows if isinstance(row, Rejected)]


def texts(rows):
    return [row.text for row in rows if isinstance(row, Document)]


@pytest.mark.parametrize(
    "name", ["x.txt", "x.jsonl", "x.csv", "x.json", "x.html", "x.parquet", "x"]
)
def test_empty_file(read_file, name):
    (row,) = read_file(name, b"")
    assert (row.outcome, row.reason, row.stage) == ("rejected", "empty file", "read")
    assert row.source_version


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv", "x.json"])
def test_files_without_records(read_file, name):
    data = {"x.jsonl": b"\n \r\n\n", "x.csv": b"id,text\n", "x.json": b"[ ]"}[name]
    (row,) = read_file(name, data)
    assert (row.outcome, row.reason) == ("rejected", "no records")


def test_an_empty_compressed_file(read_file):
    (row,) = read_file("x.txt.gz", gzip.compress(b""))
    assert (row.outcome, row.reason) == ("rejected", "no records")


@pytest.mark.parametrize("name", ["x.txt", "x.jsonl", "x.csv", "x"])
def test_binary_file(read_file, name):
    (row,) = read_file(name, random.Random(1).randbytes(5000))
    assert row.outcome == "rejected"
    assert row.reason == "unsupported: binary (application/octet-stream)"
    (png,) = read_file(name, b"\x89PNG\r\n\x1a\n" + bytes(100))
    assert png.reason == "unsupported: PNG image (image/png)"


LINES = b"".join(
    json.dumps({"text": f"{i} " + random.Random(i).randbytes(40).hex()}).encode() + b"\n"
    for i in range(20_000)
)


@pytest.mark.parametrize(
    ("name", "compress"),
    [
        ("x.jsonl.gz", gzip.compress),
        ("x.jsonl.bz2", bz2.compress),
        ("x.jsonl.xz", lzma.compress),
        ("x.jsonl.zst", zstandard.ZstdCompressor().compress),
    ],
)
def test_truncated_compressed_file_keeps_what_stands_before_the_cut(read_file, name, compress):
    whole = compress(LINES)
    rows = read_file(name, whole[: len(whole) * 2 // 3])
    (row,) = rejected(rows)
    assert rows[-1] is row
    assert row.outcome == "failed"
    assert "broken" in row.reason
    assert f"{len(rows) - 1} records were read before" in row.reason
    assert row.error_type == "EOFError"
    assert len(texts(rows)) > 5_000
    assert texts(rows) == [json.loads(line)["text"] for line in LINES.splitlines()[: len(rows) - 1]]


def test_a_compressed_file_that_ends_before_its_first_block_is_broken_not_empty(read_file):
    whole = zstandard.ZstdCompressor().compress(b"A text of a few words." * 9)
    (row,) = read_file("x.txt.zst", whole[: len(whole) // 2])
    assert (row.outcome, row.error_type) == ("failed", "EOFError")
    assert row.reason.startswith("broken zstandard data")


def test_damaged_and_false_gzip(read_file):
    whole = bytearray(gzip.compress(LINES))
    whole[len(whole) // 2] ^= 0xFF
    rows = read_file("x.jsonl.gz", bytes(whole))
    assert rejected(rows)[-1].outcome == "failed"
    (row,) = read_file("y.jsonl.gz", random.Random(2).randbytes(5000))
    assert row.outcome == "failed"
    assert row.reason.startswith("named .gz but not compressed in that way")


def test_json_line_that_is_no_json(read_file):
    rows = read_file("x.jsonl", b'{"text": "one"}\n{"text": oops\n\n{"text": "four"}\n[1]\n"six"')
    assert texts(rows) == ["one", "four", "six"]
    broken, array = rejected(rows)
    assert broken.reason.startswith("line 2 is not JSON: ")
    assert (broken.outcome, broken.payload) == ("failed", '{"text": oops')
    assert broken.error_type == "JSONDecodeError"
    assert broken.source.endswith("#L2")
    assert (array.outcome, array.reason) == ("rejected", "line 5 is a JSON array, not an object")


def test_a_payload_of_a_huge_broken_line_is_left_out(read_file):
    (row,) = rejected(read_file("x.jsonl", b'{"text": "one"}\n{"text": "' + b"x" * 100_000))
    assert row.payload is None


def test_json_that_is_cut_off_or_broken(read_file):
    rows = read_file("x.json", b'[{"text": "one"}, {"text": "two"}, {"tex')
    assert texts(rows) == ["one", "two"]
    (row,) = rejected(rows)
    assert row.outcome == "failed"
    assert row.reason.startswith("not JSON at character 35 (value 2): ")
    assert row.payload == '{"tex'
    (row,) = rejected(read_file("y.json", b'[{"text": "one"}'))
    assert "the array ends early" in row.reason
    rows = read_file("z.json", b'[{"text": "one"}] trailing')
    assert texts(rows) == ["one"]
    assert "extra data" in rejected(rows)[0].reason


def test_deeply_nested_json_fails_alone(read_file):
    deep = b"[" * 200_000
    rows = read_file("x.jsonl", b'{"text": "one"}\n' + deep + b'\n{"text": "two"}\n')
    assert texts(rows) == ["one", "two"]
    (row,) = read_file("x.json", deep)
    assert row.outcome == "failed"


@pytest.mark.parametrize(
    "line", ['2,"wrong "quote" inside"', '2,"never closed', '2,x,"too",many', '"2"b,x']
)
def test_csv_with_a_wrong_quote_loses_one_record(read_file, line):
    rows = read_file(
        "x.csv", f'n,text\n1,"a, fine"\n{line}\n3,"three"\n4,"four\n4b"\n5,5th\n'.encode()
    )
    assert texts(rows) == ["a, fine", "three", "four\n4b", "5th"]
    (row,) = rejected(rows)
    assert row.outcome == "failed"
    assert row.reason.startswith("line 3: broken record: ")
    assert row.payload == line + "\n"


def test_an_unclosed_quote_does_not_swallow_a_file_without_quotes(read_file):
    good = "".join(f"{i},text {i}\n" for i in range(3, 50_000))
    rows = read_file("x.csv", f'n,text\n1,one\n2,"never closed\n{good}'.encode())
    assert len(texts(rows)) == 49_998
    assert [row.source.rpartition("#")[2] for row in rejected(rows)] == ["L3"]


def test_csv_keys_are_lines_also_after_records_of_several(read_file):
    rows = read_file("x.csv", b'n,text\n1,"a\nb\nc"\n\n2,d\n')
    assert [row.source.rpartition("#")[2] for row in rows] == ["L2", "L6"]


def test_csv_without_a_header_loses_no_record(read_file):
    long = "word " * 40
    rows = read_file("x.csv", f"1,{long}a\n2,{long}b\n".encode())
    assert texts(rows) == [f"{long}a", f"{long}b"]


def test_quotes_in_tab_separated_values_are_text(read_file):
    rows = read_file("x.tsv", b'id\ttext\n1\t"Hello" she said\n2\tan inch is 1"\n')
    assert texts(rows) == ['"Hello" she said', 'an inch is 1"']


def test_broken_parquet(read_file):
    (row,) = read_file("x.parquet", b"PAR1" + bytes(200))
    assert row.outcome == "failed"
    assert row.reason.startswith("broken Parquet data")


def test_vanished_file():
    file = SourceFile("file:///no/such/file.txt", 5, "5-1")
    (row,) = read_slice(Slice(file, 0, 5), ReadOptions())
    assert isinstance(row, Rejected)
    assert (row.outcome, row.source_version) == ("failed", "")
    assert row.reason == "cannot be read: No such file or directory"
    assert row.error_type == "FileNotFoundError"


def test_unreadable_file(tmp_path: Path):
    path = tmp_path / "x.txt"
    path.write_text("secret")
    (file,) = list_sources([str(path)]).files

    def refuse(path: str):
        raise PermissionError(13, os.strerror(13), path)  # root could read a file of mode 000

    (row,) = read_slice(Slice(file, 0, file.size), ReadOptions(), refuse)
    assert isinstance(row, Rejected)
    assert (row.outcome, row.source_version) == ("failed", "")
    assert row.reason == "cannot be read: Permission denied"


def test_a_line_of_50_megabytes_is_read(read_file):
    long = b"x" * 50_000_000
    rows = read_file("x.jsonl", b'{"text": "one"}\n{"text": "' + long + b'"}\n{"text": "two"}\n')
    assert [len(text) for text in texts(rows)] == [3, 50_000_000, 3]


@pytest.mark.parametrize(
    ("name", "shape", "others"),
    [
        ("x.jsonl", '{"text": "one"}\n{"text": "%s"}\n{"text": "two"}\n', ["one", "two"]),
        ("x.csv", "text,n\none,1\n%s,2\ntwo,3\n", ["one", "two"]),
        ("x.txt", "%s", []),
        ("x.json", '[{"text": "one"}, {"text": "%s"}, {"text": "two"}]', ["one"]),
    ],
)
def test_longer_than_the_limit_is_skipped(read_file, name, shape, others):
    options = ReadOptions(max_document_bytes=300_000)
    rows = read_file(name, (shape % ("x" * 2_000_000)).encode(), options)
    assert texts(rows) == others
    (row,) = rejected(rows)
    assert row.outcome == "failed"
    assert row.error_type == "TooLong"
    assert "longer than 300,000 bytes" in row.reason
    assert "raise max_document_bytes" in row.reason


@pytest.mark.parametrize("name", ["x.txt.gz", "x.jsonl.bz2", "x.csv.xz", "x.txt.zst"])
def test_decompression_bombs_are_not_held(read_file, name):
    zeros = b"a" * 100_000_000
    compress = {
        "gz": gzip.compress,
        "bz2": bz2.compress,
        "xz": lambda data: lzma.compress(data, preset=0),
        "zst": zstandard.ZstdCompressor().compress,
    }[name.rpartition(".")[2]]
    (row,) = read_file(name, compress(zeros), ReadOptions(max_document_bytes=1_000_000))
    assert "longer than 1,000,000 bytes (100,000,000)" in row.reason


@pytest.mark.parametrize("name", ["x.jsonl", "x.json"])
def test_lone_surrogates_and_nul(read_file, name):
    rows = read_file(name, rb'{"text": "a\ud800b\u0000c \ud83d\ude00", "k\udfff": "v"}')
    (row,) = rows
    assert row.text == "a\ufffdb\x00c 😀"
    assert row.metadata["replacement_characters"] == "1"
    json.dumps(row.metadata, ensure_ascii=False).encode()


def test_numbers_orjson_refuses_are_read(read_file):
    (row,) = read_file("x.jsonl", b'{"text": "t", "big": 1%s, "nan": NaN}' % (b"0" * 40))
    assert row.metadata == {"big": "1" + "0" * 40, "nan": "nan"}


def test_bytes_that_are_no_utf8_are_replaced_and_flagged(read_file):
    good = '{"text": "déjà vu, ça va, été"}\n'.encode() * 3
    rows = read_file("x.jsonl", good + b'{"text": "bad \xff byte"}\n')
    assert rows[-1].text == "bad \ufffd byte"
    assert rows[-1].metadata == {"replacement_characters": "1"}
    assert rows[0].metadata == {}


def test_nul_bytes_in_text_and_csv(read_file):
    (row,) = read_file("x.txt", b"some text with one NUL \x00 byte among many others, and no more.")
    assert "\x00" in row.text
    (row,) = read_file("x.csv", b"id,text\n1,some text with a NUL \x00 byte among many others\n")
    assert row.text == "some text with a NUL \x00 byte among many others"


def test_records_without_text_say_which_fields_there_are(read_file):
    rows = read_file("x.jsonl", b'{"a": 1, "b": "short"}\n{"text": ""}\n{"text": 7}\n')
    assert [row.outcome for row in rows] == ["rejected"] * 3
    assert rows[0].reason == "no text field; fields are: a, b; name it with --text-field"
    assert rows[1].reason == "field 'text' holds no text"
