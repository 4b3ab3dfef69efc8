"""Every kind of file, plain and compressed, named and misnamed."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Callable
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from transforms.document import Document, Rejected, document_id
from transforms.read.formats import ReadOptions
from transforms.read.kinds import kind_from_name, kind_of, looks_binary

TEXT = "The quick brown fox, it is said, jumps over the lazy dog.\nAnd then it sleeps.\n"
RECORDS = [
    {"id": "a", "title": "First", "text": TEXT, "date": "2024-01-31", "url": "https://e.org/a"},
    {
        "id": "b",
        "title": "Second",
        "text": TEXT * 2,
        "date": "2024-02-01",
        "url": "https://e.org/b",
    },
]
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: zstandard.ZstdCompressor().compress(data),
}


def parquet_bytes(rows: list[dict[str, object]]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink, row_group_size=1)
    return sink.getvalue()


def delimited(delimiter: str) -> bytes:
    def cell(value: str) -> str:
        return f'"{value}"' if any(c in value for c in f"{delimiter}\n") else value

    rows = [list(RECORDS[0]), *(list(record.values()) for record in RECORDS)]
    return "\r\n".join(delimiter.join(map(cell, row)) for row in rows).encode() + b"\r\n"


MANY = {
    "json": json.dumps(RECORDS).encode(),
    "jsonl": b"".join(json.dumps(record).encode() + b"\n" for record in RECORDS),
    "csv": delimited(","),
    "tsv": delimited("\t"),
    "parquet": parquet_bytes(RECORDS),  # type: ignore[arg-type]
}
ONE = {
    "txt": (TEXT, "text/plain"),
    "md": ("# Title\n\nSome *text*.\n", "text/markdown"),
    "html": ("<!DOCTYPE html><title>T</title><p>Hello", "text/html"),
}


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize("kind", MANY)
def test_files_of_many_documents(read_file, kind, compression):
    rows = read_file(f"x.{kind}{compression}", COMPRESS[compression](MANY[kind]))

    assert [row.text.replace("\r\n", "\n") for row in rows] == [TEXT, TEXT * 2]
    assert [row.title for row in rows] == ["First", "Second"]
    assert [row.source.rpartition("#")[2] for row in rows] == ["a", "b"]
    assert rows[0].published_at == datetime(2024, 1, 31, tzinfo=UTC)
    assert rows[1].metadata == {"url": "https://e.org/b"}
    uri = rows[0].source.partition("#")[0]
    assert uri.startswith("file:///")
    assert rows[0].id == document_id(uri, "a")


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize("kind", ONE)
def test_files_that_are_one_document(read_file, kind, compression):
    text, media_type = ONE[kind]
    (row,) = read_file(f"x.{kind}{compression}", COMPRESS[compression](text.encode()))

    assert (row.text, row.media_type, row.metadata) == (text, media_type, {})
    assert row.source.startswith("file:///")
    assert "#" not in row.source


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize("kind", [*MANY, "html"])
def test_content_tells_the_kind_where_the_name_is_silent(read_file, kind, compression):
    data = MANY[kind] if kind in MANY else ONE[kind][0].encode()
    rows = read_file("silent", COMPRESS[compression](data))

    if kind == "html":
        assert [row.media_type for row in rows] == ["text/html"]
    else:
        assert [row.title for row in rows] == ["First", "Second"]


@pytest.mark.parametrize("compression", [".gz", ".bz2", ".xz", ".zst"])
def test_streams_of_several_members_are_read_to_their_end(read_file, compression):
    compress = COMPRESS[compression]
    rows = read_file(f"x.txt{compression}", compress(b"one ") + compress(b"two ") + compress(b"3"))
    assert [row.text for row in rows] == ["one two 3"]


def test_names_lie_and_content_is_believed(read_file):
    (packed,) = read_file("notes.txt", gzip.compress(TEXT.encode()))
    assert packed.text == TEXT
    (pdf,) = read_file("paper.txt", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj")
    assert pdf.reason == "unsupported: PDF (application/pdf)"
    assert [row.title for row in read_file("lines.json", MANY["jsonl"])] == ["First", "Second"]
    array = json.dumps(RECORDS, indent=1).encode()
    assert [row.title for row in read_file("array.jsonl", array)] == ["First", "Second"]
    (plain,) = read_file("plain.txt.gz", TEXT.encode())
    assert plain.text == TEXT


def test_names_of_kinds():
    assert kind_from_name("a.b.TXT.GZ") == ("text", "gz")
    assert kind_from_name("x.ndjson.zst") == ("jsonl", "zst")
    assert kind_from_name("README") == (None, "")
    assert kind_from_name("x.pdf") == (None, "")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("text", "Apples, pears, and plums.\nOne, two, three.\nYes, no, maybe.\n"),
        ("text", "Roses are red,\nviolets are blue,\nsugar is sweet,\nand so are you\n"),
        ("text", "[INFO] started\n[WARN] slow\n"),
        ("text", "{not json}\n"),
        ("text", "Plain prose about <b>tags</b> and html.\n"),
        ("csv", "id,name,comment\n1,x,hello\n2,y,bye\n3,z,oh\n"),
        ("csv", "id;text\n1;hello, you\n2;bye\n"),
        ("tsv", "name\tage\tcity\nx\t1\tP\ny\t2\tQ\n"),
        ("json", '{\n "a": 1\n}\n'),
        ("jsonl", '{"a": 1}\n{"a": 2}\n'),
        ("html", "<!-- c -->\n<html lang=en><body>x"),
        ("html", '<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "x"><html/>'),
    ],
)
def test_kind_from_content_alone(kind, text):
    assert kind_of(None, text) == kind


def test_xml_is_named_as_unsupported(read_file):
    (row,) = read_file("feed.xml", b'<?xml version="1.0"?><rss><channel/></rss>')
    assert isinstance(row, Rejected)
    assert row.reason == "unsupported: XML (application/xml)"


def test_a_stray_control_character_does_not_make_a_text_binary():
    assert not looks_binary(b"A text with one NUL \x00 in it, and nothing else to see here.")
    assert not looks_binary(b"\x1b[31mred\x1b[0m and \x0c a page")
    assert looks_binary(bytes(range(256)) * 4)
    assert looks_binary(b"\x00\x01\x02abc")


def test_a_kind_can_be_forced(read_file):
    (row,) = read_file("x.json", b'{"text": "t"}', ReadOptions(kind="text"))
    assert row.text == '{"text": "t"}'
    with pytest.raises(ValueError, match="unknown kind 'doc'"):
        ReadOptions(kind="doc")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unknown encoding"):
        ReadOptions(encoding="klingon")


def test_json_of_other_shapes(read_file):
    (one,) = read_file("one.json", json.dumps(RECORDS[0], indent=2).encode())
    assert one.source.endswith("#a")
    (anonymous,) = read_file("anonymous.json", b'{"text": "just this"}')
    assert anonymous.source.endswith("anonymous.json")
    wrapped = read_file("wrapped.json", json.dumps({"count": 2, "data": RECORDS}).encode())
    assert [row.title for row in wrapped] == ["First", "Second"]
    strings = read_file("strings.json", b'["one", "two"]')
    assert [(row.text, row.source[-2:]) for row in strings] == [("one", "#0"), ("two", "#1")]
    several = read_file("several.json", b'{"text":\n"one"}\n{"text":\n"two"}')
    assert [row.text for row in several] == ["one", "two"]
    mixed = read_file("mixed.json", b'[{"text": "one"}, 17, {"text": "two"}]')
    assert [type(row) for row in mixed] == [Document, Rejected, Document]
    assert "number" in mixed[1].reason


def test_a_json_array_longer_than_a_block_is_streamed(read_file):
    records = [{"id": i, "text": f"text {i} " + "é" * 1000} for i in range(1000)]
    options = ReadOptions(max_document_bytes=400_000)  # less than the file
    rows = read_file("x.json", json.dumps(records, ensure_ascii=False).encode(), options)
    assert [row.text for row in rows] == [record["text"] for record in records]
    empty = read_file("empty.json", b"[]")
    assert [row.reason for row in empty] == ["no records"]


def test_parquet_columns_that_hold_no_text_are_left_alone(read_file):
    rows: list[dict[str, object]] = [
        {
            "text": "body",
            "vector": [0.1, 0.2],
            "n": 3,
            "image": b"\x00",
            "when": datetime(2024, 1, 2),
        }
    ]
    (row,) = read_file("x.parquet", parquet_bytes(rows))
    assert row.source.endswith("#0")
    assert row.metadata == {"n": "3", "when": "2024-01-02T00:00:00"}
