from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.transforms.index_contract import (
    OpenIndex,
    TransactionContract,
    documents,
    entity,
    found,
    publish,
)
from tests.transforms.search_contract import SearchContract
from transforms.index import Query, SearchIndexError
from transforms.sqlite import SqliteIndex
from transforms.sqlite.schema import VERSION


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a #1?%20é" / "search.db"


@pytest.fixture
def index(path: Path) -> SqliteIndex:
    path.parent.mkdir()
    index = SqliteIndex(path)
    publish(
        index,
        {"id": "a", "title": "Cats", "text": "a black cat in 北京"},
        {"id": "b", "text": "a white dog"},
    )
    index.close()
    return index


def test_mentions_are_counted_for_queries_in_sql(tmp_path: Path) -> None:
    path = tmp_path / "search.db"
    ann, paris = entity("Ann", "PER"), entity("Paris", "LOC")
    publish(
        SqliteIndex(path),
        {"id": "a", "entities": [ann, ann, paris], "title_entities": [ann]},
        {"id": "b", "entities": [ann]},
        {"id": "c"},
    )
    query = """SELECT name.key, sum(name.value)
               FROM documents, json_each(mentions, '$.PER') AS name GROUP BY name.key"""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT mentions, people FROM documents ORDER BY id").fetchall()
        counted = connection.execute(query).fetchall()
    assert rows == [
        ('{"PER":{"Ann":3},"LOC":{"Paris":1}}', '["Ann"]'),
        ('{"PER":{"Ann":1}}', '["Ann"]'),
        ("{}", "[]"),
    ]
    assert counted == [("Ann", 4)]


def damage(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


class TestSqliteIndex(TransactionContract, SearchContract):
    @pytest.fixture
    def open_index(self, tmp_path: Path) -> OpenIndex:
        return lambda: SqliteIndex(tmp_path / "search.db")


def test_one_file_is_left_when_all_is_closed(index: SqliteIndex, path: Path) -> None:
    assert found(index, "cat") == ["a"]
    assert index.verify() == []
    index.close()
    assert [file.name for file in path.parent.iterdir()] == ["search.db"]


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("UPDATE documents SET text = 'changed' WHERE id = 'a'", "words of the full-text index"),
        ("UPDATE documents SET people = '[\"Ann\"]' WHERE id = 'b'", "such as ann"),
        ("DELETE FROM documents WHERE id = 'a'", "have no document"),
        ("DELETE FROM documents_fts_docsize WHERE id = 1", "by words, such as a"),
        ("UPDATE documents_fts_data SET block = zeroblob(9) WHERE id > 10", "damaged"),
    ],
)
def test_verify_finds_damage(
    index: SqliteIndex, path: Path, statement: str, complaint: str
) -> None:
    damage(path, statement)
    assert any(complaint in problem for problem in index.verify())


def test_verify_changes_nothing(index: SqliteIndex, path: Path) -> None:
    damage(path, "UPDATE documents SET text = 'changed' WHERE id = 'a'")
    assert index.verify() == index.verify() != []


def overwrite(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 8000)


def write_junk(path: Path) -> None:
    path.write_text("this is no database at all, but it is long enough to be taken for one" * 20)


def damage_middle(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)


def make_newer(path: Path) -> None:
    damage(path, f"PRAGMA user_version = {VERSION + 1}")


def make_older(path: Path) -> None:
    damage(path, "PRAGMA user_version = 0")


UNUSABLE = [overwrite, write_junk, damage_middle, make_newer, make_older]


