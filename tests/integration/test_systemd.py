"""The units for systemd, checked by systemd itself."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.service import PATIENCE
from tests.integration.servers import in_continuous_integration

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "config" / "systemd").iterdir())


def analyze(*arguments: object) -> str:
    """What systemd-analyze says; the test is skipped where there is none."""
    if not shutil.which("systemd-analyze"):
        if in_continuous_integration():
            pytest.fail("systemd-analyze is not installed (package systemd)")
        pytest.skip("systemd-analyze is not installed (package systemd)")
    done = subprocess.run(
        ["systemd-analyze", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units, with a command that is there."""
    for unit in UNITS:
        text = unit.read_text().replace("/opt/docsluice/bin/docsluice", sys.executable)
        (tmp_path / unit.name).write_text(text)
    return sorted(tmp_path.iterdir())


def test_systemd_has_nothing_to_say_against_the_units(units: list[Path]) -> None:
    assert len(units) == 3
    assert analyze("verify", "--man=no", *units) == ""


@pytest.mark.parametrize("name", ["docsluice.service", "docsluice-run.service"])
def test_the_services_may_do_little(units: list[Path], name: str) -> None:
    (unit,) = (unit for unit in units if unit.name == name)
    said = analyze("security", "--offline=true", "--no-pager", unit)
    exposure = re.search(r"Overall exposure level for .*: (\d+\.\d+)", said)
    assert exposure
    assert float(exposure[1]) < 2.5


def test_the_documentation_shows_the_unit_as_it_is() -> None:
    shown = (ROOT / "docs" / "schedule.md").read_text().split("```ini\n")[1].split("```")[0]
    assert shown == (ROOT / "config" / "systemd" / "docsluice.service").read_text()


def test_systemd_waits_longer_than_the_scheduler_needs_to_stop() -> None:
    unit = (ROOT / "config" / "systemd" / "docsluice.service").read_text()
    stop = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert stop
    assert int(stop[1]) >= 60 + PATIENCE + 10
