from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.compose.environment import SECRETS, complete
from tests.conftest import SEEDS

ROOT = SEEDS.parent


def values(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What ``make compose-env`` needs of a checkout, and nothing installed."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "constraints-dev.txt"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "pipelines", tmp_path / "pipelines")
    return tmp_path


def make(project: Path) -> str:
    done = subprocess.run(
        ["make", "--silent", "compose-env", f"PYTHON={sys.executable} -I -S -c {_ISOLATED}"],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


# Python without any installed package: the current directory alone is added to its path.
_ISOLATED = (
    '\'import sys, runpy; sys.path.insert(0, "."); sys.argv = sys.argv[2:]; '
    'runpy.run_module(sys.argv[0], run_name="__main__")\''
)


def test_make_draws_all_secrets_for_the_owner_alone_and_shows_none(project: Path) -> None:
    shown = make(project)
    file = project / ".env"
    drawn = values(file)
    assert set(drawn) == set(SECRETS)
    assert len(set(drawn.values())) == len(SECRETS)
    assert all(re.fullmatch(r"[\w-]{40,}", value) for value in drawn.values())
    assert file.stat().st_mode & 0o777 == 0o600
    assert all(name in shown for name in SECRETS)
    assert not any(value in shown for value in drawn.values())
    assert list(project.glob(".env*")) == [file]


def test_a_second_call_changes_nothing(project: Path) -> None:
    make(project)
    before = (project / ".env").read_text()
    assert "complete" in make(project)
    assert (project / ".env").read_text() == before


def test_every_call_in_a_new_place_draws_others(tmp_path: Path) -> None:
    for name in "ab":
        complete(tmp_path / name)
    first, second = (set(values(tmp_path / name).values()) for name in "ab")
    assert not first & second


@pytest.mark.parametrize("end", ["", "\n"])
def test_what_the_file_holds_stays_and_what_is_missing_is_added(tmp_path: Path, end: str) -> None:
    file = tmp_path / ".env"
    file.write_text(f"# mine\nDATA=/srv/raw\nexport ELASTIC_PASSWORD = 'my own'{end}")
    file.chmod(0o644)
    held = file.read_text().rstrip("\n")
    assert complete(file) == [name for name in SECRETS if name != "ELASTIC_PASSWORD"]
    assert file.read_text().startswith(f"{held}\nKIBANA_PASSWORD=")
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("line", ["READER_PASSWORD=", "#READER_PASSWORD=old", "XREADER_PASSWORD=x"])
def test_an_empty_or_commented_secret_is_a_missing_one(tmp_path: Path, line: str) -> None:
    file = tmp_path / ".env"
    file.write_text(f"{line}\nDATA=x\n")
    assert "READER_PASSWORD" in complete(file)
    assert values(file)["READER_PASSWORD"]


def test_a_file_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipelines.compose.environment", str(tmp_path / "no" / ".env")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "cannot complete" in done.stderr
