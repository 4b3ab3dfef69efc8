from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.batches import cut, merged, reread
from pipelines.selection import Selection
from pipelines.state import DocumentRow, read_state
from pipelines.store import Store
from tests.pipelines.ledgers import record
from transforms.ledger import LedgerRow
from transforms.read.listing import uri_of_path
from transforms.read.slices import SourceFile
from transforms.read.survey import Survey

NOTHING = Survey((), (), ())


def file(uri: str, size: int, only: frozenset[str] | None = None) -> SourceFile:
    return SourceFile(uri, size, "v", only=only)


@settings(deadline=None)  # a database is made each time
@given(st.lists(st.integers(0, 30), max_size=30), st.integers(1, 40))
def test_files_are_cut_in_their_order_into_batches_of_bounded_size(
    sizes: list[int], limit: int
) -> None:
    files = [file(f"file:///{number:03d}", size) for number, size in enumerate(sizes)]
    with read_state(Store("nowhere")) as state:
        works = cut(Selection(new=tuple(files)), state, NOTHING, limit)
    assert [one for work in works for one in work.files] == files
    for work in works:
        assert len(work.files) == 1 or sum(one.size for one in work.files) <= limit
        assert work.planned == {one.uri for one in files}


def test_what_is_said_once_is_said_in_the_first_batch() -> None:
    selection = Selection(new=(file("a", 9), file("b", 9)), unchanged=7)
    with read_state(Store("nowhere")) as state:
        works = cut(selection, state, NOTHING, 10)
    assert [work.unchanged for work in works] == [7, 0]


def test_deletions_come_first_and_bring_the_duplicates_that_they_leave(tmp_path: Path) -> None:
    paths = {}
    for name in ("member", "changed"):
        path = tmp_path / f"{name}.txt"
        path.write_text("x" * 100)
        paths[name] = uri_of_path(str(path))
    store = Store(str(tmp_path / "store"))
    record(
        store,
        LedgerRow("c", "file:///gone", "v", "kept"),
        LedgerRow("d", "file:///gone2", "v", "kept"),
        LedgerRow("m", f"{paths['member']}#k", "old", "duplicate", duplicate_of="c"),
        LedgerRow("n", paths["changed"], "v", "duplicate", duplicate_of="c"),
        LedgerRow("o", "file:///gone2#k", "v", "duplicate", duplicate_of="c"),
    )
    selection = Selection(
        changed=(file(paths["changed"], 100),), gone=("file:///gone", "file:///gone2")
    )
    with read_state(store) as state:
        first, *_, last = cut(selection, state, NOTHING, 1500)
    assert first.gone[0] == "file:///gone"
    (member,) = first.files
    assert (member.uri, member.only, member.version) == (paths["member"], {"m"}, "old")
    assert [one.uri for one in last.files] == [paths["changed"]]


def test_orphans_of_a_call_that_was_killed_are_read_again(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    record(store, LedgerRow("m", "file:///m", "v", "duplicate", duplicate_of="c"))
    with read_state(store) as state:
        (work,) = cut(Selection(), state, NOTHING, 100)
    assert [(one.uri, one.only) for one in work.files] == [("file:///m", {"m"})]


def test_records_of_one_file_are_read_in_one_go() -> None:
    rows = [
        DocumentRow(id_, "file:///nowhere/f", id_, "v", "duplicate", None, "c", "")
        for id_ in ("a", "b")
    ]
    (one,) = reread(rows, frozenset(), None)
    assert (one.only, one.path, one.size) == ({"a", "b"}, "/nowhere/f", 0)
    assert merged(file("f", 1, frozenset("a")), file("f", 1, frozenset("b"))).only == {"a", "b"}
    assert merged(file("f", 1, frozenset("a")), file("f", 1)).only is None
    assert merged(file("f", 1), file("f", 1, frozenset("a"))).only is None
