"""The documentation: its examples are run, its outputs compared, its tables held to the code.

In Markdown, ``<!-- test -->`` on the line before a fenced block has it run: ``sh`` by bash,
``python`` by this Python, ``sql`` by DuckDB, ``yaml`` loaded as settings. ``<!-- output -->``
before a block compares it with what the block before has printed: the pieces between ``…`` must
stand there in this order, whatever the blanks.

All pages share a directory with ``seeds/`` and the store that ``docsluice run seeds`` made of it;
the blocks of a page are run one after the other, as a reader would.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import duckdb
import pyarrow as pa
import pytest
import typer
import yaml

from pipelines.cli import app
from pipelines.settings import Settings, load
from tests.conftest import SEEDS
from transforms.document import LEDGER_SCHEMA, SCHEMA, OutcomeName
from transforms.entities import ENTITIES_FAILED, NO_ENTITY_MODEL
from transforms.language import LANGUAGES, MIXED_LANGUAGE
from transforms.model_packages import catalogue
from transforms.quality import FLAGS, LEVELS
from transforms.read.fields import DETECT, resolve
from transforms.read.kinds import KINDS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.glob("*.md")))

_BLOCK = re.compile(
    r"^<!-- (?P<mark>test|output)(?:: [\w ]+)? -->\n```(?P<kind>\w+)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(#[^)\s]*)?\)")


@dataclass(frozen=True)
class Example:
    """A block to run, and the outputs that the page says it has."""

    line: int
    kind: str
    body: str
    outputs: tuple[str, ...]


def examples(page: str) -> Iterator[Example]:
    """The marked blocks of a page, each with the outputs that follow it."""
    found = list(_BLOCK.finditer(page))
    for place, block in enumerate(found):
        if block["mark"] == "output":
            assert place, "an output comes before every example"
            continue
        outputs = []
        for following in found[place + 1 :]:
            if following["mark"] == "test":
                break
            outputs.append(following["body"])
        line = page.count("\n", 0, block.start("body")) + 1
        yield Example(line, block["kind"], block["body"], tuple(outputs))


def missing_piece(shown: str, printed: str) -> str | None:
    """The first piece between ``…`` of what is shown that was not printed, in this order."""
    printed = " ".join(printed.split())
    place = 0
    for piece in (" ".join(piece.split()) for piece in shown.split("…")):
        found = printed.find(piece, place)
        if found < 0:
            return piece
        place = found + len(piece)
    return None


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reader's directory: the seeds, their store, and ``docsluice`` on the path."""
    directory = tmp_path_factory.mktemp("reader")
    (directory / "seeds").mkdir()
    for seed in SEEDS.iterdir():
        (directory / "seeds" / seed.name).write_bytes(seed.read_bytes())
    command = directory / ".bin" / "docsluice"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pipelines "$@"\n')
    command.chmod(0o755)
    run_shell("docsluice run seeds --quiet", directory)
    return directory


def environment(directory: Path) -> dict[str, str]:
    """The variables under which examples run: no settings, a terminal of 100 columns."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("DOCSLUICE_")}
    paths = [str(directory / ".bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
    return inherited | {
        "PATH": os.pathsep.join(paths),
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "100",
    }


def run_shell(script: str, directory: Path) -> str:
    return run_process(["bash", "-euo", "pipefail", "-c", script], directory)


def run_process(command: list[str], directory: Path) -> str:
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        cwd=directory,
        env=environment(directory),
    )
    assert done.returncode == 0, f"exit code {done.returncode}:\n{done.stdout}"
    return done.stdout


def run_sql(script: str, connection: duckdb.DuckDBPyConnection) -> str:
    results = [connection.sql(query) for query in script.split(";") if query.strip()]
    return "\n".join(str(result) for result in results if result is not None)


def load_settings(text: str, directory: Path) -> str:
    file = directory / "example.yaml"
    file.write_text(text)
    load({}, file)
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_of_a_page_work_and_print_what_it_shows(
    page: Path, reader: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(reader)
    with duckdb.connect() as connection:
        for example in examples(page.read_text()):
            where = f"{page.name}, line {example.line}"
            try:
                match example.kind:
                    case "sh":
                        printed = run_shell(example.body, reader)
                    case "python":
                        printed = run_process([sys.executable, "-c", example.body], reader)
                    case "sql":
                        printed = run_sql(example.body, connection)
                    case "yaml":
                        printed = load_settings(example.body, reader)
                    case other:
                        pytest.fail(f"{where}: there is no way to test {other}")
            except Exception as error:
                pytest.fail(f"{where} does not work: {error}")
            for shown in example.outputs:
                missing = missing_piece(shown, printed)
                assert missing is None, f"{where} did not print {missing!r} but:\n{printed}"


def test_every_marker_stands_before_a_block_of_a_known_kind() -> None:
    for page in PAGES:
        text = page.read_text()
        assert len(re.findall(r"^\s*<!-- (?:test|output)", text, re.MULTILINE)) == len(
            _BLOCK.findall(text)
        ), page.name


@pytest.mark.parametrize(
    ("shown", "printed", "missing"),
    [
        ("a … c\n", "a  b\n c", None),
        ("c … a\n", "a b c", "a"),
        ("a b", "a c", "a b"),
        ("… b", "a\nb", None),
    ],
)
def test_shown_outputs_are_compared_piece_by_piece(
    shown: str, printed: str, missing: str | None
) -> None:
    assert missing_piece(shown, printed) == missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for path, anchor in _LINK.findall(page.read_text()):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {path}"
        if anchor:
            assert anchor[1:] in headings(target.read_text()), f"{page.name} links to {anchor}"


def headings(page: str) -> set[str]:
    """The anchors that a page has, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def rows(page: str) -> dict[str, list[str]]:
    """The table rows of a page that begin with a name in code: name to its other cells."""
    found = re.findall(r"^\| `([^`]+)` \|(.*)\|$", (DOCS / page).read_text(), re.MULTILINE)
    return {name: [cell.strip() for cell in rest.split("|")] for name, rest in found}


