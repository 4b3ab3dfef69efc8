from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from transforms.read.listing import SourceError, list_sources


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def names(root: Path, listing) -> list[str]:
    prefix = root.as_uri() + "/"
    assert all(file.uri.startswith(prefix) for file in listing.files)
    return [file.uri.removeprefix(prefix) for file in listing.files]


def test_files_directories_and_globs(tmp_path):
    make(tmp_path, "b/2.txt", "b/c/1.txt", "a.txt", "d.md")
    assert names(tmp_path, list_sources([str(tmp_path)])) == [
        "a.txt",
        "b/2.txt",
        "b/c/1.txt",
        "d.md",
    ]
    assert names(tmp_path, list_sources([f"{tmp_path}/d.md"])) == ["d.md"]
    assert names(tmp_path, list_sources([f"{tmp_path}/*"])) == ["a.txt", "d.md"]
    assert names(tmp_path, list_sources([f"{tmp_path}/**/*.txt"])) == [
        "a.txt",
        "b/2.txt",
        "b/c/1.txt",
    ]
    assert names(tmp_path, list_sources([f"{tmp_path}/b/**"])) == ["b/2.txt", "b/c/1.txt"]
    assert names(tmp_path, list_sources([f"{tmp_path}/[!a].*"])) == ["d.md"]
    assert names(tmp_path, list_sources([(tmp_path / "b").as_uri()])) == ["b/2.txt", "b/c/1.txt"]


def test_relative_sources_have_absolute_names(tmp_path, monkeypatch):
    make(tmp_path, "x/a.txt")
    monkeypatch.chdir(tmp_path / "x")
    assert names(tmp_path, list_sources(["../x/."])) == ["x/a.txt"]


def test_each_file_once_under_its_first_source(tmp_path):
    make(tmp_path, "a.txt", "b/c.txt")
    listing = list_sources([f"{tmp_path}/b", str(tmp_path)])
    assert [(file.uri.rpartition("/")[2], file.priority) for file in listing.files] == [
        ("a.txt", 1),
        ("c.txt", 0),
    ]


def test_size_and_version_change_with_the_file(tmp_path):
    make(tmp_path, "a.txt")
    (before,) = list_sources([str(tmp_path)]).files
    assert before.size == 5
    assert before.version == f"5-{(tmp_path / 'a.txt').stat().st_mtime_ns}"
    os.utime(tmp_path / "a.txt", ns=(1, 1))
    (after,) = list_sources([str(tmp_path)]).files
    assert after.version == "5-1"


def test_hidden_files_and_backups_are_for_who_names_them(tmp_path):
    make(tmp_path, "a.txt", ".hidden", ".git/config", "a.txt~", "#a.txt#", "x/.y")
    assert names(tmp_path, list_sources([str(tmp_path)])) == ["a.txt"]
    assert names(tmp_path, list_sources([f"{tmp_path}/.hidden"])) == [".hidden"]
    assert names(tmp_path, list_sources([f"{tmp_path}/.git"])) == [".git/config"]


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (["*.txt"], [], ["a.txt", "d/a.txt", "d/e/b.txt"]),
        (["d/*.txt"], [], ["d/a.txt"]),
        (["d/**/*.txt"], [], ["d/a.txt", "d/e/b.txt"]),
        ([], ["d"], ["a.txt", "c.log"]),
        ([], ["d/e/", "*.log"], ["a.txt", "d/a.txt"]),
        (["a.*"], ["d/*"], ["a.txt"]),
        (["?.txt", "[ce].*"], ["b.txt"], ["a.txt", "c.log", "d/a.txt"]),
        (["**/b.txt", "**"], ["**/a.txt"], ["c.log", "d/e/b.txt"]),
    ],
)
def test_include_and_exclude(tmp_path, include, exclude, expected):
    make(tmp_path, "a.txt", "c.log", "d/a.txt", "d/e/b.txt")
    assert names(tmp_path, list_sources([str(tmp_path)], include, exclude)) == expected


@pytest.mark.parametrize("source", ["missing.txt", "missing/*.txt", "**/*.missing"])
def test_a_source_that_is_not_there(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match=r"^(source not found|no file matches)[^\n]*$"):
        list_sources([source])


