from __future__ import annotations

import errno
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from transforms import files


def test_a_file_that_is_written_again_is_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "deep" / "a.bin")
    files.write(path, b"one")
    files.write(path, b"two")
    assert files.read(path) == b"two"
    assert files.names(str(tmp_path / "deep")) == ["a.bin"]


def test_a_failed_write_leaves_the_old_file_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "a.bin")
    files.write(path, b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    # a full disk cannot be had without root; the call that would notice it fails instead
    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write(path, b"new", durable=True)
    assert files.read(path) == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.bin"]


def test_a_file_written_piece_by_piece_is_seen_when_it_is_complete(
    tmp_path: Path, bucket: str
) -> None:
    path = str(tmp_path / "deep" / "a.bin")
    with files.writing(path) as file:
        file.write(b"one, ")
        assert files.names(str(tmp_path / "deep")) == []
        file.write(b"two")
    assert files.read(path) == b"one, two"
    with files.writing(f"{bucket}/a.bin") as file:
        file.write(b"one, ")
        file.write(b"two")
    assert files.read(f"{bucket}/a.bin") == b"one, two"


def test_an_error_while_writing_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(TypeError), files.writing(str(tmp_path / "a.bin")) as file:
        file.write("no bytes")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_deleted_if_it_is_there(tmp_path: Path, bucket: str) -> None:
    for path in (str(tmp_path / "a.bin"), f"{bucket}/a.bin"):
        files.write(path, b"one")
        files.delete(path)
        with pytest.raises(OSError, match=r"a\.bin"):
            files.read(path)
        files.delete(path)


def test_names_are_sorted_filtered_and_without_hidden_files(tmp_path: Path) -> None:
    for name in ("b.parquet", "a.parquet", "c.txt", ".hidden.parquet"):
        (tmp_path / name).touch()
    assert files.names(str(tmp_path), ".parquet") == ["a.parquet", "b.parquet"]
    assert files.names(str(tmp_path / "absent")) == []


def test_directories_and_their_deletion(tmp_path: Path) -> None:
    files.write(str(tmp_path / "b" / "x"), b"")
    files.write(str(tmp_path / "a" / "x"), b"")
    files.write(str(tmp_path / "file"), b"")
    assert files.directories(str(tmp_path)) == ["a", "b"]
    files.delete_tree(str(tmp_path / "a"))
    files.delete_tree(str(tmp_path / "a"))
    assert files.directories(str(tmp_path)) == ["b"]
    assert files.directories(str(tmp_path / "absent")) == []


@pytest.mark.parametrize(
    ("path", "remote"),
    [("gs://bucket/x", True), ("s3://b", True), ("/a/b", False), ("a:b/c", False),
     ("file:///a", False), ("C:\\data", False)],
)  # fmt: skip
def test_only_other_filesystems_are_remote(path: str, remote: bool) -> None:
    assert files.is_remote(path) is remote


def test_another_filesystem_is_used_through_beam(bucket: str) -> None:
    files.write(f"{bucket}/runs/a.json", b"{}")
    files.write(f"{bucket}/ledger/run=1/part-0.parquet", b"x")
    files.write(f"{bucket}/ledger/run=2/part-0.parquet", b"y")
    assert files.read(f"{bucket}/runs/a.json") == b"{}"
    assert files.names(f"{bucket}/runs", ".json") == ["a.json"]
    assert files.names(f"{bucket}/nothing") == []
    assert files.directories(f"{bucket}/ledger") == ["run=1", "run=2"]
    files.delete_tree(f"{bucket}/ledger/run=1")
    files.delete_tree(f"{bucket}/nothing")
    assert files.directories(f"{bucket}/ledger") == ["run=2"]


@pytest.mark.parametrize("place", ["local", "bucket"])
def test_a_file_that_is_not_there_is_none_and_one_that_is_has_a_time(
    tmp_path: Path, bucket: str, place: str
) -> None:
    directory = str(tmp_path / "d") if place == "local" else f"{bucket}/d"
    path = files.join(directory, "x")
    assert files.read_if_there(path) is None
    assert files.modified(directory) == {}
    before = datetime.now(UTC) - timedelta(seconds=2)
    files.write(path, b"text")
    assert files.read_if_there(path) == b"text"
    assert list(files.modified(directory)) == ["x"]
    assert before < files.modified(directory)["x"] < before + timedelta(minutes=1)
