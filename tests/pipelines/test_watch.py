"""Changes of real files, as the system tells of them or by looking."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipelines.stop_signals import StopSignals
from pipelines.watch import Changes, is_file

ROOT = Path(__file__).parents[2]


@contextmanager
def changes_of(*roots: Path, poll: bool) -> Iterator[Changes]:
    with StopSignals() as stop:
        changes = Changes([str(root) for root in roots], poll, stop)
        yield changes
        changes.close()


def gathered(changes: Changes, path: Path) -> bool:
    """Whether a change of this path is heard of before long."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if str(path) in changes.gather():
            return True
    return False


@pytest.mark.parametrize("poll", [False, True], ids=["events", "poll"])
def test_changes_below_a_directory_are_heard_of_also_when_it_has_gone_and_come_back(
    poll: bool, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    with changes_of(source, poll=poll) as changes:
        assert str(source) in changes.gather()
        file = source / "deep" / "a.txt"
        file.write_text("new")
        assert gathered(changes, file)
        shutil.rmtree(source)
        assert gathered(changes, source)
        source.mkdir()
        assert gathered(changes, source)
        file = source / "b.txt"
        file.write_text("new")
        assert gathered(changes, file)


def test_where_the_system_cannot_watch_files_are_looked_at(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from tests.pipelines.test_watch import changes_of, gathered
root = Path(sys.argv[1])
with changes_of(root, poll=False) as changes:
    changes.gather()
    changes.gather()
    (root / "a.txt").write_text("new")
    assert gathered(changes, root / "a.txt")
"""
    limit = 'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"'
    own_limits = ["unshare", "--user", "--map-root-user", "sh", "-c", limit, "sh"]
    if not shutil.which("unshare") or subprocess.run([*own_limits, "true"]).returncode:
        pytest.skip("user namespaces, in which one may set limits, are not to be had here")
    done = subprocess.run(
        [*own_limits, sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "looking at all files in turn" in done.stderr


def test_a_file_that_is_replaced_is_heard_of_again_and_again(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("0")
    with changes_of(file, poll=False) as changes:
        changes.gather()
        for number in range(2):
            (tmp_path / "new").write_text(str(number))
            (tmp_path / "new").replace(file)
            assert gathered(changes, file)


def test_where_nothing_is_there_to_watch_nothing_is_heard(tmp_path: Path) -> None:
    with changes_of(tmp_path / "nowhere", poll=False) as changes:
        began = time.monotonic()
        assert changes.gather() == set()
        assert time.monotonic() - began > 0.1


def test_what_is_a_file_is_told_from_what_is_not(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("four")
    assert is_file(str(file))
    assert not is_file(str(tmp_path))
    assert not is_file(str(tmp_path / "gone"))
