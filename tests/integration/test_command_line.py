"""The command as a user meets it, on the sample documents."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines import __version__
from tests.integration.command import docsluice

SEEDS = Path(__file__).parents[2] / "seeds"
CYBER, CHARTER, ELECTION = sorted(path.name for path in SEEDS.iterdir())
COMMANDS = [
    "run",
    "schedule",
    "watch",
    "stream",
    "reconcile",
    "search",
    "serve",
    "explain",
    "status",
    "report",
    "reindex",
    "verify",
    "compact",
    "provision",
    "doctor",
    "dead-letters",
    "models",
]
TITLE = "La Charte d'un Internet ouvert, libre et sûr est prévue pour lundi"

Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which the seeds, and two records from the web, were ingested into ./store."""
    directory = tmp_path_factory.mktemp("directory")
    records = [
        {
            "url": "https://example.org/a?b=1",
            "text": "The mill on the river  grinds corn by night.",
        },
        {"url": "https://example.org/copy", "text": "the mill on the river grinds CORN by night."},
        {"url": "https://example.org/empty", "text": " "},
    ]
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (directory / "web.jsonl").write_text(lines + "no json\n")
    done = docsluice("run", SEEDS, "web.jsonl", "--quiet", cwd=directory)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return directory


@pytest.fixture(scope="module")
def call(directory: Path) -> Call:
    """Runs the command in that directory, where it must end well and say nothing on stderr."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        done = docsluice(*arguments, cwd=directory)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done

    return run


@pytest.fixture(scope="module")
def published(directory: Path) -> dict[str, dict]:
    """The published seeds by file name."""
    tables = [pq.read_table(path) for path in directory.glob("store/documents/*/*.parquet")]
    rows = [row for table in tables for row in table.to_pylist()]
    return {row["source"].rsplit("/", 1)[1]: row for row in rows if "#" not in row["source"]}


def found(done: subprocess.CompletedProcess[str]) -> set[str]:
    """Names of the files of the hits of a search."""
    return {hit["source"].rsplit("/", 1)[1] for hit in json.loads(done.stdout)["hits"]}


def test_help_lists_the_commands_there_are(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    started = time.monotonic()
    done = call("--help")
    with capsys.disabled():
        sys.stdout.write(f"\ndocsluice --help took {time.monotonic() - started:.2f} s\n")
    listed = done.stdout.partition("Commands:\n")[2]
    assert re.findall(r"^  (\w\S*)", listed, re.MULTILINE) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(call: Call, command: str) -> None:
    shown = call(command, "--help").stdout
    assert shown.startswith(f"Usage: docsluice {command} ")
    assert ("--store" in shown) == (command not in ("dead-letters", "models"))
    assert call(command, "-h").stdout == shown


def test_version(call: Call) -> None:
    assert call("--version").stdout == f"docsluice {__version__}\n"


def test_the_seeds_are_told_apart_by_language(published: dict[str, dict]) -> None:
    languages = {name: row["language"] for name, row in published.items()}
    assert languages == {CYBER: "en", CHARTER: "fr", ELECTION: "en"}


def test_the_names_in_a_seed_are_found(published: dict[str, dict]) -> None:
    names = {(entity["text"], entity["label"]) for entity in published[CYBER]["entities"]}
    for name, label in (("Macron", "PER"), ("Trump", "PER"), ("Facebook", "ORG"), ("Paris", "LOC")):
        assert any(text.endswith(name) and of == label for text, of in names), (name, label)


def test_entities_are_where_they_say(published: dict[str, dict]) -> None:
    for row in published.values():
        assert row["entities"]
        for entity in row["entities"]:
            assert row["text"][entity["start"] : entity["end"]] == entity["text"]


def test_titles_and_image_credits_leave_the_text(published: dict[str, dict]) -> None:
    assert published[CHARTER]["title"] == TITLE
    assert (SEEDS / CHARTER).read_text().count(TITLE) == 3
    assert TITLE not in published[CHARTER]["text"]
    assert "Featured image" in (SEEDS / CYBER).read_text()
    assert "Featured image" not in published[CYBER]["text"]
    assert published[CYBER]["text"].rstrip().endswith("is as corrupt as they come.")


def test_search_finds_exactly_the_documents_with_the_word(call: Call) -> None:
    having = {path.name for path in SEEDS.iterdir() if "Macron" in path.read_text()}
    assert having == {CYBER, ELECTION}
    assert found(call("search", "Macron", "--json")) == having
    assert found(call("search", "Macron", "--language", "fr", "--json")) == set()
    shown = call("search", "Macron").stdout
    assert "2 documents in " in shown
    assert all(name in shown for name in having)
    assert CHARTER not in shown


def test_search_matches_are_where_they_say(call: Call) -> None:
    for hit in json.loads(call("search", "réseaux sociaux", "--json").stdout)["hits"]:
        assert hit["matches"]
        for start, end in hit["matches"]:
            assert hit["snippet"][start:end].lower() in ("réseaux", "sociaux")


def test_search_by_entity(call: Call, published: dict[str, dict]) -> None:
    having = {
        name
        for name, row in published.items()
        if any(entity["text"].endswith("Macron") for entity in row["entities"])
    }
    assert found(call("search", "--entity", "Macron", "--json")) == having == {CYBER, ELECTION}
    assert found(call("search", "--entity", "Biarritz", "--label", "loc", "--json")) == {CHARTER}


def test_explain_tells_a_story_by_any_name(
    call: Call, published: dict[str, dict], directory: Path
) -> None:
    row = published[CHARTER]
    story = call("explain", CHARTER).stdout
    for part in (row["source"], row["id"], "kept", TITLE, "fr (confidence", "Biarritz LOC"):
        assert part in story
    for name in (row["id"], SEEDS / CHARTER, row["source"], f"seeds/{CHARTER}"):
        assert call("explain", name).stdout == story
    (told,) = json.loads(call("explain", CHARTER, "--json").stdout)
    assert told["rows"][0]["document"]["title"] == TITLE
    assert told["rows"][0]["document"]["word_count"] == row["word_count"]


def test_explain_by_address_and_of_what_was_not_kept(call: Call) -> None:
    (story,) = json.loads(call("explain", "https://example.org/a?b=1", "--json").stdout)
    assert story["source"].endswith("web.jsonl#L1")
    assert "web.jsonl#L1" in call("explain", "https://example.org/a?b=1").stdout
    rows = {
        told["source"].rsplit("#", 1)[1]: told["rows"][0]
        for told in json.loads(call("explain", "web.jsonl", "--json").stdout)
    }
    outcomes = {key: row["outcome"] for key, row in rows.items()}
    assert outcomes == {"L1": "kept", "L2": "duplicate", "L3": "rejected", "L4": "failed"}
    assert rows["L2"]["canonical"] == story["source"]
    shown = call("explain", "web.jsonl#L2").stdout
    assert "duplicate" in shown
    assert story["source"] in shown


def test_explain_of_an_unknown_document_is_one_line(directory: Path) -> None:
    done = docsluice("explain", "unknown.txt", cwd=directory)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("docsluice: no run of store has seen 'unknown.txt'")
    assert done.stderr.count("\n") == 1


def test_status_and_report_agree_with_the_store(call: Call, published: dict[str, dict]) -> None:
    outcomes = {"kept": 4, "duplicate": 1, "rejected": 1, "failed": 1}
    status = json.loads(call("status", "--json").stdout)
    assert status["outcomes"] == outcomes
    assert status["languages"] == {"en": 3, "fr": 1}
    assert status["index"] == {"documents": 4, "missing_runs": 0}
    assert len(status["runs"]) == 1
    assert "4 documents published" in call("status").stdout
    report = json.loads(call("report", "--json").stdout)
    assert report["outcomes"] == outcomes
    reasons = {row["outcome"]: row["reason"] for row in report["reasons"]}
    assert reasons["duplicate"] == "same text"
    shown = call("report", "--run", status["runs"][0]["run_id"]).stdout
    assert all(f"{outcome}: {number}" in shown for outcome, number in outcomes.items())


def test_doctor_finds_this_installation_well(call: Call) -> None:
    findings = json.loads(call("doctor", "--json").stdout)
    assert all(finding["well"] for finding in findings)
    assert {"spacy", "SQLite", "store", "entities"} <= {finding["subject"] for finding in findings}
    assert "fail" not in call("doctor").stdout


def test_a_second_run_says_that_there_is_nothing_new(call: Call, directory: Path) -> None:
    index = (directory / "store" / "search.db").read_bytes()
    shown = call("run", SEEDS, "web.jsonl").stdout
    assert "Nothing new: 4 files unchanged." in shown
    summary = json.loads(call("run", SEEDS, "web.jsonl", "--json").stdout)
    assert (summary["run_id"], summary["unchanged"]) == (None, 4)
    assert (directory / "store" / "search.db").read_bytes() == index


def test_run_shows_each_document_and_how_to_go_on(tmp_path: Path) -> None:
    done = docsluice("run", SEEDS, cwd=tmp_path, env={"COLUMNS": "160"})
    assert (done.returncode, done.stderr) == (0, "")
    for name in (CYBER, CHARTER, ELECTION):
        (line,) = [line for line in done.stdout.splitlines() if name in line]
        assert " kept " in line
    assert "3 kept" in done.stdout
    assert "Parquet: store/documents" in done.stdout
    assert "docsluice search" in done.stdout


def test_settings_come_from_flags_before_environment_before_file(directory: Path) -> None:
    (directory / "here.yaml").write_text(
        "store: from-file\nsources: [web.jsonl]\nentities: false\n"
    )
    environment = {"DOCSLUICE_STORE": "from-environment"}
    done = docsluice("run", "--config", "here.yaml", "-q", cwd=directory, env=environment)
    assert done.returncode == 0, done.stderr
    assert (directory / "from-environment" / "runs").is_dir()
    docsluice("run", "--config", "here.yaml", "-q", "-o", "flag", cwd=directory, env=environment)
    assert (directory / "flag" / "runs").is_dir()
    assert not (directory / "from-file").exists()


def test_reindex_makes_the_same_index_again(call: Call, directory: Path) -> None:
    before = call("search", "Macron", "--json").stdout
    (directory / "store" / "search.db").unlink()
    assert json.loads(call("reindex", "--json").stdout) == {"documents": 4, "runs": 1}
    after = call("search", "Macron", "--json").stdout
    timeless = [{**json.loads(shown), "took_ms": 0} for shown in (before, after)]
    assert timeless[0] == timeless[1]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_commands(directory: Path, shell: str) -> None:
    def complete(instruction: str, words: str = "") -> str:
        asked = {"_DOCSLUICE_COMPLETE": f"{instruction}_{shell}", "COMP_WORDS": words}
        asked |= {"COMP_CWORD": "1", "_TYPER_COMPLETE_ARGS": words}
        asked |= {"_TYPER_COMPLETE_FISH_ACTION": "get-args"}
        return docsluice(cwd=directory, env=asked).stdout

    assert "docsluice" in complete("source")
    assert {"report", "reindex"} <= set(re.findall(r"\w+", complete("complete", "docsluice re")))
