from __future__ import annotations

import pickle
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pipelines.state import Standing, file_of, open_state, past_state, read_state
from pipelines.store import Store, StoreError
from tests.pipelines.ledgers import record
from transforms.ledger import LedgerRow


@pytest.fixture(params=["local", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, bucket: str) -> Store:
    return Store(str(tmp_path / "store") if request.param == "local" else f"{bucket}/store")


@pytest.fixture
def local(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def test_the_file_of_a_record_is_what_comes_before_its_key() -> None:
    assert file_of("file:///a.jsonl#L3") == "file:///a.jsonl"
    assert file_of("file:///a%23b.txt") == "file:///a%23b.txt"


def test_the_newest_version_of_a_file_counts(store: Store) -> None:
    record(store, LedgerRow("1", "f#L1", "v1", "kept"), LedgerRow("2", "g", "v1", "kept"))
    record(store, LedgerRow("1", "f#L1", "v0", "kept"))
    with read_state(store) as state:
        assert list(state.versions()) == [("f", "v0"), ("g", "v1")]


def test_a_file_that_was_not_read_to_its_end_has_not_been_seen(store: Store) -> None:
    record(store, LedgerRow("1", "f#L1", "v1", "kept"), LedgerRow("2", "f", "", "failed"))
    with read_state(store) as state:
        assert list(state.versions()) == [("f", "")]


def test_the_newest_row_of_a_document_counts(store: Store) -> None:
    first = record(store, LedgerRow("1", "f", "v1", "kept"))
    second = record(store, LedgerRow("1", "f", "v2", "rejected"))
    with read_state(store) as state:
        (row,) = state.documents(["1", "never seen"])
        assert (row.outcome, row.published_in, row.source, row.version) == (
            "rejected", None, "f", "v2"
        )  # fmt: skip
        assert state.standing(["1", "1"], [first, second]) == [False, False]


@pytest.mark.parametrize("outcome", ["kept", "duplicate"])
def test_of_records_with_one_id_that_counts_which_was_not_rejected(
    store: Store, outcome: str
) -> None:
    good = LedgerRow("1", "f#x", "v1", outcome)  # type: ignore[arg-type]
    record(store, good, LedgerRow("1", "f#x", "v1", "rejected"))
    record(store, LedgerRow("2", "f#y", "v1", "rejected"), LedgerRow("2", "f#y", "v1", "kept"))
    with read_state(store) as state:
        assert [row.outcome for row in state.documents(["1", "2"])] == [outcome, "kept"]


def test_what_failed_leaves_what_was_published(store: Store) -> None:
    run = record(store, LedgerRow("1", "f", "v1", "kept"), LedgerRow("2", "g", "v1", "duplicate",
                 duplicate_of="1", content_hash="aa"))  # fmt: skip
    record(store, LedgerRow("1", "f", "v2", "failed"), LedgerRow("2", "g", "", "failed"))
    with read_state(store) as state:
        assert state.standing(["1"], [run]) == [True]
        assert state.published() == 1
        assert state.outcomes() == {"failed": 2}
        (member,) = state.members_of(["1"])
        assert (member.id, member.outcome, member.content_hash) == ("2", "failed", "aa")


def test_a_deleted_file_is_forgotten_and_its_documents_do_not_stand(store: Store) -> None:
    run = record(store, LedgerRow("1", "f#a", "v", "kept"), LedgerRow("2", "f#b", "v", "rejected"))
    record(store, LedgerRow("1", "f#a", "", "deleted"), LedgerRow("2", "f#b", "", "deleted"))
    with read_state(store) as state:
        assert list(state.versions()) == []
        assert state.documents_of(["f"]) == []
        assert state.standing(["1"], [run]) == [False]
        assert state.outcomes() == {"deleted": 2}
    record(store, LedgerRow("1", "f#a", "v", "kept"))
    with read_state(store) as state:
        assert list(state.versions()) == [("f", "v")]
        assert [row.id for row in state.documents_of(["f"])] == ["1"]


def test_a_file_that_loses_one_record_is_still_seen(store: Store) -> None:
    record(store, LedgerRow("1", "f#a", "v", "kept"), LedgerRow("2", "f#b", "v", "kept"))
    record(store, LedgerRow("1", "f#a", "w", "kept"), LedgerRow("2", "f#b", "w", "deleted"))
    with read_state(store) as state:
        assert list(state.versions()) == [("f", "w")]
        assert list(state.published_by_file()) == [("f", 1)]


def test_duplicates_are_orphans_when_their_canonical_is_not_published(store: Store) -> None:
    record(
        store,
        LedgerRow("c", "c", "v", "kept"),
        LedgerRow("d", "d", "v", "kept"),
        LedgerRow("1", "e#1", "v", "duplicate", duplicate_of="c"),
        LedgerRow("2", "e#2", "v", "duplicate", duplicate_of="c"),
        LedgerRow("3", "e#3", "v", "kept", duplicate_of="d"),
    )
    with read_state(store) as state:
        assert state.orphans() == []
        assert state.member_counts(["c", "d", "1"]) == {"c": 2, "d": 1}
    record(store, LedgerRow("c", "c", "", "deleted"), LedgerRow("2", "e#2", "", "failed"))
    record(store, LedgerRow("d", "d", "w", "rejected"))
    with read_state(store) as state:
        assert [row.id for row in state.orphans()] == ["1", "3"]


def test_the_writer_takes_up_what_is_missing(local: Store) -> None:
    record(local, LedgerRow("1", "f", "v", "kept"))
    with open_state(local, local.state_path) as state:
        assert state.published() == 1
    record(local, LedgerRow("2", "g", "v", "kept"))
    with open_state(local, local.state_path) as state:
        assert state.published() == 2
        assert state.fits(local)


def test_readers_write_nothing_and_see_what_the_state_lacks(local: Store) -> None:
    record(local, LedgerRow("1", "f", "v", "kept"))
    with read_state(local) as state:
        assert state.published() == 1
    assert not local.state_path.exists()
    with open_state(local, local.state_path):
        pass
    before = local.state_path.read_bytes()
    first = list(local.manifests)
    record(local, LedgerRow("2", "g", "v", "kept"))
    with read_state(local) as state:
        assert state.published() == 2
    with past_state(local, first) as state:
        assert state.published() == 1
    assert local.state_path.read_bytes() == before


def test_a_state_that_names_a_run_without_manifest_is_made_anew(local: Store) -> None:
    record(local, LedgerRow("1", "f", "v", "kept"))
    last = record(local, LedgerRow("1", "f", "v2", "rejected"))
    with open_state(local, local.state_path) as state:
        assert state.published() == 0
    Path(local.path, "runs", f"{last}.json").unlink()
    local.refresh()
    with read_state(local) as state:
        assert state.published() == 1
    with open_state(local, local.state_path) as state:
        assert state.published() == 1


@pytest.mark.parametrize("damage", [b"not a database at all" * 99, b""])
def test_a_damaged_state_is_made_anew(local: Store, damage: bytes) -> None:
    record(local, LedgerRow("1", "f", "v", "kept"))
    with open_state(local, local.state_path):
        pass
    local.state_path.write_bytes(damage)
    with read_state(local) as state:
        assert state.published() == 1
    with open_state(local, local.state_path) as state:
        assert state.published() == 1


def test_a_state_of_another_format_is_made_anew(local: Store) -> None:
    record(local, LedgerRow("1", "f", "v", "kept"))
    with closing(sqlite3.connect(local.state_path)) as other:
        other.execute("PRAGMA user_version = 99")
    with open_state(local, local.state_path) as state:
        assert state.published() == 1


def test_a_process_that_dies_inside_a_write_does_no_harm(local: Store) -> None:
    record(local, LedgerRow("1", "f", "v", "kept"))
    with open_state(local, local.state_path):
        pass
    record(local, *(LedgerRow(str(n), f"f{n}", "v", "kept") for n in range(3000)))
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom pipelines import state_rows\n"
        "from pipelines.store import Store\nfrom pipelines.state import open_state\n"
        "add = state_rows.add_run\n"
        "def add_and_die(connection, run_id, ledger):\n"
        "    connection.execute('PRAGMA cache_size = 1')\n"  # pages go to the file at once
        "    add(connection, run_id, ledger)\n    os._exit(9)\n"
        "state_rows.add_run = add_and_die\n"
        "with open_state(Store(sys.argv[1]), Path(sys.argv[1], 'state.db')): pass\n"
    )
    done = subprocess.run([sys.executable, "-c", program, local.path], check=False, timeout=60)
    assert done.returncode == 9
    with read_state(local) as state:
        assert state.published() == 3000
    with open_state(local, local.state_path) as state:
        assert state.published() == 3000


def test_standing_can_be_asked_in_another_process(local: Store) -> None:
    run = record(local, LedgerRow("1", "f", "v", "kept"), LedgerRow("2", "g", "v", "kept"))
    with open_state(local, local.state_path):
        pass
    standing = pickle.loads(pickle.dumps(Standing(str(local.state_path), frozenset({"2"}))))
    assert standing(["1", "2", "3", "1"], [run, run, run, "other"]) == [True, False, False, False]


def test_a_state_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot open .*state\.db"):
        Standing(str(tmp_path / "state.db"))(["1"], ["r"])
