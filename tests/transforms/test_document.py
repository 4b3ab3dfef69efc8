from __future__ import annotations

from dataclasses import fields

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from transforms.document import (
    LEDGER_SCHEMA,
    SCHEMA,
    Document,
    completed,
    document_id,
    source_of,
)


def test_an_id_is_128_bits_of_hex_and_always_the_same() -> None:
    assert document_id("file:///a.txt") == document_id("file:///a.txt")
    assert len(document_id("file:///a.txt")) == 32
    assert int(document_id("file:///a.txt"), 16)


@given(st.text(), st.text(), st.text(), st.text())
def test_different_uris_or_keys_have_different_ids(a: str, b: str, c: str, d: str) -> None:
    if (a, b) != (c, d) and "\x00" not in a + b + c + d:
        assert document_id(a, b) != document_id(c, d)


def test_a_uri_and_a_key_are_not_just_joined() -> None:
    assert document_id("ab", "c") != document_id("a", "bc")


def test_the_source_of_a_record_names_file_and_key() -> None:
    assert source_of("file:///a.jsonl", "L3") == "file:///a.jsonl#L3"
    assert source_of("file:///a.txt") == "file:///a.txt"


def test_every_published_column_but_the_stamps_of_the_run_is_a_field_of_document() -> None:
    known = {field.name for field in fields(Document)}
    assert set(SCHEMA.names) - known == {"ingested_at", "run_id"}
    assert known - set(SCHEMA.names) == {"source_version", "priority"}


def test_the_schemas_hold_the_columns_that_users_rely_on() -> None:
    assert SCHEMA.names == [
        "id", "source", "title", "text", "language", "language_confidence", "published_at",
        "entities", "title_entities", "content_hash", "cluster_id", "duplicate_count",
        "duplicate_of", "similarity", "word_count", "quality", "media_type", "metadata",
        "ingested_at", "run_id",
    ]  # fmt: skip
    assert LEDGER_SCHEMA.names == [
        "id", "source", "source_version", "outcome", "reason", "duplicate_of", "similarity",
        "content_hash", "run_id", "recorded_at",
    ]  # fmt: skip


def test_what_an_older_store_does_not_have_is_empty() -> None:
    older = pa.table({"id": ["a", "b"], "title": ["A", "B"]})
    table = completed(older)
    assert table.select(["id", "title"]) == older
    assert table.field("title_entities") == SCHEMA.field("title_entities")
    assert table["title_entities"].to_pylist() == [[], []]
    assert completed(table) is table
    (batch,) = older.to_batches()
    assert completed(batch)["title_entities"].to_pylist() == [[], []]
