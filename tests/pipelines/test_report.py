from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.console import count
from pipelines.report import command_name, show_report, show_summary
from pipelines.settings import load
from pipelines.single_run import Summary
from pipelines.store import StoreError

Ingest = Callable[..., Summary]


@pytest.fixture
def show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def call(summary: Summary, **flags: object) -> str:
        show_summary(load({"store": str(tmp_path / "store"), **flags}), summary, as_json=False)
        return capsys.readouterr().out

    return call


def test_a_small_run_names_each_document_and_why_it_was_left_out(
    corpus: Path, ingest: Ingest, show: Callable[..., str]
) -> None:
    shown = show(ingest())
    for name, outcome in (("rivers.txt", "kept"), ("zz-copy.txt", "duplicate near duplicate")):
        line = next(line for line in shown.splitlines() if line.startswith(name))
        assert outcome in " ".join(line.split())
    assert "4 documents" in shown
    assert "2 kept, 1 duplicate, 1 failed" in shown
    assert "docsluice report --store" in shown


def test_a_run_with_failures_points_at_the_dead_letters(
    corpus: Path, ingest: Ingest, show: Callable[..., str]
) -> None:
    assert "\n1 failure: docsluice dead-letters list --store " in show(ingest())
    (corpus / "broken.json").unlink()
    (corpus / "new.txt").write_text("Nothing is wrong with this one.")
    assert "dead-letters" not in show(ingest())


def test_nothing_new_shows_only_what_was_asked_for(
    corpus: Path, ingest: Ingest, show: Callable[..., str]
) -> None:
    ingest()
    shown = show(ingest(sources=[str(corpus / "bread.txt")]))
    assert "Nothing new: 1 file unchanged." in shown
    assert "bread.txt" in shown
    assert "rivers.txt" not in shown


def test_no_file_at_all_is_said(corpus: Path, ingest: Ingest, show: Callable[..., str]) -> None:
    shown = show(ingest(include=["*.pdf"]))
    assert shown == "Nothing to read: there is no file under the sources, or none that matches.\n"


def test_a_place_that_still_fails_is_said_and_counts_as_failed(
    corpus: Path, ingest: Ingest, show: Callable[..., str]
) -> None:
    (corpus / "dangling.txt").symlink_to("nowhere")
    assert ingest().failed == 2
    again = ingest()
    assert (again.run_id, again.failed) == (None, 1)
    assert "4 files unchanged, 1 place still cannot be read" in show(again)


def test_the_report_counts_reasons(
    corpus: Path, ingest: Ingest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = ingest()
    show_report(str(tmp_path / "store"), summary.run_id, as_json=False)
    shown = capsys.readouterr().out
    assert "1 run, 4 ledger rows" in shown
    assert "near duplicate" in shown
    with pytest.raises(StoreError, match="there is no run 7 in"):
        show_report(str(tmp_path / "store"), "7", as_json=False)
    with pytest.raises(StoreError, match="docsluice run makes one"):
        show_report(str(tmp_path / "nowhere"), None, as_json=False)


def test_the_command_is_named_as_it_can_be_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / ".venv/bin/docsluice"), "run"])
    assert command_name() == ".venv/bin/docsluice"
    program = tmp_path / "docsluice"
    program.touch(0o755)
    assert command_name() == "docsluice"


def test_numbers_take_the_plural() -> None:
    assert [count(n, "file") for n in (0, 1, 1200)] == ["0 files", "1 file", "1,200 files"]
