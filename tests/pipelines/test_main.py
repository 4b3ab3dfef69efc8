"""Tests of ``pipelines.__main__``, where the ``docsluice`` command begins."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pipelines.__main__ import main

INTERRUPTED = """
import sys

class CtrlC:
    def find_spec(self, name, *_):
        if name == "{module}":
            raise KeyboardInterrupt

sys.meta_path.insert(0, CtrlC())
from pipelines.__main__ import main
main()
"""


@pytest.mark.parametrize("module", ["pipelines.cli", "pipelines.cli_run", "typer"])
def test_ctrl_c_while_modules_are_loaded_ends_the_command_without_a_word(module: str) -> None:
    interrupted = INTERRUPTED.replace("{module}", module)
    done = subprocess.run([sys.executable, "-c", interrupted], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_ctrl_c_while_the_command_is_built_ends_it_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(**_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipelines.cli.app", interrupted)
    with pytest.raises(SystemExit, match=r"^130$"):
        main()
    assert capsys.readouterr() == ("", "")


def test_the_command_begins_there_as_well() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))[
        "project"
    ]
    assert project["scripts"] == {"docsluice": "pipelines.__main__:main"}
