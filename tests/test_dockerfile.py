"""The Dockerfile: what it says, and its build steps as far as they go without a container engine.

There is no engine here: the base image is not fetched, and no image is built.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dockerfile_parse import DockerfileParser

from pipelines import __version__
from tests.conftest import SEEDS

ROOT = SEEDS.parent
PREFIX = "/opt/docsluice"


@pytest.fixture(scope="module")
def stages() -> list[list[tuple[str, str]]]:
    """Instruction and value, stage by stage; what is before the first FROM is left out."""
    parser = DockerfileParser(str(ROOT / "Dockerfile"), cache_content=True)
    found: list[list[tuple[str, str]]] = []
    for one in parser.structure:
        if one["instruction"] == "FROM":
            found.append([])
        if found and one["instruction"] != "COMMENT":
            found[-1].append((one["instruction"], one["value"]))
    return found


def values(stage: list[tuple[str, str]], instruction: str) -> list[str]:
    return [value for name, value in stage if name == instruction]


def test_the_linter_finds_no_fault() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_both_stages_have_the_same_pinned_base(stages: list[list[tuple[str, str]]]) -> None:
    assert [values(stage, "FROM") for stage in stages] == [
        ["python:${PYTHON} AS build"],
        ["python:${PYTHON} AS docsluice"],
    ]
    (version,) = re.findall(r"^ARG PYTHON=(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert re.fullmatch(r"3\.1[123]\.\d+-slim-\w+", version)


def test_the_command_runs_as_a_user_of_its_own(stages: list[list[tuple[str, str]]]) -> None:
    final = stages[-1]
    assert values(final, "ENTRYPOINT") == ['["docsluice"]']
    assert values(final, "USER") == ["10001:10001"]
    names = [name for name, _ in final]
    assert names.index("USER") > max(place for place, name in enumerate(names) if name == "RUN")


def test_the_final_stage_gets_the_installed_package_and_nothing_else(
    stages: list[list[tuple[str, str]]],
) -> None:
    assert values(stages[-1], "COPY") == [f"--from=build {PREFIX} {PREFIX}"]
    assert not re.search(r"apt-get|gcc|pip ", " ".join(values(stages[-1], "RUN")))


def test_no_package_index_is_named_and_everything_is_checked_against_its_hash(
    stages: list[list[tuple[str, str]]],
) -> None:
    installs = [run for run in values(stages[0], "RUN") if "pip install" in run]
    assert len(installs) == 2
    assert "--require-hashes --only-binary :all: --requirement constraints.txt" in installs[0]
    assert all("--no-deps" in run for run in installs)
    assert not re.search(r"https?://|--index|--trusted", (ROOT / "Dockerfile").read_text())


def test_labels_tell_version_and_licence(stages: list[list[tuple[str, str]]]) -> None:
    labels = " ".join(values(stages[-1], "LABEL"))
    assert f'org.opencontainers.image.version="{__version__}"' in labels
    assert 'org.opencontainers.image.licenses="Apache-2.0"' in labels


def sent(rules: list[str]) -> set[str]:
    """The files of the checkout that reach the build: as .dockerignore says, the last rule wins."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return {name for name in listed if (ROOT / name).is_file() and not _ignored(name, rules)}


def _ignored(name: str, rules: list[str]) -> bool:
    ignored = False
    for rule in rules:
        pattern = rule.removeprefix("!").rstrip("/").removeprefix("**/")
        parts = Path(name).parts
        starts = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
        candidates = (*starts, *parts) if "**/" in rule else starts
        if any(fnmatch.fnmatchcase(one, pattern) for one in candidates):
            ignored = not rule.startswith("!")
    return ignored


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with what the build is sent."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    directory = tmp_path_factory.mktemp("context")
    for name in sent(rules):
        target = directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    return directory


def test_the_build_is_sent_the_package_and_no_tests_secrets_or_stores(context: Path) -> None:
    assert {path.name for path in context.iterdir()} == {
        "LICENSE",
        "README.md",
        "config",
        "constraints.txt",
        "models",
        "pipelines",
        "pyproject.toml",
        "transforms",
    }
    assert {path.name for path in (context / "models").iterdir()} == {"README.md", "fallback"}


@pytest.fixture(scope="module")
def installed(
    stages: list[list[tuple[str, str]]], context: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The prefix after the steps of the build stage, with this Python and paths of the test's."""
    directory = tmp_path_factory.mktemp("image")
    prefix, source = directory / "prefix", directory / "source"
    source.mkdir()
    binaries = directory / "bin"
    binaries.mkdir()
    (binaries / "python").symlink_to(sys.executable)
    for instruction, value in stages[0]:
        if instruction == "COPY":
            names = value.split()
            assert names[-1] == "./"
            for name in names[:-1]:
                _copy(context / name, source)
        if instruction == "RUN":
            script = value.replace(PREFIX, str(prefix))
            done = subprocess.run(
                ["sh", "-ec", script],
                cwd=source,
                env=os.environ | {"PATH": f"{binaries}:{os.environ['PATH']}"},
                capture_output=True,
                text=True,
                timeout=500,
            )
            if done.returncode and "CI" not in os.environ:
                pytest.skip(f"NOT TESTED: the steps of the image: {done.stderr.strip()[-200:]}")
            assert done.returncode == 0, done.stderr
    return prefix


def _copy(what: Path, to: Path) -> None:
    if what.is_dir():
        shutil.copytree(what, to, dirs_exist_ok=True)
    else:
        shutil.copy(what, to)


def test_the_installed_package_runs_by_itself_with_the_environment_of_the_image(
    installed: Path, stages: list[list[tuple[str, str]]], tmp_path: Path
) -> None:
    environment = dict(re.findall(r"(\w+)=(\S+)", " ".join(values(stages[-1], "ENV"))))
    assert environment["PATH"] == f"{PREFIX}/bin:$PATH"
    environment["PATH"] = f"{installed}/bin:/usr/bin:/bin"
    for name in ("DOCSLUICE_STORE", "NUMBA_CACHE_DIR", "TMPDIR"):
        environment[name] = f"{tmp_path}{environment[name]}"
        Path(environment[name]).mkdir(parents=True)
    # A home that is not there is as little writable as one of a read-only image.
    environment["HOME"] = "/nonexistent"

    def docsluice(*arguments: str) -> str:
        done = subprocess.run(
            ["docsluice", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert docsluice("--version").strip() == f"docsluice {__version__}"
    assert "3 kept" in docsluice("run", str(SEEDS))
    assert list(Path(environment["NUMBA_CACHE_DIR"]).rglob("*.nbi"))
    assert "ships with docsluice" in docsluice("doctor")
    assert "Macron" in docsluice("search", "--entity", "Macron", "--label", "PER")
