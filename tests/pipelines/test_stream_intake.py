from __future__ import annotations

import io
import socket
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stream_intake import Intake, ListenError, read_address, record, taken_in
from tests.integration.schedulers import wait_for


def lines_of(store: Path) -> list[dict[str, str]]:
    return [
        orjson.loads(line)
        for path in sorted(store.glob("intake/*.jsonl"))
        for line in path.read_bytes().splitlines()
    ]


@given(st.binary())
def test_every_line_is_a_json_object_or_nothing(line: bytes) -> None:
    taken = record(line)
    assert (taken is None) == (not line.strip())
    assert taken is None or isinstance(orjson.loads(taken), dict)


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        (b'{"text": "a", "n": 1}\n', {"text": "a", "n": 1}),
        (b"plain words\r\n", {"text": "plain words"}),
        (b"{broken", {"text": "{broken"}),
        (b"[1, 2]", {"text": "[1, 2]"}),
        (b"caf\xe9", {"text": "caf\N{REPLACEMENT CHARACTER}"}),
    ],
)
def test_an_object_stays_what_it_is_and_all_else_is_a_text(
    line: bytes, taken: dict[str, object]
) -> None:
    found = record(line)
    assert found is not None
    assert orjson.loads(found) == taken


def test_lines_become_files_and_the_end_is_seen_when_all_are_written(tmp_path: Path) -> None:
    intake = Intake(str(tmp_path), 100)
    intake.read(io.BytesIO(b"one\n\ntwo\n" + b"x" * 150 + b"\n"))
    wait_for(lambda: intake.write())
    while intake.write():
        pass
    assert [line["text"] for line in lines_of(tmp_path)] == ["one", "two", "x" * 100, "x" * 50]
    wait_for(lambda: intake.has_ended)
    files, problems = taken_in(str(tmp_path))
    assert len(files) >= 1
    assert not problems


def test_a_store_without_lines_has_no_files(tmp_path: Path) -> None:
    assert taken_in(str(tmp_path)) == ((), ())


def test_whoever_sends_waits_while_nobody_takes(tmp_path: Path) -> None:
    intake = Intake(str(tmp_path), 100)
    source = io.BytesIO(b"".join(b"%d\n" % number for number in range(5000)))
    intake.read(source)
    wait_for(lambda: source.tell() > 0)
    wait_for(lambda: intake._lines.full())
    assert source.tell() < len(source.getvalue())
    while not intake.has_ended:
        intake.write()
    assert [line["text"] for line in lines_of(tmp_path)] == list(map(str, range(5000)))


def test_lines_come_by_connections(tmp_path: Path) -> None:
    intake = Intake(str(tmp_path), 100)
    with intake.listening("127.0.0.1", 0) as port:
        for word in (b"one", b"two"):
            with socket.create_connection(("127.0.0.1", port)) as sender:
                sender.sendall(word + b"\n")
        assert not intake.has_ended
        wait_for(lambda: intake.write() or len(lines_of(tmp_path)) == 2)
        wait_for(lambda: intake.write() or len(lines_of(tmp_path)) == 2)
        with pytest.raises(ListenError, match=f"cannot listen at 127.0.0.1:{port}"):  # noqa: SIM117
            with Intake(str(tmp_path), 100).listening("127.0.0.1", port):
                pass
    assert sorted(line["text"] for line in lines_of(tmp_path)) == ["one", "two"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9099", ("127.0.0.1", 9099)),
        (":9099", ("127.0.0.1", 9099)),
        ("9099", ("127.0.0.1", 9099)),
        ("[::1]:0", ("::1", 0)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert read_address(text) == address


@pytest.mark.parametrize("text", ["host", "host:", "host:port", "host:70000", ""])
def test_what_is_no_address_is_one_line(text: str) -> None:
    with pytest.raises(ListenError, match="--listen takes HOST:PORT"):
        read_address(text)
