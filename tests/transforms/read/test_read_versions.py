from __future__ import annotations

import os
from pathlib import Path

from transforms.read.listing import list_sources
from transforms.read.slices import SourceFile
from transforms.read.versions import changed_at, is_same_content, is_same_stamp, with_digest


def listed(path: Path) -> SourceFile:
    (file,) = list_sources([str(path)]).files
    return file


def test_a_digest_is_added_to_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("some text")
    plain, careful = listed(path), with_digest(listed(path))
    assert careful.version.startswith(f"{plain.version}-")
    assert is_same_stamp(plain.version, careful.version)
    assert is_same_stamp(careful.version, plain.version)
    assert not is_same_content(plain.version, careful.version)
    os.utime(path, ns=(1, 1))
    touched = with_digest(listed(path))
    assert not is_same_stamp(careful.version, touched.version)
    assert is_same_content(careful.version, touched.version)
    path.write_text("same size")
    os.utime(path, ns=(1, 1))
    changed = with_digest(listed(path))
    assert is_same_stamp(touched.version, changed.version)
    assert not is_same_content(touched.version, changed.version)


def test_a_file_that_cannot_be_read_has_no_digest(tmp_path: Path) -> None:
    gone = SourceFile((tmp_path / "gone").as_uri(), 1, "1-2")
    assert with_digest(gone) == gone


def test_a_version_that_is_not_known_is_the_same_as_none() -> None:
    assert not is_same_stamp("", "3-4")
    assert not is_same_content("", "")


def test_an_object_store_gives_the_digest_or_the_bytes_do(bucket: str) -> None:
    from transforms import files

    files.write(f"{bucket}/in/a.txt", b"some text")
    before = with_digest(listed_remote(bucket))
    files.write(f"{bucket}/in/a.txt", b"same size")
    after = with_digest(listed_remote(bucket))
    assert not is_same_content(before.version, after.version)
    files.write(f"{bucket}/in/a.txt", b"some text")
    assert is_same_content(before.version, with_digest(listed_remote(bucket)).version)


def listed_remote(bucket: str) -> SourceFile:
    (file,) = list_sources([f"{bucket}/in"]).files
    return file


def test_an_etag_with_dashes_is_one_digest() -> None:
    assert is_same_content("5-1.500000-ab-12", "5-2.500000-ab-12")
    assert not is_same_content("5-1.500000-ab-12", "5-1.500000-ab-13")


def test_when_a_version_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("x")
    os.utime(path, ns=(0, 1_500_000_000))
    assert changed_at(listed(path).version) == 1.5
    assert changed_at(with_digest(listed(path)).version) == 1.5
    assert changed_at("5-12.250000-ab-1") == 12.25
    assert changed_at("") == 0
