from __future__ import annotations

import os
from pathlib import Path

import pytest

from transforms.read.listing import uri_of_path
from transforms.read.survey import Survey, survey, uri_of


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def look(*sources: object, include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> Survey:
    return survey([str(source) for source in sources], include, exclude)


def uri(path: Path) -> str:
    return uri_of_path(str(path))


def test_files_of_all_sources_are_found_once_in_order(tmp_path: Path) -> None:
    make(tmp_path, "b/2.txt", "a.txt")
    found = look(tmp_path / "b", tmp_path)
    assert [(file.uri, file.priority) for file in found.files] == [
        (uri(tmp_path / "a.txt"), 1),
        (uri(tmp_path / "b/2.txt"), 0),
    ]
    assert found.unlisted == ()


def test_a_source_that_is_not_there_does_not_hide_the_others(tmp_path: Path) -> None:
    make(tmp_path, "a/1.txt")
    found = look(tmp_path / "a", tmp_path / "b", f"{tmp_path}/c/*")
    assert len(found.files) == 1
    assert [(one.scope.source, one.is_absent) for one in found.unlisted] == [
        (str(tmp_path / "b"), True),
        (f"{tmp_path}/c/*", True),
    ]
    assert not found.is_gone(uri(tmp_path / "b/1.txt"))
    assert found.with_absent().is_gone(uri(tmp_path / "b/1.txt"))
    assert found.with_absent().unlisted == ()


def test_what_cannot_be_reached_is_not_certain_to_be_absent() -> None:
    (one,) = look("nosuch://bucket/x").unlisted
    assert not one.is_absent
    assert one.scope.covers("nosuch://bucket/x/y.txt")
    assert not one.scope.covers("nosuch://bucket/xy.txt")
    (glob,) = look("nosuch://bucket/x/*.txt").unlisted
    assert glob.scope.covers("nosuch://bucket/x/y.txt")
    assert not glob.scope.covers("nosuch://bucket/x/y/z.txt")


@pytest.mark.parametrize(
    ("source", "include", "exclude", "name", "gone"),
    [
        ("", (), (), "a.txt", True),
        ("", (), (), "deep/down/a.txt", True),
        ("", (), (), "caf\udce9 100%#1.txt", True),
        ("", (), (), ".hidden/a.txt", False),
        ("", (), (), "a.txt~", False),
        ("", (), (), "../other/a.txt", False),
        ("", ("*.md",), (), "a.txt", False),
        ("", ("*.txt",), (), "a.txt", True),
        ("", (), ("drafts",), "drafts/a.txt", False),
        ("/*.txt", (), (), "a.txt", True),
        ("/*.txt", (), (), "deep/a.txt", False),
        ("/**/*.txt", (), (), "deep/a.txt", True),
        ("/**/*.txt", (), (), "deep/a.md", False),
        ("/kept.txt", ("*.md",), (), "kept.txt", True),
        ("/kept.txt", (), (), "a.txt", False),
    ],
)
def test_gone_is_what_a_source_would_give(
    tmp_path: Path,
    source: str,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    name: str,
    gone: bool,
) -> None:
    make(tmp_path, "x/kept.txt", "x/deep/kept.txt")
    found = look(f"{tmp_path}/x{source}", include=include, exclude=exclude)
    path = os.path.normpath(f"{tmp_path}/x/{name}")
    assert found.is_gone(uri_of_path(path)) == gone


def test_nothing_is_gone_where_something_could_not_be_looked_at(tmp_path: Path) -> None:
    make(tmp_path, "a.txt")
    (tmp_path / "broken").symlink_to("nowhere")
    found = look(tmp_path)
    assert not found.is_gone(uri(tmp_path / "broken"))
    assert not found.is_gone(uri(tmp_path / "broken/b.txt"))
    assert found.is_gone(uri(tmp_path / "broken2"))


def test_the_rank_of_a_file_is_that_of_the_first_source_that_gives_it(tmp_path: Path) -> None:
    make(tmp_path, "a/1.txt", "b/1.txt")
    found = look(tmp_path / "a", tmp_path / "b", tmp_path)
    assert [found.rank(uri(tmp_path / name)) for name in ("b/2.txt", "c/1.txt")] == [1, 2]
    assert found.rank("file:///elsewhere") == 3


def test_files_below_a_directory_can_be_left_out(tmp_path: Path) -> None:
    make(tmp_path, "a.txt", "store.txt", "store/1.txt", "store/deep/2.txt", "store0/3.txt", "z.txt")
    found = look(tmp_path)
    rest = found.outside(uri_of(f"{tmp_path}/store/"))
    left = [file.uri.removeprefix(f"{uri(tmp_path)}/") for file in rest.files]
    assert left == ["a.txt", "store.txt", "store0/3.txt", "z.txt"]
    assert found.outside(uri(tmp_path / "nowhere")) is found
    assert uri_of("s3://bucket/store/") == "s3://bucket/store"