def test_an_empty_directory_has_no_files(tmp_path):
    assert list_sources([str(tmp_path)]).files == ()


def test_a_name_that_looks_like_a_glob_is_a_name_first(tmp_path):
    make(tmp_path, "notes[1].txt", "notes1.txt")
    (file,) = list_sources([f"{tmp_path}/notes[1].txt"]).files
    assert file.path.endswith("notes[1].txt")
    assert file.uri.endswith("notes%5B1%5D.txt")


def test_names_that_are_no_utf8(tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9 100%.txt"
    Path(os.fsdecode(path)).write_bytes(b"x")
    for source in (str(tmp_path), f"{tmp_path}/*.txt", os.fsdecode(path)):
        (found,) = list_sources([source]).files
        assert found.uri == f"{tmp_path.as_uri()}/caf%E9%20100%25.txt"
        assert Path(found.path).read_bytes() == b"x"


def test_names_in_a_directory_are_quoted_one_by_one(tmp_path):
    make(tmp_path, "a b.txt", "c%2Fd.txt", "e#f?.txt", "\N{SNOWMAN}.txt", "x y/z,.txt", "line\nend")
    found = {file.uri for file in list_sources([str(tmp_path)]).files}
    assert found == {path.as_uri() for path in tmp_path.rglob("*") if path.is_file()}


def test_links_are_followed_once_and_circles_end(tmp_path):
    make(tmp_path, "corpus/real/a.txt", "elsewhere/b.txt")
    (tmp_path / "corpus/real/up").symlink_to("..")
    (tmp_path / "corpus/again").symlink_to("real")
    (tmp_path / "corpus/other").symlink_to("../elsewhere")
    (tmp_path / "corpus/link.txt").symlink_to("real/a.txt")
    expected = ["corpus/link.txt", "corpus/other/b.txt", "corpus/real/a.txt"]
    assert names(tmp_path, list_sources([f"{tmp_path}/corpus"])) == expected
    assert names(tmp_path, list_sources([f"{tmp_path}/corpus/**"])) == expected


def test_what_cannot_be_read_is_a_problem_and_not_the_end(tmp_path, monkeypatch):
    make(tmp_path, "a.txt")
    (tmp_path / "broken").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(tmp_path)
        server.bind("sock")
        listing = list_sources([str(tmp_path)])
    assert names(tmp_path, listing) == ["a.txt"]
    assert [(p.source.rpartition("/")[2], p.outcome, p.reason) for p in listing.problems] == [
        ("broken", "failed", "cannot be read: No such file or directory"),
        ("pipe", "failed", "not a regular file"),
        ("sock", "failed", "not a regular file"),
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list any directory")
def test_a_directory_that_may_not_be_listed(tmp_path):
    make(tmp_path, "a.txt", "locked/b.txt")
    (tmp_path / "locked").chmod(0)
    try:
        listing = list_sources([str(tmp_path)])
    finally:
        (tmp_path / "locked").chmod(0o700)
    assert names(tmp_path, listing) == ["a.txt"]
    assert [p.reason for p in listing.problems] == ["cannot be listed: Permission denied"]


def test_a_filesystem_without_its_extra_is_one_clear_line():
    with pytest.raises(SourceError, match=r"^cannot reach nosuch://bucket/x: [^\n]*$"):
        list_sources(["nosuch://bucket/x"])


def test_listing_local_files_does_not_import_beam(tmp_path):
    code = (
        "import sys; from transforms.read import listing, plan, reader\n"
        f"listing.list_sources([{str(tmp_path)!r}])\n"
        "assert 'apache_beam' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])


def test_patterns_do_not_drop_a_file_that_is_named(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "b.md").write_text("b")
    named = list_sources([str(tmp_path / "a.txt")], ["*.md"], ["a*"])
    assert [file.path for file in named.files] == [str(tmp_path / "a.txt")]
    below = list_sources([str(tmp_path)], ["*.md"], [])
    assert [file.path for file in below.files] == [str(tmp_path / "b.md")]
