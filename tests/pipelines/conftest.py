"""A small store, made by a real run without entities, and a way to run again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from pipelines.execute import execute
from pipelines.settings import load
from pipelines.single_run import Summary

ABOUT_RIVERS = (
    "The sluice keeps the water of the canal at one height, and the keeper opens it for each boat "
    "that comes from the river below the old mill and wants to go up to the town before nightfall."
)
ABOUT_BREAD = (
    "Bread needs flour, water, salt and time; the baker who hurries gets a loaf that looks well "
    "and tastes of nothing, and the one who waits until morning is thanked by the whole street."
)


@pytest.fixture
def ingest(tmp_path: Path) -> Callable[..., Summary]:
    """Ingest ``corpus/`` into ``store/``; keyword arguments are settings, but for ``announce``."""

    def call(announce: Callable[[str], None] = lambda _batch: None, **settings: object) -> Summary:
        flags = {
            "sources": [str(tmp_path / "corpus")],
            "store": str(tmp_path / "store"),
            "entities": False,
            "workers": 1,
            **settings,
        }
        return execute(load(flags), lambda _run, _sizes: nullcontext(), announce)

    return call


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two documents, a copy of the first, and a file that is broken."""
    directory = tmp_path / "corpus"
    directory.mkdir()
    (directory / "rivers.txt").write_text(ABOUT_RIVERS)
    (directory / "bread.txt").write_text(ABOUT_BREAD)
    (directory / "zz-copy.txt").write_text(ABOUT_RIVERS.upper().rstrip("."))
    (directory / "broken.json").write_text('{"text": "cut o')
    return directory
