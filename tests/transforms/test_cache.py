import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.cache import Cache, key_of, prepare, trim

ROOT = Path(__file__).parents[2]
WRITE = """
import sys
from transforms.cache import Cache, key_of
cache = Cache(sys.argv[1])
first, last = int(sys.argv[2]), int(sys.argv[3])
print("ready", flush=True)
for start in range(first, last, 50):
    numbers = range(start, min(start + 50, last))
    entries = {key_of(str(number)): b"value of %d" % number for number in numbers}
    found = cache.get(entries)
    assert all(entries[key] == value for key, value in found.items())
    cache.put(entries)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "cache.db"
    assert prepare(path)
    return path


def numbered(start: int, stop: int, size: int = 100) -> dict[bytes, bytes]:
    return {key_of(str(n)): str(n).encode().ljust(size) for n in range(start, stop)}


def fill(path: Path, entries: dict[bytes, bytes]) -> None:
    with closing(Cache(path)) as cache:
        cache.put(entries)


def found(path: Path, entries: dict[bytes, bytes]) -> dict[bytes, bytes]:
    with closing(Cache(path)) as cache:
        return cache.get(entries)


def writer(path: Path, first: int, last: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITE, str(path), str(first), str(last)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(st.binary(max_size=20), st.binary(max_size=5_000), max_size=50),
    st.sets(st.binary(max_size=20), max_size=5),
)
def test_what_was_put_is_found_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, entries: dict[bytes, bytes], others: set[bytes]
) -> None:
    path = tmp_path_factory.mktemp("cache") / "cache.db"
    assert prepare(path)
    fill(path, entries)

    with closing(Cache(path)) as cache:
        assert cache.get([*entries, *others, *entries]) == entries
        assert (cache.hits, cache.misses) == (len(entries), len(others - set(entries)))


def test_more_keys_than_fit_in_a_query_are_found(path: Path) -> None:
    entries = numbered(0, 1_700)
    fill(path, entries)

    assert found(path, entries) == entries


def test_of_a_key_that_is_there_the_value_stays(path: Path) -> None:
    fill(path, {b"a": b"first"})
    fill(path, {b"a": b"second", b"b": b"new"})

    assert found(path, {b"a": b"", b"b": b""}) == {b"a": b"first", b"b": b"new"}


@given(st.lists(st.text(max_size=3), max_size=4), st.lists(st.text(max_size=3), max_size=4))
def test_keys_are_the_same_only_for_the_same_parts(one: list[str], other: list[str]) -> None:
    assert (key_of(*one) == key_of(*other)) == (one == other)
    assert len(key_of(*one)) == 16


def test_a_key_takes_text_that_is_no_unicode() -> None:
    assert key_of("\ud800") != key_of("\udc00")


def test_a_file_that_is_there_is_kept(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fill(path, {b"a": b"1"})

    assert prepare(path)
    assert found(path, {b"a": b""}) == {b"a": b"1"}
    assert not caplog.text


def test_several_processes_write_and_read_at_once(path: Path) -> None:
    processes = [writer(path, first, first + 1_000) for first in (0, 300, 600, 900)]

    assert [process.wait(60) for process in processes] == [0, 0, 0, 0]
    keys = [key_of(str(number)) for number in range(1_900)]
    assert found(path, dict.fromkeys(keys, b"")) == {
        key: b"value of %d" % number for number, key in enumerate(keys)
    }


def test_a_writer_that_is_killed_leaves_what_it_had_committed(path: Path) -> None:
    with writer(path, 0, 1_000_000) as process:
        assert process.stdout
        process.stdout.readline()
        last = dict.fromkeys([key_of("2000")], b"")
        while not found(path, last):
            pass
        process.send_signal(signal.SIGKILL)

    assert process.returncode == -signal.SIGKILL
    assert prepare(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    keys = [key_of(str(number)) for number in range(2_001)]
    assert len(found(path, dict.fromkeys(keys, b""))) == 2_001


@pytest.mark.parametrize("content", [b"", b"no database at all" * 1_000])
def test_a_file_that_is_no_cache_is_begun_anew(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    assert prepare(path)
    fill(path, {b"a": b"1"})
    assert found(path, {b"a": b""}) == {b"a": b"1"}


def test_a_truncated_file_is_said_and_begun_anew(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    entries = numbered(0, 1_000)
    fill(path, entries)
    os.truncate(path, path.stat().st_size // 2)

    with closing(Cache(path)) as cache:
        assert cache.get(entries) == {}
        cache.put(entries)
        assert cache.get(entries) == {}
    assert f"the cache {path} is damaged" in caplog.text
    assert prepare(path)
    fill(path, entries)
    assert found(path, entries) == entries


def test_damage_within_is_said_and_the_next_run_begins_anew(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    entries = numbered(0, 5_000)
    fill(path, entries)
    with path.open("r+b") as file:  # the first pages are sound
        file.seek(5 * 4096)
        file.write(os.urandom(path.stat().st_size - 5 * 4096))

    with closing(Cache(path)) as cache:
        assert cache.get(entries).items() <= entries.items()
        assert cache.get(entries) == {}
    assert "is damaged and was deleted" in caplog.text
    assert not path.exists()
    assert prepare(path)
    assert found(path, entries) == {}


def test_the_log_of_a_deleted_file_does_not_come_back(path: Path) -> None:
    with closing(Cache(path)) as cache:
        cache.put({b"old": b"1"})
        log = path.with_name("cache.db-wal").read_bytes()
    path.unlink()
    path.with_name("cache.db-wal").write_bytes(log)

    assert prepare(path)
    assert found(path, {b"old": b""}) == {}


def test_a_file_of_another_version_is_begun_anew(path: Path) -> None:
    fill(path, {b"a": b"1"})
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")

    assert prepare(path)
    assert found(path, {b"a": b""}) == {}


def test_without_a_file_nothing_is_found(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "cache.db"
    with closing(Cache(path)) as cache:
        cache.put({b"a": b"1"})
        assert cache.get([b"a"]) == {}
        assert (cache.hits, cache.misses) == (0, 1)
    assert f"the cache {path} cannot be used; this run goes on without it" in caplog.text
    assert not path.exists()
    trim(path, 1)


def test_a_place_where_no_file_can_be_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache.db").mkdir()

    assert not prepare(tmp_path / "cache.db")
    assert "cannot be used; this run goes on without it" in caplog.text


@pytest.mark.parametrize("size", [20, 500])
def test_the_oldest_go_when_it_grows_too_large(path: Path, size: int) -> None:
    entries = numbered(0, 20_000, size)
    fill(path, entries)
    limit = path.stat().st_size // 2

    trim(path, limit)

    assert limit / 2 < path.stat().st_size <= limit
    left = found(path, entries)
    assert left == dict(list(entries.items())[-len(left) :])
    assert len(left) > 6_000
    more = numbered(20_000, 21_000, size)
    fill(path, more)
    assert found(path, more) == more


def test_a_file_that_is_small_enough_is_left_alone(path: Path) -> None:
    entries = numbered(0, 1_000)
    fill(path, entries)

    trim(path, path.stat().st_size)

    assert found(path, entries) == entries


def test_no_limit_is_too_small(path: Path) -> None:
    entries = numbered(0, 1_000)
    fill(path, entries)

    trim(path, 1)

    assert found(path, entries) == {}
    assert path.stat().st_size < 40_000


def test_damage_that_trim_meets_is_said(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fill(path, numbered(0, 5_000))
    with path.open("r+b") as file:
        file.seek(5 * 4096)
        file.write(os.urandom(path.stat().st_size - 5 * 4096))

    trim(path, 100_000)

    assert "could not be kept to its size" in caplog.text
    assert prepare(path)
    fill(path, {b"a": b"1"})
    assert found(path, {b"a": b""}) == {b"a": b"1"}
