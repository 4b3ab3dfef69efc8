"""Duplicates whose canonical changes, where several batches read them and it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.single_run import Summary
from pipelines.store import Store
from tests.pipelines.conftest import ABOUT_BREAD, ABOUT_RIVERS
from tests.pipelines.test_incremental import assert_agreement, index

Ingest = Callable[..., Summary]
ABOUT_BEES = (
    "Bees find their way home by the sun, and tell the others in a dance on the comb how far it is "
    "to the lime trees, and in which direction; on a clouded day they know where the sun must be."
)


@pytest.fixture
def texts(tmp_path: Path) -> list[Path]:
    """Three files, each with a text of its own."""
    directory = tmp_path / "corpus"
    directory.mkdir()
    paths = [directory / name for name in ("a.txt", "b.txt", "c.txt")]
    for path, text in zip(paths, (ABOUT_RIVERS, ABOUT_BREAD, ABOUT_BEES), strict=True):
        path.write_text(text)
    return paths


@pytest.mark.parametrize("batch_bytes", [1, 10**9])
def test_texts_that_change_places_are_all_published(
    texts: list[Path], ingest: Ingest, tmp_path: Path, batch_bytes: int
) -> None:
    ingest()
    contents = [path.read_text() for path in texts]
    for path, content in zip(texts, [*contents[1:], contents[0]], strict=True):
        path.write_text(content)
    ingest(batch_bytes=batch_bytes)
    store = Store(str(tmp_path / "store"))
    assert index(store) == {"a.txt": 0, "b.txt": 0, "c.txt": 0}
    assert_agreement(store)


def test_a_copy_read_before_its_canonical_changes_is_published(
    texts: list[Path], ingest: Ingest, tmp_path: Path
) -> None:
    ingest()
    (texts[0].parent / "aa.txt").write_text(texts[2].read_text().upper())
    texts[2].write_text("By now it is about ferries, which cross where there is no bridge at all.")
    ingest(batch_bytes=1)
    store = Store(str(tmp_path / "store"))
    assert index(store) == {"a.txt": 0, "aa.txt": 0, "b.txt": 0, "c.txt": 0}
    assert_agreement(store)
