"""A store may lie in the current directory, or below one that is called like its parts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.compact import compact
from pipelines.settings import load
from pipelines.single_run import Summary
from pipelines.verify import check_store
from tests.pipelines.conftest import ABOUT_RIVERS

Ingest = Callable[..., Summary]


@pytest.mark.parametrize("store", [".", "documents/fingerprints/store", "documents"])
def test_a_store_does_all_it_must_wherever_it_lies(
    store: str, corpus: Path, ingest: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    settings = load({"store": store})
    assert ingest(store=store).outcomes["kept"] == 2
    (corpus / "again.txt").write_text(ABOUT_RIVERS)
    assert ingest(store=store).outcomes == {"duplicate": 1}
    assert check_store(settings) == []
    compact(settings)
    assert check_store(settings) == []
    (corpus / "once-more.txt").write_text(ABOUT_RIVERS.lower())
    assert ingest(store=store).outcomes == {"duplicate": 1}
    assert check_store(settings) == []
