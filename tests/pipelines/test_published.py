"""Band tables of a store: after runs, merges, accidents; on a local and on another filesystem."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.published import catch_up, published
from pipelines.state import State, open_state, state_file
from pipelines.store import Store, StoreError, run_files
from transforms import files
from transforms.band_tables import BandTable, hexadecimal
from transforms.document import Document
from transforms.fingerprint import content_hash
from transforms.keys import keys_of
from transforms.ledger import LedgerRow, write_ledger
from transforms.parquet import document_table, encode
from transforms.published import write_fingerprints

Make = Callable[..., Document]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["local", "another filesystem"])
def store(request: pytest.FixtureRequest, tmp_path: Path, bucket: str) -> Store:
    return Store(str(tmp_path / "store") if request.param == "local" else f"{bucket}/store")


@pytest.fixture
def local(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.fixture
def make(make_document: Make) -> Make:
    """A document whose text is its name many times, its words numbered."""

    def made(name: str) -> Document:
        text = " ".join(f"{name}{word}" for word in range(20))
        return make_document(name, text, content_hash=content_hash(text))

    return made


def commit(store: Store, documents: Sequence[Document] = (), deleted: Sequence[str] = ()) -> str:
    """Commit a run that publishes documents, each in a part of its own, and deletes others."""
    run = store.new_run(NOW)
    for number, document in enumerate(documents):
        part = f"{number:05d}-000"
        table = document_table([document], run.run_id, NOW)
        files.write(run.part("documents", part, ".parquet"), encode(table))
        keys = keys_of([document], near=True)
        write_fingerprints(run.part("fingerprints", part, ".parquet"), [document], keys, [0])
    rows = [LedgerRow(one.id, one.source, "v", "kept") for one in documents]
    rows += [LedgerRow(id_, f"file:///gone/{id_}", "v", "deleted") for id_ in deleted]
    write_ledger(run, "00000-000", "kept", rows)
    store.commit(run, {"outcomes": {}, "files": run_files(run)})
    return run.run_id


@contextmanager
def state_of(store: Store) -> Iterator[State]:
    with state_file(store) as path, open_state(store, path) as state:
        yield state


def tables(store: Store) -> dict[str, list[str]]:
    """Name of each table, and the ids in it."""
    directory = files.join(store.path, "bands")
    found = {}
    for name in files.names(directory):
        with BandTable(files.join(directory, name)) as table:
            found[name] = sorted(hexadecimal(table.documents()["id"]))
    return found


def met(store: Store, wanted: Sequence[Document], withdrawn: Sequence[str] = ()) -> set[str]:
    """Ids of the published documents that some new ones meet, asked in another process's place."""
    with state_of(store) as state:
        given = pickle.dumps(published(store, state, frozenset(withdrawn)))
        found = pickle.loads(given).meeting(keys_of(wanted, near=True))
    for document in found.documents:
        path = found.paths[document["part"]]
        assert files.read(path), "the part of a document that is met is there"
    return set(hexadecimal(found.documents["id"]))


def test_what_runs_publish_is_met_by_the_next(store: Store, make: Make) -> None:
    a, b, c = map(make, "abc")
    store.create()
    assert met(store, [a]) == set()
    commit(store, [a, b])
    assert met(store, [a, c]) == {a.id}
    commit(store, [c])
    assert met(store, [a, c]) == {a.id, c.id}


def test_what_is_withdrawn_deleted_or_replaced_is_not_met(store: Store, make: Make) -> None:
    a, b, c = map(make, "abc")
    commit(store, [a, b, c])
    assert met(store, [a, b, c], withdrawn=[a.id]) == {b.id, c.id}
    commit(store, deleted=[b.id])
    assert met(store, [a, b, c]) == {a.id, c.id}
    replaced = make_other(c, make("d"))
    commit(store, [replaced])
    assert met(store, [a, b, c]) == {a.id}
    assert met(store, [replaced]) == {c.id}


def make_other(document: Document, text_of: Document) -> Document:
    return Document(
        document.id, document.source, text=text_of.text, content_hash=text_of.content_hash
    )


def test_tables_stay_few_and_hold_each_document_once(store: Store, make: Make) -> None:
    published_ids = []
    for number in range(20):
        document = make(f"n{number}x")
        commit(store, [document])
        published_ids.append(document.id)
        with state_of(store) as state:
            catch_up(store, state)
        held = tables(store)
        assert sorted(id_ for ids in held.values() for id_ in ids) == sorted(published_ids)
        assert len(held) <= 4


