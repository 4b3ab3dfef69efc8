from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.read.dates import parse_record_date
from transforms.read.fields import FieldNames
from transforms.read.formats import ReadOptions

JAN_31 = datetime(2024, 1, 31, tzinfo=UTC)
NOON = datetime(2024, 1, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-01-31", JAN_31),
        ("2024-01-31T12:00:00Z", NOON),
        ("2024-01-31 12:00:00 UTC", NOON),
        ("2024-01-31T14:00:00+02:00", NOON),
        ("20240131", JAN_31),
        (20240131, JAN_31),
        ("Wed, 31 Jan 2024 12:00:00 GMT", NOON),
        (int(NOON.timestamp()), NOON),
        (str(int(NOON.timestamp())), NOON),
        (NOON.timestamp() * 1000, NOON),
        (int(NOON.timestamp() * 1_000_000), NOON),
        (NOON.astimezone(timezone(timedelta(hours=5))), NOON),
        (date(2024, 1, 31), JAN_31),
    ],
)
def test_dates_as_programs_write_them(value, expected):
    assert parse_record_date(value) == expected


@pytest.mark.parametrize(
    "value", [None, True, "", "soon", "2024", 7, -1, "9" * 400, 1e300, [], "31/31/31"]
)
def test_what_is_no_date(value):
    assert parse_record_date(value) is None


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.none()))
def test_dates_never_fail(value):
    found = parse_record_date(value)
    assert found is None or found.tzinfo is UTC


def one(read_file, record, names=FieldNames()):  # noqa: B008
    (row,) = read_file("x.jsonl", json.dumps(record).encode() + b"\n", ReadOptions(fields=names))
    return row


def test_conventional_names_whatever_their_case(read_file):
    record = {
        "_id": 17, "Headline": " H ", "BODY": "text", "pubDate": "2024-01-31", "link": "https://e.org",
        "views": 3, "ok": True, "nothing": None, "tags": ["a"],
    }  # fmt: skip
    row = one(read_file, record)
    assert (row.title, row.text, row.published_at) == ("H", "text", JAN_31)
    assert row.source.endswith("#17")
    assert row.metadata == {"url": "https://e.org", "views": "3", "ok": "true"}


def test_names_can_be_set_also_as_paths(read_file):
    record = {"text": "not this", "article": {"body": "this", "meta": {"t": "T"}}, "n": "k9"}
    names = FieldNames(text="article.body", title="article.meta.t", id="n")
    row = one(read_file, record, names)
    assert (row.text, row.title) == ("this", "T")
    assert row.source.endswith("#k9")
    missing = one(read_file, {"text": "x"}, FieldNames(text="nope"))
    assert missing.reason == "no text field 'nope'; fields are: text; name it with --text-field"


def test_the_longest_string_stands_in_for_a_text_field(read_file):
    long = "word " * 30
    assert one(read_file, {"remark": long, "other": "short"}).text == long
    assert one(read_file, {"remark": "word " * 10}).outcome == "rejected"


def test_paragraphs_in_a_list(read_file):
    assert one(read_file, {"text": ["one", "two"]}).text == "one\n\ntwo"


def test_the_next_known_field_is_taken_where_the_first_is_empty(read_file):
    assert one(read_file, {"text": None, "content": "this"}).text == "this"


def test_html_and_markdown_in_records(read_file):
    assert one(read_file, {"html": "<p>x"}).media_type == "text/html"
    assert one(read_file, {"text": " <!doctype HTML><p>x"}).media_type == "text/html"
    assert one(read_file, {"markdown": "# x"}).media_type == "text/markdown"
    assert one(read_file, {"text": "a < b"}).media_type == "text/plain"


def test_a_date_that_is_none_stays_in_the_metadata(read_file):
    row = one(read_file, {"text": "t", "date": "last spring"})
    assert row.published_at is None
    assert row.metadata == {"date": "last spring"}


def test_metadata_is_bounded(read_file):
    record = {"text": "t", "long": "x" * 1001, **{f"f{i}": i for i in range(200)}}
    metadata = one(read_file, record).metadata
    assert "long" not in metadata
    assert len(metadata) == 64


def test_a_record_without_an_id_is_keyed_by_its_line(read_file):
    rows = read_file(
        "x.jsonl", b'{"text": "a"}\n\n{"text": "b", "id": ""}\n{"text": "c", "id": null}\n'
    )
    assert [row.source.rpartition("#")[2] for row in rows] == ["L1", "L3", "L4"]
