from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.places import Place, WatchError, matters, places


def test_files_and_directories_are_watched_themselves_and_globs_where_they_begin(
    tmp_path: Path,
) -> None:
    (tmp_path / "file.txt").touch()
    (tmp_path / "odd [name]").mkdir()
    sources = [
        str(tmp_path),
        str(tmp_path / "file.txt"),
        str(tmp_path / "*" / "x*.json"),
        str(tmp_path / "odd [name]"),
        tmp_path.as_uri(),
        str(tmp_path / "not there"),
    ]
    root = str(tmp_path)
    assert places(sources) == (
        Place(root),
        Place(f"{root}/file.txt"),
        Place(root, f"{root}/*/x*.json"),
        Place(f"{root}/odd [name]"),
        Place(root),
        Place(f"{root}/not there"),
    )


def test_a_link_is_watched_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    assert places([str(tmp_path / "link")]) == (Place(str(tmp_path / "there")),)


@pytest.mark.parametrize("source", ["gs://bucket/texts", "s3://bucket/*.json", "hdfs://n/x"])
def test_a_remote_source_is_refused(source: str) -> None:
    with pytest.raises(WatchError, match="use docsluice schedule"):
        places([source])


@pytest.mark.parametrize(
    ("path", "is_file", "expected"),
    [
        ("/in", False, True),
        ("/in/a.txt", True, True),
        ("/in/deep/a.txt", True, True),
        ("/in/a.html", True, False),
        ("/in/draft-1.txt", True, False),
        ("/in/.a.txt.swp", True, False),
        ("/in/.git/a.txt", True, False),
        ("/in/a.txt~", True, False),
        ("/in/gone", False, True),
        ("/in/draft-2", False, False),
        ("/in/.gone", False, False),
        ("/inside/a.txt", True, False),
        ("/in/store", False, False),
        ("/in/store/runs/a.txt", True, False),
        ("/in/status.json", True, False),
    ],
)
def test_only_what_a_run_might_see_matters(path: str, is_file: bool, expected: bool) -> None:
    ours = ["/in/store", "/in/status.json"]
    decide = matters([Place("/in")], ["*.txt"], ["draft*"], ours)
    assert decide(path, is_file) is expected


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("/in/*.txt", "/in/a.txt", True),
        ("/in/*.txt", "/in/a.json", False),
        ("/in/**/*.txt", "/in/a.txt", True),
        ("/in/**/*.txt", "/in/b/c/a.txt", True),
        ("/in/[ab]?.txt", "/in/a1.txt", True),
        ("/in/[ab]?.txt", "/in/c1.txt", False),
    ],
)
def test_of_files_under_a_glob_those_matter_that_match(
    glob: str, path: str, expected: bool
) -> None:
    assert matters([Place("/in", glob)], [], [])(path, True) is expected