def test_every_quality_flag_is_explained_with_the_level_that_rejects_it() -> None:
    described = rows("cleaning.md")
    for flag in FLAGS:
        first = next((level for level in LEVELS if flag in LEVELS[level]), None)
        assert described[flag][-1] == (f"`{first}`" if first else "–"), flag
    for flag in (MIXED_LANGUAGE, NO_ENTITY_MODEL, ENTITIES_FAILED):
        assert flag in described
        assert flag in rows("entities.md")


@pytest.mark.parametrize("schema", [SCHEMA, LEDGER_SCHEMA], ids=["documents", "ledger"])
def test_every_column_is_explained_with_its_type(schema: pa.Schema) -> None:
    heading = "Documents" if schema is SCHEMA else "Ledger"
    section = (DOCS / "store.md").read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    described = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", section, re.MULTILINE))
    names = [name for name in described if name not in get_args(OutcomeName)]
    assert names == schema.names
    for field in schema:
        if not pa.types.is_nested(field.type):
            assert described[field.name] == str(field.type), field.name


def test_every_setting_is_explained() -> None:
    table = (DOCS / "command-line.md").read_text()
    for name in Settings.model_fields:
        assert re.search(rf"^\| `[^|]+ \| `{name}` \|", table, re.MULTILINE), name


def test_the_example_of_all_settings_names_each_with_its_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("DOCSLUICE_")]:
        monkeypatch.delenv(name)
    page = (DOCS / "command-line.md").read_text()
    example = page.split("<!-- test: all settings -->\n```yaml\n")[1].split("```")[0]
    assert set(yaml.safe_load(example)) == set(Settings.model_fields)
    file = tmp_path / "all.yaml"
    file.write_text(example)
    assert load({}, file).model_dump() == load({"sources": ["seeds"]}).model_dump()


def test_every_command_and_option_is_named() -> None:
    page = (DOCS / "command-line.md").read_text()
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for name, command in commands.items():
        assert f"\n## {name}\n" in page
        for option in command.params:
            for spelling in option.opts + option.secondary_opts:
                if spelling.startswith("--"):
                    assert f"`{spelling}" in page, f"{name} {spelling}"


def test_kinds_fields_and_languages_are_those_of_the_code() -> None:
    assert set(KINDS) <= set(rows("sources.md"))
    sources = (DOCS / "sources.md").read_text()
    table = re.findall(r"^\| \w+ \| `--(\w+)-field` \| (.+) \|$", sources, re.MULTILINE)
    assert len(table) == 5
    for field, names in table:
        shown = re.findall(r"`(\w+)`", names)
        assert getattr(resolve(DETECT, tuple(shown)), field) == tuple(shown)
    entities = (DOCS / "entities.md").read_text()
    listed = entities.split("can come out:\n")[1].split(", and")[0]
    assert re.findall(r"`(\w+)`", listed) == list(LANGUAGES)
    unread = re.search(r"cannot read the scripts of ([^.]+)\.", entities)
    assert unread
    assert set(re.findall(r"`(\w+)`", unread[1])) == catalogue().unserved
