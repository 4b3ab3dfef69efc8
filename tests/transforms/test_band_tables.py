from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from transforms import files
from transforms.band_tables import (
    DOCUMENT,
    BandTable,
    DamagedTableError,
    digests,
    entries_of,
    hexadecimal,
    keys_and_numbers,
    merge_tables,
    slices_of,
    write_table,
)
from transforms.keys import COLUMNS

LARGEST = 2**32 - 1
keys_ = st.sampled_from([0, 1, 2, 7, LARGEST - 1, LARGEST]) | st.integers(0, LARGEST)


def documents(dates: Sequence[int], first_id: int = 0) -> NDArray[Any]:
    """Documents of two parts, even rows and odd rows."""
    made = np.zeros(len(dates), DOCUMENT)
    made["id"][:, 1] = np.arange(first_id, first_id + len(dates))
    made["date"] = dates
    made["row"] = np.arange(len(dates))
    made["part"] = made["row"] % 2
    return made


def write(path: str, run: int, made: NDArray[Any], keys: NDArray[np.uint32]) -> None:
    """A table in which each column has the same keys, but for its last bit."""
    numbers = np.arange(len(made))
    columns = (entries_of(keys ^ np.uint32(column % 2), numbers) for column in range(COLUMNS))
    parts = [f"run={run:06d}-x/part-0000{part}-000.parquet" for part in range(2)]
    write_table(path, [f"{run:06d}-x"], parts, f"state {run}", made, columns)


@contextmanager
def opened(*paths: str) -> Iterator[list[BandTable]]:
    with ExitStack() as stack:
        yield [stack.enter_context(BandTable(path)) for path in paths]


def content(table: BandTable, column: int) -> list[tuple[int, str, str, int]]:
    """(key, id, path of the part, row) of each entry, sorted."""
    keys, numbers = keys_and_numbers(table.column(column))
    of = table.documents()[numbers]
    parts = [table.footer.parts[part] for part in of["part"].tolist()]
    return sorted(zip(keys.tolist(), hexadecimal(of["id"]), parts, of["row"].tolist(), strict=True))


def test_documents_are_numbered_in_the_order_of_election(tmp_path: Path) -> None:
    """The earliest first; of one date the longest, of one length the smallest id."""
    made = documents([5, 3, 3, 3, 9])
    made["characters"] = [1, 10, 20, 10, 1]
    made["id"][3] = (0, 0)
    path = str(tmp_path / "a")
    write(path, 1, made, np.arange(5, dtype=np.uint32))
    with BandTable(path) as table:
        assert table.documents()["row"].tolist() == [2, 3, 1, 0, 4]
        assert len(table) == 5


@settings(deadline=None)
@given(keys=st.lists(keys_, max_size=30), wanted=st.sets(keys_))
def test_the_entries_of_a_key_are_found(
    tmp_path_factory: pytest.TempPathFactory, keys: list[int], wanted: set[int]
) -> None:
    path = str(tmp_path_factory.mktemp("table") / "a")
    write(path, 1, documents(range(len(keys))), np.array(keys, np.uint32))
    asked = np.array(sorted(wanted), np.uint32)
    with BandTable(path) as table:
        for column in (0, 1, COLUMNS - 1):
            entries = table.column(column)
            assert np.all(entries[1:] >= entries[:-1])
            for key, start, end in zip(asked, *slices_of(entries, asked), strict=True):
                of, numbers = keys_and_numbers(entries[start:end])
                assert set(of.tolist()) <= {int(key)}
                expected = [n for n, one in enumerate(keys) if one == key ^ np.uint32(column % 2)]
                assert numbers.tolist() == expected


def test_what_was_read_stays_when_the_table_is_closed_and_deleted(tmp_path: Path) -> None:
    path = str(tmp_path / "a")
    write(path, 1, documents(range(3)), np.array([7, 8, 9], np.uint32))
    with BandTable(path) as table:
        first = table.column(0)
        files.delete(path)
        second = table.column(2)
    assert keys_and_numbers(first)[0].tolist() == [7, 8, 9]
    assert first.tolist() == second.tolist()


