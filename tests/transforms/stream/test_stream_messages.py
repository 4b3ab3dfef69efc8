from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.stream.messages import (
    MOST_BYTES,
    MOST_MESSAGES,
    Held,
    Message,
    file_name,
    in_files,
    lines,
    place,
    record,
)


def messages(*offsets: int) -> list[Message]:
    return [Message("kafka/b_9092/t/0", b"text %d" % offset, offset) for offset in offsets]


@given(st.binary())
def test_every_message_is_one_line_with_an_object_or_nothing(data: bytes) -> None:
    line = record(data)
    assert (line is None) == (not data.strip())
    if line is not None:
        assert b"\n" not in line
        assert b"\r" not in line
        assert isinstance(orjson.loads(line), dict)


@pytest.mark.parametrize(
    ("data", "taken"),
    [
        (b'{\n  "text": "a\\nb",\r\n  "n": 1\n}', {"text": "a\nb", "n": 1}),
        (b"two\nlines", {"text": "two\nlines"}),
        (b"{broken", {"text": "{broken"}),
        (b"[1]", {"text": "[1]"}),
        (b"\xff\xfe", {"text": "\ufffd\ufffd"}),
    ],
)
def test_objects_stay_and_all_else_is_a_text(data: bytes, taken: dict[str, object]) -> None:
    line = record(data)
    assert line is not None
    assert orjson.loads(line) == taken


@given(st.lists(st.lists(st.integers(0, 40), max_size=30), max_size=8))
def test_each_message_is_in_one_file_however_often_and_in_whatever_order_it_comes(
    deliveries: list[list[int]],
) -> None:
    written: dict[str, bytes] = {}
    for offsets in deliveries:
        for some in in_files(messages(*offsets), Held(written)):
            assert file_name(some) not in written
            written[file_name(some)] = lines(some)
    texts = [orjson.loads(line)["text"] for data in written.values() for line in data.splitlines()]
    everything = {f"text {offset}" for offsets in deliveries for offset in offsets}
    assert len(texts) == len(set(texts))
    assert set(texts) == everything


def test_a_gap_ends_a_file_because_its_messages_may_come_later() -> None:
    found = [file_name(some) for some in in_files(messages(7, 5, 6, 9), Held([]))]
    assert found == [
        "00000000000000000005-00000000000000000007.jsonl",
        "00000000000000000009-00000000000000000009.jsonl",
    ]


def test_a_file_has_so_many_messages_and_bytes_at_most() -> None:
    sizes = [len(some) for some in in_files(messages(*range(MOST_MESSAGES + 1)), Held([]))]
    assert sizes == [MOST_MESSAGES, 1]
    large = [Message("p", b"x" * MOST_BYTES, offset) for offset in range(3)]
    assert [len(some) for some in in_files(large, Held([]))] == [1, 1, 1]


def test_a_message_without_offset_has_a_file_of_its_own_named_by_its_id() -> None:
    both = [Message("p", b"one", id="11"), Message("p", b"two", id="a/../b")]
    names = [file_name(some) for some in in_files([*both, both[0]], Held([]))]
    assert names == ["11.jsonl", "a%2F..%2Fb.jsonl"]
    assert list(in_files(both, Held(names))) == []


def test_messages_without_content_are_no_lines() -> None:
    assert lines([Message("p", b"", 1), Message("p", b" \n", 2)]) == b""


def test_a_place_has_a_directory_for_each_name() -> None:
    assert place("kafka", "b1:9092,b2:9092", "a/b", "0") == "kafka/b1_9092,b2_9092/a%2Fb/0"
