from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.dry_run import plan, show_plan
from pipelines.settings import Settings, load
from pipelines.single_run import Summary
from transforms.read.listing import SourceError

Ingest = Callable[..., Summary]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    sources = [str(tmp_path / "corpus")]
    return load({"sources": sources, "store": str(tmp_path / "store"), "max_delete_fraction": 1})


def snapshot(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_a_first_run_would_read_everything(
    corpus: Path, settings: Settings, tmp_path: Path
) -> None:
    planned = plan(settings)
    assert (planned.new, planned.changed, planned.batches) == (4, 0, 1)
    assert planned.source_bytes == sum(path.stat().st_size for path in corpus.iterdir())
    assert not (tmp_path / "store").exists()


def test_what_a_run_would_do_is_told_and_not_done(
    corpus: Path,
    ingest: Ingest,
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ingest()
    (corpus / "rivers.txt").unlink()
    (corpus / "new.txt").write_text("A new text about ferries, which cross where no bridge is.")
    (corpus / "broken.json").write_text("{}")
    before = snapshot(tmp_path / "store")
    show_plan(settings, as_json=False)
    shown = capsys.readouterr().out
    assert f"read   {(corpus / 'new.txt').as_uri()}" in shown
    assert f"delete {(corpus / 'rivers.txt').as_uri()}" in shown
    assert "read 1 new file, read 1 changed file, read 1 duplicate again" in shown
    assert "delete 1 published document" in shown
    assert "2 files unchanged. Nothing was written." in shown
    show_plan(settings, as_json=True)
    planned = json.loads(capsys.readouterr().out)
    assert (planned["deleted"], planned["reelected"], planned["not_deleted"]) == (1, 1, 0)
    assert snapshot(tmp_path / "store") == before
    assert ingest(max_delete_fraction=1).outcomes == {"kept": 2, "rejected": 1, "deleted": 1}
    assert "A run would do nothing; 4 files unchanged" in told(settings, capsys)


def told(settings: Settings, capsys: pytest.CaptureFixture[str]) -> str:
    show_plan(settings, as_json=False)
    return capsys.readouterr().out


def test_deletions_that_would_be_refused_are_told(
    corpus: Path, ingest: Ingest, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    ingest()
    (corpus / "bread.txt").unlink()
    planned = plan(settings.model_copy(update={"max_delete_fraction": 0.2}))
    assert (planned.deleted, planned.not_deleted, planned.gone) == (0, 1, ())
    assert "--max-delete-fraction 1" in caplog.text


def test_a_source_that_is_not_there_is_refused(settings: Settings) -> None:
    with pytest.raises(SourceError, match="source not found"):
        plan(settings)
