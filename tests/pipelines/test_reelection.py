from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.batches import Work
from pipelines.reelection import bereft, with_files, withdrawn
from pipelines.settings import Settings, load
from pipelines.state import read_state
from pipelines.store import Store
from tests.pipelines.ledgers import record
from transforms.document import document_id
from transforms.fingerprint import content_hash
from transforms.ledger import LedgerRow
from transforms.read.listing import list_sources
from transforms.read.slices import SourceFile

TEXT = "A ferry crosses the river where there is no bridge."


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.fixture
def canonical(tmp_path: Path, store: Store) -> Path:
    """A file that was published, and of which a record of ``member.jsonl`` is a duplicate."""
    path = tmp_path / "canonical.txt"
    path.write_text(TEXT)
    (file,) = list_sources([str(path)]).files
    id_ = document_id(file.uri)
    member = LedgerRow("m", "file:///zz/member.jsonl#m", "v", "duplicate", duplicate_of=id_)
    kept = LedgerRow(id_, file.uri, file.version, "kept", content_hash=content_hash(TEXT))
    record(store, kept, member)
    return path


@pytest.fixture
def settings(store: Store) -> Settings:
    return load({"store": store.path})


def work_on(path: Path, *planned: str) -> Work:
    files = list_sources([str(path)]).files
    return Work(files, planned=frozenset({*planned, *(file.uri for file in files)}))


def found(settings: Settings, store: Store, work: Work) -> list[tuple[str, frozenset[str] | None]]:
    with read_state(store) as state:
        return [(file.uri, file.only) for file in bereft(settings, state, work)]


def test_a_text_that_is_the_same_leaves_its_duplicates_alone(
    canonical: Path, store: Store, settings: Settings
) -> None:
    canonical.write_text(f"{TEXT}\n\n")
    assert found(settings, store, work_on(canonical)) == []


@pytest.mark.parametrize("text", ["It is about something else by now.", ""])
def test_another_text_or_none_has_them_read_again(
    canonical: Path, store: Store, settings: Settings, text: str
) -> None:
    canonical.write_text(text)
    assert found(settings, store, work_on(canonical)) == [("file:///zz/member.jsonl", {"m"})]


def test_those_that_are_read_anyway_need_no_care(
    canonical: Path, store: Store, settings: Settings
) -> None:
    canonical.write_text("It is about something else by now.")
    assert found(settings, store, work_on(canonical, "file:///zz/member.jsonl")) == []


def test_those_that_an_earlier_run_of_the_call_has_read_are_read_again(
    canonical: Path, store: Store, settings: Settings
) -> None:
    (file,) = list_sources([str(canonical)]).files
    record(
        store, LedgerRow("e", "file:///a.txt", "v", "duplicate", duplicate_of=document_id(file.uri))
    )
    canonical.write_text("It is about something else by now.")
    work = work_on(canonical, "file:///a.txt", "file:///zz/member.jsonl")
    assert found(settings, store, work) == [("file:///a.txt", {"e"})]


def test_a_file_that_cannot_be_read_tells_nothing(
    canonical: Path, store: Store, settings: Settings
) -> None:
    work = work_on(canonical)
    canonical.unlink()
    assert found(settings, store, work) == []


def test_what_is_read_again_or_deleted_is_withdrawn(canonical: Path, store: Store) -> None:
    record(store, LedgerRow("n", "file:///zz/member.jsonl#n", "v", "kept"))
    with read_state(store) as state:
        some = SourceFile("file:///zz/member.jsonl", 1, "v", only=frozenset("m"))
        assert [row.id for row in withdrawn(state, (some,), ())] == ["m"]
        assert [row.id for row in withdrawn(state, (), (some.uri,))] == ["m", "n"]


def test_each_file_is_read_once() -> None:
    files = [SourceFile("f", 1, "v", only=frozenset(id_)) for id_ in "ab"]
    assert with_files((files[0],), (files[1],))[0].only == {"a", "b"}
