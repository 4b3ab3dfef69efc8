"""Whatever is wrong with a call is said in one line, before anything is done."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Docsluice = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a document."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "good.txt").write_text("A good text of a few words.")
    return folder


def assert_one_line(done: subprocess.CompletedProcess[str], code: int, words: str) -> None:
    """The command failed in words: one line on stderr, nothing on stdout."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("docsluice: ")
    assert words in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing"], "source not found: missing"),
        (["folder", "missing"], "source not found: missing"),
        (["folder/*.doc"], "no file matches folder/*.doc"),
        (["ftp://example.org/x"], "ftp://example.org/x: no filesystem for ftp://"),
        ([], "name at least one source"),
        ([""], "a source is empty: "),
        (["folder", "--workers", "0"], "workers: "),
        (["folder", "--format", "docx"], "format: "),
        (["folder", "--encoding", "latin-99"], "no encoding is called 'latin-99'"),
        (["folder", "--min-quality", "splendid"], "no level or flag splendid"),
        (["folder", "--duplicates", "perhaps"], "duplicates: "),
        (["folder", "--similarity-threshold", "1.5"], "similarity_threshold: "),
        (["folder", "--model", "fr"], "--model takes LANG=NAME"),
        (["folder", "--model", "fr=not_there"], "python -m spacy download not_there"),
        (["folder", "--runner", "nonsense"], "no runner 'nonsense'; take direct, prism"),
        (["folder", "--runner-option", "a=b"], "the direct runner takes --workers"),
        (["folder", "--runner-option", "foo"], "runner_options: 'foo' is not NAME=VALUE"),
        (
            ["folder", "--runner", "prism", "--runner-option", "job_endpont=a:1"],
            "no runner option 'job_endpont'; did you mean job_endpoint?",
        ),
        (["folder", "--config", "none.yaml"], "no configuration file at none.yaml"),
        (["folder", "--config", "unknown.yaml"], "there is no setting 'stoer'"),
        (["folder", "--config", "broken.yaml"], "cannot read broken.yaml: "),
        (["folder", "--config", "list.yaml"], "cannot read list.yaml: it must hold settings"),
        (["folder", "--config", "folder"], "cannot read folder: "),
        (["folder", "--store", "folder/good.txt"], "store: folder/good.txt is a file"),
        (["folder", "--store", "/proc/store"], "cannot write to the store /proc/store"),
    ],
    ids=str,
)
def test_wrong_usage_is_one_line_and_leaves_nothing(
    docsluice: Docsluice, folder: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    (tmp_path / "unknown.yaml").write_text("stoer: here\n")
    (tmp_path / "broken.yaml").write_text("store: [\n")
    (tmp_path / "list.yaml").write_text("- store\n")
    assert_one_line(docsluice("run", *arguments), 2, words)
    assert not list(tmp_path.glob("store/*/run=*"))


@pytest.mark.parametrize(
    "command", [["schedule", "--every", "1h"], ["watch"], ["stream"]], ids=lambda words: words[0]
)
def test_an_empty_source_is_refused_by_whatever_takes_sources(
    docsluice: Docsluice, command: list[str]
) -> None:
    assert_one_line(docsluice(*command, ""), 2, "a source is empty: ")


def test_a_wrong_environment_is_one_line(docsluice: Docsluice, folder: Path) -> None:
    done = docsluice("run", folder, env={"DOCSLUICE_WORKERS": "many"})
    assert_one_line(done, 2, "workers: ")


@pytest.mark.parametrize("arguments", [["run", "folder", "--wrokers", "2"], ["rum"]])
def test_an_option_or_command_that_does_not_exist(
    docsluice: Docsluice, folder: Path, arguments: list[str]
) -> None:
    done = docsluice(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [["status"], ["report"], ["explain", "x"], ["search", "x"]])
def test_a_store_that_is_not_there_is_one_line(
    docsluice: Docsluice, tmp_path: Path, command: list[str]
) -> None:
    done = docsluice(*command, "--store", "nowhere")
    assert_one_line(done, done.returncode, "nowhere")
    assert done.returncode in (2, 3)
    assert not (tmp_path / "nowhere").exists()


def test_a_store_with_a_damaged_manifest_or_index(
    docsluice: Docsluice, folder: Path, tmp_path: Path
) -> None:
    runs = tmp_path / "store" / "runs"
    runs.mkdir(parents=True)
    (runs / "000001-x.json").write_text("{")
    assert_one_line(
        docsluice("run", folder, "--no-entities", "--index", "none"), 3, "000001-x.json is damaged"
    )
    (runs / "000001-x.json").unlink()
    (tmp_path / "store" / "search.db").write_text("no database" * 1000)
    assert_one_line(docsluice("run", folder), 3, "search.db is damaged")


def test_a_second_writer_is_turned_away(docsluice: Docsluice, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    code = "import sys, time; from pipelines.lock import writer_lock\n"
    code += "with writer_lock(sys.argv[1]): print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "store"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        done = docsluice("run", folder, "--store", "store", "--no-entities", "--index", "none")
        assert_one_line(done, 3, f"process {holder.pid}")
        holder.communicate()