@pytest.mark.parametrize("spoil", UNUSABLE)
def test_an_unusable_file_is_said_to_be_rebuilt(
    index: SqliteIndex, path: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(path)
    for use in (index.runs, lambda: index.search(Query("cat")), lambda: index.begin("2")):
        with pytest.raises(SearchIndexError, match=r"docsluice reindex") as raised:
            use()
        assert str(path) in str(raised.value)
        index.close()
    assert any("reindex" in problem or "damaged" in problem for problem in index.verify())


@pytest.mark.parametrize("spoil", UNUSABLE)
def test_a_rebuild_mends_an_unusable_file(
    index: SqliteIndex, path: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(path)
    with index.rebuild(["1"]) as transaction:
        transaction.upsert(documents({"id": "z", "text": "new"}))
        transaction.commit()
    assert (found(index, "new"), index.verify()) == (["z"], [])
    assert index.runs() == {"1"}


def test_a_missing_file_names_the_command_that_makes_it(tmp_path: Path) -> None:
    index = SqliteIndex(tmp_path / "search.db")
    for use in (index.count, index.verify, lambda: index.search(Query("x"))):
        with pytest.raises(SearchIndexError, match="docsluice run"):
            use()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("method", [SqliteIndex.count, lambda index: index.rebuild(["1"])])
def test_a_file_of_something_else_is_left_alone(
    tmp_path: Path, method: Callable[[SqliteIndex], object]
) -> None:
    path = tmp_path / "search.db"
    damage(path, "CREATE TABLE precious (row)")
    with pytest.raises(SearchIndexError, match="no index of docsluice"):
        method(SqliteIndex(path))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("precious",)]


def test_a_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SearchIndexError, match="cannot be opened"):
        SqliteIndex(tmp_path / "missing" / "search.db").begin("1")


def test_a_second_writer_is_told_of_the_first(
    index: SqliteIndex, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transforms.sqlite.schema._BUSY_SECONDS", 0.1)
    with index.begin("2"), pytest.raises(SearchIndexError, match="being written by another"):
        SqliteIndex(path).begin("3")
    with SqliteIndex(path).begin("3") as transaction:
        transaction.commit()
    assert "3" in index.runs()


def test_an_ended_transaction_takes_nothing_more(index: SqliteIndex) -> None:
    with index.begin("2") as transaction:
        transaction.commit()
    with pytest.raises(SearchIndexError, match="ended"):
        transaction.delete(["a"])


def test_closing_rolls_back(index: SqliteIndex, path: Path) -> None:
    index.begin("2").delete(["a"])
    index.close()
    assert SqliteIndex(path).count() == 2


def test_a_read_only_medium_can_be_searched() -> None:
    program = """
import os, sys
from pathlib import Path
from transforms.index import Query, SearchIndexError
from transforms.sqlite import SqliteIndex
if os.geteuid() == 0:  # root writes where nobody may
    os.setuid(65534)
index = SqliteIndex(Path(sys.argv[1]))
print(index.search(Query("cat")).total)
try:
    index.begin("2")
except SearchIndexError as error:
    print(error)
"""
    # Not pytest's own directory: another user cannot enter it.
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "search.db")
        publish(SqliteIndex(path), {"id": "a", "text": "cat"})
        path.chmod(0o444)
        Path(directory).chmod(0o555)
        ran = subprocess.run(
            [sys.executable, "-c", program, path], capture_output=True, text=True, check=False
        )
        Path(directory).chmod(0o755)
    assert ran.stderr == ""
    assert ran.stdout.startswith("1\n")
    assert "cannot be written" in ran.stdout


def test_searches_go_on_while_a_run_writes(index: SqliteIndex, path: Path) -> None:
    errors: list[BaseException] = []
    totals: set[int] = set()
    stop = threading.Event()

    def read() -> None:
        reader = SqliteIndex(path)
        try:
            while not stop.is_set():
                totals.add(reader.search(Query("cat")).total)
        except BaseException as error:
            errors.append(error)
        finally:
            reader.close()

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    rows = [{"id": f"{number}", "text": "cat " * 200} for number in range(500)]
    for run in range(3):
        publish(index, *({**row, "id": f"{run}-{row['id']}"} for row in rows), run_id=f"w{run}")
    stop.set()
    for thread in threads:
        thread.join()
    assert not errors
    assert totals <= {1, 501, 1001, 1501}
    assert found(index, "white") == ["b"]


def test_a_killed_run_leaves_what_was_there(index: SqliteIndex, path: Path) -> None:
    program = f"""
from tests.transforms.index_contract import documents
from transforms.sqlite import SqliteIndex
transaction = SqliteIndex({str(path)!r}).begin("2")
transaction.upsert(documents(*({{"id": str(n), "text": "cat " * 500}} for n in range(2000))))
transaction.prepare()
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", program], timeout=60, check=False)
    assert (index.count(), index.verify()) == (2, [])
    assert index.runs() == {"run"}
