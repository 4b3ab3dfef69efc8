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
import tempfile
from pathlib import Path

import pytest
from dockerfile_parse import DockerfileParser

from pipelines import __version__
from tests.conftest import SEEDS
from tests.integration.servers import UnavailableError, in_continuous_integration
from tests.integration.servers.distribution import alone, cached
from tests.integration.servers.elasticsearch import free_port
from tests.integration.servers.go import go
from tests.integration.servers.prism import VERSION, prism_binary

ROOT = SEEDS.parent
PREFIX = "/opt/docsluice"


Stage = list[tuple[str, str]]


@pytest.fixture(scope="module")
def stages() -> dict[str, Stage]:
    """Instructions and values of each stage by its name; what is before the first is left out."""
    parser = DockerfileParser(str(ROOT / "Dockerfile"), cache_content=True)
    found: dict[str, Stage] = {}
    for one in parser.structure:
        if one["instruction"] == "FROM":
            stage = found[one["value"].split()[-1]] = []
        if found and one["instruction"] != "COMMENT":
            stage.append((one["instruction"], one["value"]))
    return found


def values(stage: Stage, instruction: str) -> list[str]:
    return [value for name, value in stage if name == instruction]


def argument(name: str) -> str:
    """What an argument before the first FROM is by default."""
    (value,) = re.findall(rf"^ARG {name}=(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    return value


def test_the_linter_finds_no_fault() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_build_and_both_images_have_the_same_pinned_base(stages: dict[str, Stage]) -> None:
    assert [values(stage, "FROM")[0] for name, stage in stages.items() if name != "beam"] == [
        "python:${PYTHON} AS build",
        "python:${PYTHON} AS runtime",
        "runtime AS worker",
        "runtime AS docsluice",
    ]
    assert re.fullmatch(r"3\.1[123]\.\d+-slim-\w+", argument("PYTHON"))


def test_the_image_that_is_built_when_none_is_named_is_that_of_the_command(
    stages: dict[str, Stage],
) -> None:
    assert list(stages)[-1] == "docsluice"
    assert values(stages["docsluice"], "ENTRYPOINT") == ['["docsluice"]']


def test_workers_start_as_beams_own_of_the_version_and_python_of_the_driver(
    stages: dict[str, Stage],
) -> None:
    minor = argument("PYTHON").rsplit(".", 1)[0]
    assert values(stages["beam"], "FROM") == [f"apache/beam_python{minor}_sdk:${{BEAM}} AS beam"]
    (pinned,) = re.findall(
        r"^apache-beam==(\S+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE
    )
    assert argument("BEAM") == pinned
    assert values(stages["worker"], "COPY") == ["--from=beam /opt/apache/beam /opt/apache/beam"]
    assert values(stages["worker"], "ENTRYPOINT") == ['["/opt/apache/beam/boot"]']


@pytest.mark.parametrize("name", ["worker", "docsluice"])
def test_both_images_run_as_a_user_of_its_own_and_change_nothing_as_root(
    stages: dict[str, Stage], name: str
) -> None:
    assert values(stages[name], "USER") == ["10001:10001"]
    assert not values(stages[name], "RUN")


def test_both_images_have_the_installed_package_and_no_compiler(stages: dict[str, Stage]) -> None:
    assert values(stages["runtime"], "COPY") == [f"--from=build {PREFIX} {PREFIX}"]
    assert not re.search(r"apt-get|gcc|pip ", " ".join(values(stages["runtime"], "RUN")))


def test_no_package_index_is_named_and_everything_is_checked_against_its_hash(
    stages: dict[str, Stage],
) -> None:
    installs = [run for run in values(stages["build"], "RUN") if "pip install" in run]
    assert len(installs) == 2
    assert "--require-hashes --only-binary :all: --requirement constraints.txt" in installs[0]
    assert all("--no-deps" in run for run in installs)
    assert not re.search(r"https?://|--index|--trusted", (ROOT / "Dockerfile").read_text())


def test_labels_tell_version_and_licence(stages: dict[str, Stage]) -> None:
    labels = " ".join(values(stages["runtime"], "LABEL"))
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
    stages: dict[str, Stage], context: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The prefix after the steps of the build stage, with this Python and paths of the test's."""
    directory = tmp_path_factory.mktemp("image")
    prefix, source = directory / "prefix", directory / "source"
    source.mkdir()
    binaries = directory / "bin"
    binaries.mkdir()
    (binaries / "python").symlink_to(sys.executable)
    for instruction, value in stages["build"]:
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


def environment_of(
    image: str, stages: dict[str, Stage], installed: Path, at: Path
) -> dict[str, str]:
    """What an image sets, with paths below ``at`` in place of those that it may write to."""
    set_ = " ".join(values(stages["runtime"], "ENV") + values(stages[image], "ENV"))
    environment = dict(re.findall(r"(\w+)=(\S+)", set_))
    assert environment["PATH"] == f"{PREFIX}/bin:$PATH"
    environment["PATH"] = f"{installed}/bin:/usr/bin:/bin"
    for name in ("DOCSLUICE_STORE", "NUMBA_CACHE_DIR", "TMPDIR"):
        environment[name] = f"{at}{environment[name]}"
        Path(environment[name]).mkdir(parents=True, exist_ok=True)
    # A home that is not there is as little writable as one of a read-only image.
    return environment | {"HOME": "/nonexistent"}


def call(environment: dict[str, str], at: Path, *arguments: str) -> str:
    """Call ``docsluice`` as the image has it, to success."""
    done = subprocess.run(
        ["docsluice", *arguments],
        cwd=at,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_installed_package_runs_by_itself_with_the_environment_of_the_image(
    installed: Path, stages: dict[str, Stage], tmp_path: Path
) -> None:
    environment = environment_of("docsluice", stages, installed, tmp_path)
    assert call(environment, tmp_path, "--version").strip() == f"docsluice {__version__}"
    assert "3 kept" in call(environment, tmp_path, "run", str(SEEDS))
    assert list(Path(environment["NUMBA_CACHE_DIR"]).rglob("*.nbi"))
    assert "ships with docsluice" in call(environment, tmp_path, "doctor")
    assert "Macron" in call(environment, tmp_path, "search", "--entity", "Macron", "--label", "PER")


@pytest.fixture(scope="module")
def boot() -> Path:
    """Beam's entry point of a worker, built from the Go module that Prism is built from."""
    program = cached(f"beam-boot-{VERSION}")
    with alone(program):
        if not program.exists():
            with tempfile.TemporaryDirectory(dir=program.parent) as directory:
                workplace = Path(directory)
                package = f"github.com/apache/beam/sdks/v2/python/container@{VERSION}"
                go(
                    "install",
                    package,
                    workplace=workplace,
                    cwd=workplace,
                    what="Beam's entry point",
                )
                (workplace / "container").rename(program)
    return program


def test_workers_as_in_the_image_do_the_work_of_a_run(
    installed: Path, stages: dict[str, Stage], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The pool is started as ``boot --worker_pool`` does, but for its port and the path of boot."""
    try:
        program, prism = request.getfixturevalue("boot"), prism_binary()
    except UnavailableError as error:
        if in_continuous_integration():
            raise
        pytest.skip(f"NOT TESTED: the workers of the image: {error}")
    environment = environment_of("worker", stages, installed, tmp_path)
    (stands_in,) = values(stages["worker"], "WORKDIR")
    place = Path(f"{tmp_path}{stands_in}")
    port = free_port()
    pool = ["-m", "apache_beam.runners.worker.worker_pool_main"]
    pool += [f"--service_port={port}", f"--container_executable={program}"]
    with (
        (tmp_path / "pool.log").open("w") as log,
        subprocess.Popen(
            [installed / "bin/python", *pool], cwd=place, env=environment, stdout=log, stderr=log
        ) as process,
    ):
        try:
            options = [
                f"prism_location={prism}", "environment_type=EXTERNAL",
                f"environment_config=localhost:{port}",
            ]  # fmt: skip
            given = [word for option in options for word in ("--runner-option", option)]
            out = call(
                environment_of("docsluice", stages, installed, tmp_path), tmp_path,
                "run", str(SEEDS), "--runner", "prism", *given,
            )  # fmt: skip
        finally:
            process.terminate()
            process.wait(60)
    written = (tmp_path / "pool.log").read_text()
    assert "3 kept" in out
    assert f"Starting worker with command ['{program}'" in written
    assert (place / "pipeline_options.json").exists()
