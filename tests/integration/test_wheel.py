"""The wheel by itself: in an empty environment, away from the source tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import SEEDS

ROOT = SEEDS.parent
MAX_MODEL_BYTES = 30_000_000


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", folder, ROOT], check=True, timeout=300)
    (wheel,) = folder.glob("docsluice-*.whl")
    return wheel


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment that holds the wheel and what it needs; its folder of programs."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=300)
    install = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps"]
    pinned = ["--require-hashes", "-r", ROOT / "constraints.txt"]
    done = subprocess.run([*install, *pinned], capture_output=True, text=True, timeout=500)
    if done.returncode and "CI" not in os.environ:
        pytest.skip(f"NOT TESTED: the wheel in an empty environment: {done.stderr.strip()[-200:]}")
    assert done.returncode == 0, done.stderr
    subprocess.run([*install, wheel], check=True, timeout=300)
    return folder / "bin"


def test_the_wheel_carries_the_models_and_keeps_them_small(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        models = [file for file in archive.infolist() if "/models/fallback/" in file.filename]
        names = {file.filename for file in models}
        shipped = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("models/fallback/**/*")}
    assert {name.partition("_resources/")[2] for name in names} == {
        name for name in shipped if (ROOT / name).is_file()
    }
    assert sum(file.compress_size for file in models) <= MAX_MODEL_BYTES


def test_the_wheel_runs_in_an_empty_environment(environment: Path, tmp_path: Path) -> None:
    shutil.copytree(SEEDS, tmp_path / "seeds")
    clean = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}

    def docsluice(*arguments: str) -> str:
        command = [environment / "docsluice", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=clean, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "3 kept" in docsluice("run", "seeds")
    assert "ships with docsluice" in docsluice("doctor")
    assert "Macron" in docsluice("search", "--entity", "Macron", "--label", "PER")