@settings(deadline=None)
@given(
    st.lists(st.lists(st.tuples(keys_, st.integers(0, 5), st.booleans())), min_size=1, max_size=4)
)
def test_a_merged_table_holds_what_stands_of_all(
    tmp_path_factory: pytest.TempPathFactory, lots: list[list[tuple[int, int, bool]]]
) -> None:
    directory = tmp_path_factory.mktemp("tables")
    paths = [str(directory / str(number)) for number in range(len(lots))]
    gone: set[tuple[str, str]] = set()
    for number, (path, lot) in enumerate(zip(paths, lots, strict=True)):
        made = documents([date for _, date, _ in lot], first_id=100 * number)
        write(path, number, made, np.array([key for key, _, _ in lot], np.uint32))
        ids = hexadecimal(made["id"])
        gone |= {(ids[n], f"{number:06d}-x") for n, (_, _, gone_) in enumerate(lot) if gone_}

    def standing(ids: Sequence[str], run_ids: Sequence[str]) -> list[bool]:
        return [both not in gone for both in zip(ids, run_ids, strict=True)]

    gone_ids = {id_ for id_, _ in gone}
    target = str(directory / "merged")
    with opened(*paths) as tables:
        total = merge_tables(target, tables, "state", standing)
        with BandTable(target) as merged:
            assert len(merged) == total == sum(not gone_ for lot in lots for *_, gone_ in lot)
            assert merged.footer.runs == [f"{number:06d}-x" for number in range(len(lots))]
            assert merged.footer.state == "state"
            dates = merged.documents()["date"]
            assert np.all(dates[1:] >= dates[:-1])
            for column in range(COLUMNS):
                expected = [entry for table in tables for entry in content(table, column)]
                assert content(merged, column) == sorted(
                    entry for entry in expected if entry[1] not in gone_ids
                )


def test_a_document_is_asked_for_with_its_run(tmp_path: Path) -> None:
    path = str(tmp_path / "a")
    write(path, 3, documents(range(3)), np.array([7, 8, 9], np.uint32))
    asked = []

    def standing(ids: Sequence[str], run_ids: Sequence[str]) -> list[bool]:
        asked.append((ids, run_ids))
        return [False, True]

    with BandTable(path) as table:
        assert table.stands(table.documents()[[0, 2]], standing).tolist() == [False, True]
    assert asked == [([f"{0:032x}", f"{2:032x}"], ["000003-x"] * 2)]


def test_a_table_on_another_filesystem(bucket: str) -> None:
    path = f"{bucket}/store/a"
    write(path, 1, documents(range(3)), np.array([9, 8, 7], np.uint32))
    with BandTable(path) as table:
        assert keys_and_numbers(table.column(0))[0].tolist() == [7, 8, 9]
        assert table.documents()["row"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("bytes_", [b"", b"x", b"x" * 100, b"\0" * 4096])
def test_what_is_no_table_is_refused(tmp_path: Path, bytes_: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes_)
    with pytest.raises(DamagedTableError, match="a is not a whole table"):
        BandTable(str(path))


@pytest.mark.parametrize("left", [0.0, 0.5, 0.9, 0.999])
def test_a_table_cut_short_is_refused(tmp_path: Path, left: float) -> None:
    path = tmp_path / "a"
    write(str(path), 1, documents(range(20)), np.arange(20, dtype=np.uint32))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * left)])
    with pytest.raises(DamagedTableError):
        BandTable(str(path))


@given(st.lists(st.binary(min_size=16, max_size=16)))
def test_digests_keep_their_order_and_come_back(values: list[bytes]) -> None:
    texts = [value.hex() for value in values]
    pairs = digests(texts)
    assert hexadecimal(pairs) == texts
    assert [texts[n] for n in np.lexsort((pairs[:, 1], pairs[:, 0]))] == sorted(texts)