def test_a_large_table_is_left_alone_when_little_comes(local: Store, make: Make) -> None:
    commit(local, [make(f"n{number}x") for number in range(12)])
    with state_of(local) as state:
        catch_up(local, state)
        (first,) = Path(local.path, "bands").iterdir()
        before = first.stat().st_ino
    commit(local, [make("late")])
    commit(local)
    with state_of(local) as state:
        catch_up(local, state)
    assert first.stat().st_ino == before
    assert sorted(map(len, tables(local).values())) == [1, 12]


def test_no_table_grows_beyond_what_it_can_number(
    local: Store, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a stand-in for the limit of 2**32 documents, which no test can reach
    monkeypatch.setattr("pipelines.published._MOST_IN_A_TABLE", 3)
    for number in range(7):
        commit(local, [make(f"n{number}x")])
        with state_of(local) as state:
            catch_up(local, state)
    sizes = list(map(len, tables(local).values()))
    assert max(sizes) <= 3
    assert sum(sizes) == 7


def test_what_no_longer_stands_is_dropped_when_tables_are_merged(store: Store, make: Make) -> None:
    a, b, c, d = map(make, "abcd")
    commit(store, [a, b])
    assert met(store, [a]) == {a.id}
    commit(store, [c, d], deleted=[a.id])
    assert met(store, [a, b]) == {b.id}
    assert list(tables(store).values()) == [sorted([b.id, c.id, d.id])]


def test_tables_that_were_lost_are_written_anew(local: Store, make: Make) -> None:
    a, b = map(make, "ab")
    commit(local, [a])
    commit(local, [b])
    assert met(local, [a, b]) == {a.id, b.id}
    files.delete_tree(files.join(local.path, "bands"))
    assert met(local, [a, b]) == {a.id, b.id}


def test_a_damaged_table_is_written_anew(
    local: Store, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    a = make("a")
    commit(local, [a])
    assert met(local, [a]) == {a.id}
    (table,) = Path(local.path, "bands").iterdir()
    table.write_bytes(table.read_bytes()[:-3])
    assert met(local, [a]) == {a.id}
    assert "is damaged and will be written anew" in caplog.text


def test_a_run_whose_manifest_was_taken_away_leaves_nothing(local: Store, make: Make) -> None:
    """What it had replaced or deleted stands again, even if a merge had dropped it."""
    a, b, c = map(make, "abc")
    commit(local, [a, b])
    assert met(local, [a]) == {a.id}
    last = commit(local, [c], deleted=[a.id])
    assert met(local, [a, b, c]) == {b.id, c.id}
    assert len(tables(local)) == 1
    Path(local.path, "runs", f"{last}.json").unlink()
    again = Store(local.path)
    again.discard_uncommitted()
    assert met(again, [a, b, c]) == {a.id, b.id}


def test_death_between_merging_and_deleting_is_harmless(local: Store, make: Make) -> None:
    a, b = map(make, "ab")
    commit(local, [a])
    assert met(local, [a]) == {a.id}
    (first,) = Path(local.path, "bands").iterdir()
    kept = first.read_bytes()
    commit(local, [b])
    assert met(local, [a, b]) == {a.id, b.id}
    (merged,) = Path(local.path, "bands").iterdir()
    assert merged != first
    first.write_bytes(kept)
    first.with_name(".000001-000003.bands.77.tmp").write_bytes(b"half")
    assert met(local, [a, b]) == {a.id, b.id}
    assert list(Path(local.path, "bands").iterdir()) == [merged]


def test_what_was_in_use_can_be_read_on_while_tables_are_merged(local: Store, make: Make) -> None:
    a, b = map(make, "ab")
    commit(local, [a])
    assert met(local, [a]) == {a.id}
    (first,) = Path(local.path, "bands").iterdir()
    with BandTable(str(first)) as table:
        commit(local, [b])
        assert met(local, [b]) == {b.id}
        assert not first.exists()
        assert hexadecimal(table.documents()["id"]) == [a.id]


def test_damaged_fingerprints_stop_a_run_but_not_one_that_is_committed(
    local: Store, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    run = commit(local, [make("a")])
    path = files.join(local.path, "fingerprints", f"run={run}", "part-00000-000.parquet")
    files.write(path, b"no Parquet")
    with state_of(local) as state:
        with pytest.raises(StoreError, match=r"part-00000-000\.parquet is damaged"):
            published(local, state, frozenset())
        with caplog.at_level(logging.WARNING):
            catch_up(local, state)
    assert "the next run will try again" in caplog.text
