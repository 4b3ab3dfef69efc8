"""What the wheel carries; tests/test_dockerfile.py installs and runs it in an empty environment."""

from __future__ import annotations

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


def test_the_wheel_carries_the_models_and_keeps_them_small(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        models = [file for file in archive.infolist() if "/models/fallback/" in file.filename]
        names = {file.filename for file in models}
        shipped = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("models/fallback/**/*")}
    assert {name.partition("_resources/")[2] for name in names} == {
        name for name in shipped if (ROOT / name).is_file()
    }
    assert sum(file.compress_size for file in models) <= MAX_MODEL_BYTES
