from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines import looks
from pipelines.looks import Looks, file_stamp


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "PAUSE", 0.0)
    monkeypatch.setattr(looks, "_SHARE", 0)


def test_new_changed_and_gone_files_are_found(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    same, changed, gone = (tmp_path / "deep" / name for name in ("same", "changed", "gone"))
    for file in (same, changed, gone):
        file.write_text("old")
    found = Looks([str(tmp_path)])
    assert found.changed() == set()
    changed.write_text("newer")
    gone.unlink()
    new = tmp_path / "new"
    new.touch()
    assert found.changed() == {str(changed), str(gone), str(new)}
    assert found.changed() == set()


def test_a_file_that_is_a_root_is_looked_at_also_when_it_is_not_there_yet(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    found = Looks([str(file)])
    assert found.changed() == set()
    file.touch()
    assert found.changed() == {str(file)}
    os.utime(file, ns=(1, 1))
    assert found.changed() == {str(file)}


def test_links_that_go_round_and_hidden_files_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "round").symlink_to(tmp_path)
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / ".git").mkdir()
    found = Looks([str(tmp_path)])
    (tmp_path / ".git" / "index").touch()
    (tmp_path / "a.txt~").touch()
    assert found.changed() == set()


def test_looks_are_not_taken_one_upon_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "PAUSE", 3600)
    found = Looks([str(tmp_path)])
    (tmp_path / "new").touch()
    assert found.changed() == set()


def test_a_stamp_is_size_and_time(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    assert file_stamp(str(file)) is None
    file.write_text("four")
    assert file_stamp(str(file)) == (4, file.stat().st_mtime_ns)
