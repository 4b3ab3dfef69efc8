from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines.prism import PrismError, find_prism, prism_here, prism_server


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script of Prism's name, which is all of the path, and shows the help of Beam's."""
    path = tmp_path / "bin" / "prism"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\necho '  -job_port int'\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(path.parent))
    monkeypatch.delenv("PRISM", raising=False)
    return path


def test_what_is_named_goes_before_what_the_variable_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "other"):
        (tmp_path / name).touch()
    monkeypatch.setenv("PRISM", str(tmp_path / "other"))
    assert find_prism(str(tmp_path / "one")) == str(tmp_path / "one")
    assert find_prism(None) == str(tmp_path / "other")


def test_beams_prism_on_the_path_is_taken(program: Path) -> None:
    assert find_prism(None) == str(program)


@pytest.mark.parametrize("variable", [True, False])
def test_a_name_of_nothing_is_said(variable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if variable:
        monkeypatch.setenv("PRISM", "/no/such/prism")
    with pytest.raises(PrismError, match="there is no Prism at /no/such/prism"):
        find_prism(None if variable else "/no/such/prism")


@pytest.mark.parametrize("script", ["#!/bin/sh\necho 'mock servers'\n", "no program at all"])
def test_another_program_of_that_name_is_not_taken(
    program: Path, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.write_text(script)
    # A proxy that nothing listens at: the download fails wherever the tests run.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setattr(
        "apache_beam.runners.portability.prism_runner.PrismJobServer.BIN_CACHE",
        str(program.parent / "cache"),
    )
    with pytest.raises(PrismError, match=r"cannot be downloaded \(.*go install .*@v2.* PRISM"):
        find_prism(None)


def test_a_look_finds_what_is_installed_or_was_downloaded_and_downloads_nothing(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apache_beam.version import __version__ as version

    cache = tmp_path / "cache"
    monkeypatch.setattr(
        "apache_beam.runners.portability.prism_runner.PrismJobServer.BIN_CACHE", str(cache)
    )
    assert prism_here(None) == str(program)
    program.unlink()
    assert prism_here(None) is None
    assert not cache.exists()
    cache.mkdir()
    (cache / "apache_beam-v2.0.0-prism-linux-amd64").touch()  # of another version
    (cache / f"apache_beam-v{version}-prism-linux-amd64.zip.tmp").touch()  # not whole
    assert prism_here(None) is None
    (cache / f"apache_beam-v{version}-prism-linux-amd64").touch()
    assert prism_here(None) == str(cache / f"apache_beam-v{version}-prism-linux-amd64")


def test_a_program_that_ends_at_once_is_quoted(program: Path) -> None:
    program.write_text("#!/bin/sh\necho 'no such option' >&2\nexit 3\n")
    with (
        pytest.raises(PrismError, match="does not start as Prism: no such option"),
        prism_server(str(program)),
    ):
        pass


def test_the_path_of_a_program_that_may_not_run_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "prism"
    path.touch()
    assert not os.access(path, os.X_OK)
    with pytest.raises(PrismError, match="does not start"), prism_server(str(path)):
        pass
