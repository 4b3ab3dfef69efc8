from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.selection import Selection, _paired, select, survey_sources
from pipelines.settings import load
from pipelines.state import read_state
from pipelines.store import Store
from tests.pipelines.ledgers import record
from transforms.ledger import LedgerRow
from transforms.read.listing import SourceError, list_sources
from transforms.read.slices import SourceFile

Select = Callable[..., Selection]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    directory = tmp_path / "corpus"
    directory.mkdir()
    for name in ("a", "b", "c", "d", "e"):
        (directory / f"{name}.txt").write_text(name)
    return directory


@pytest.fixture
def selected(store: Store, corpus: Path) -> Select:
    """Compare ``corpus`` with the store; keyword arguments are settings."""

    def call(**flags: object) -> Selection:
        settings = load({"sources": [str(corpus)], "store": store.path, **flags})
        with read_state(store) as state:
            return select(settings, state, survey_sources(settings))

    return call


def read(store: Store, corpus: Path) -> None:
    """Commit a run that has kept all the files."""
    rows = [
        LedgerRow(file.uri, file.uri, file.version, "kept")
        for file in list_sources([str(corpus)]).files
    ]
    record(store, *rows)
    store.refresh()


def names(files: tuple[SourceFile, ...]) -> list[str]:
    return [file.uri.rpartition("/")[2] for file in files]


def test_files_are_new_changed_unchanged_or_gone(
    store: Store, corpus: Path, selected: Select
) -> None:
    assert len(selected().new) == 5
    read(store, corpus)
    (corpus / "a.txt").write_text("other")
    (corpus / "b.txt").unlink()
    (corpus / "f.txt").write_text("f")
    found = selected()
    assert (names(found.new), names(found.changed), found.unchanged) == (["f.txt"], ["a.txt"], 3)
    assert found.gone == ((corpus / "b.txt").as_uri(),)
    assert (found.not_deleted, found.published) == (0, 5)
    assert len(selected(reprocess=True).changed) == 4


@pytest.mark.parametrize(("fraction", "deleted"), [(0.0, 0), (0.39, 0), (0.4, 2), (1.0, 2)])
def test_deletions_up_to_a_fraction_are_allowed(
    store: Store, corpus: Path, selected: Select, fraction: float, deleted: int
) -> None:
    read(store, corpus)
    (corpus / "b.txt").unlink()
    (corpus / "d.txt").unlink()
    found = selected(max_delete_fraction=fraction)
    assert (len(found.gone), found.not_deleted) == (deleted, 2 - deleted)


def test_what_was_not_published_may_go_without_asking(
    store: Store, corpus: Path, selected: Select
) -> None:
    uri = (corpus / "gone.txt").as_uri()
    record(store, LedgerRow(uri, uri, "v", "rejected"))
    assert selected(max_delete_fraction=0).gone == (uri,)


def test_files_below_the_store_are_no_sources(corpus: Path, selected: Select) -> None:
    (corpus / "inner").mkdir()
    (corpus / "inner" / "part.txt").write_text("x")
    (corpus / "inner2").mkdir()
    (corpus / "inner2" / "a.txt").write_text("x")
    assert names(selected(store=str(corpus / "inner")).new)[-1] == "a.txt"


def test_a_file_dated_in_the_future_is_not_young(corpus: Path, selected: Select) -> None:
    for path in corpus.rglob("*"):
        os.utime(path, (time.time() + 86_400,) * 2)
    assert selected(settle_seconds=3600).young == 0


def test_young_files_are_left_alone(store: Store, corpus: Path, selected: Select) -> None:
    before = time.time() - (corpus / "a.txt").stat().st_mtime
    found = selected(settle_seconds=before + 60)
    assert (found.new, found.young) == ((), 5)
    read(store, corpus)
    assert selected(settle_seconds=before + 60).unchanged == 5


def test_an_unknown_source_is_an_error_and_a_known_one_a_warning(
    store: Store, corpus: Path, selected: Select, caplog: pytest.LogCaptureFixture
) -> None:
    read(store, corpus)
    for path in corpus.iterdir():
        path.unlink()
    corpus.rmdir()
    with caplog.at_level(logging.WARNING):
        assert selected().gone == ()
    assert "source not found" in caplog.text
    assert "5 documents from there stay published" in caplog.text
    assert "--max-delete-fraction 1" in caplog.text
    assert len(selected(max_delete_fraction=1).gone) == 5
    with pytest.raises(SourceError, match="elsewhere"):
        selected(sources=[str(corpus), str(corpus.with_name("elsewhere"))])


@given(
    st.dictionaries(st.text("abc", min_size=1), st.integers()),
    st.dictionaries(st.text("abc", min_size=1), st.integers()),
)
def test_what_is_found_and_what_is_known_are_paired(
    found: dict[str, int], known: dict[str, int]
) -> None:
    files = [SourceFile(uri, size, "v") for uri, size in sorted(found.items())]
    paired = list(_paired(iter(files), iter(sorted(known.items()))))
    assert [uri for uri, _, _ in paired] == sorted({*found, *known})
    assert {uri: file.size for uri, file, _ in paired if file} == found
    assert {uri: value for uri, _, value in paired if value is not None} == known
