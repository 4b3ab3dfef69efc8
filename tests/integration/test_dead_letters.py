"""Dead letters as a user meets them: the command, a real Elasticsearch, a killed process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from elasticsearch import Elasticsearch as Client

Docsluice = Callable[..., "subprocess.CompletedProcess[str]"]

POISON = {"id": "dated", "text": "The ferry sank in a storm.", "date": "2024-05-31"}
SOUND = {"id": "plain", "text": "The ferry crosses where no bridge is."}

KILLED = """
import os, sys
import pipelines.replay_index
from pipelines.cli import main
pipelines.replay_index.settle = lambda *_: os._exit(9)
sys.argv = ["docsluice", "dead-letters", "replay", *sys.argv[1:]]
main()
"""


class Refusing:
    """An index that takes no document with a date, until it is mended."""

    def __init__(self, url: str) -> None:
        self.alias = f"test-letters-{uuid4().hex[:8]}".replace("-", "_")
        self.client = Client(url)
        self.template = f"{self.alias}@custom"
        self.dates = {"type": "date", "format": "yyyy"}
        own = {"mappings": {"properties": {"published_at": self.dates}}}
        self.client.cluster.put_component_template(name=self.template, template=own)
        self.env = {
            "DOCSLUICE_ELASTICSEARCH__URL": url,
            "DOCSLUICE_ELASTICSEARCH__INDEX": self.alias,
            "DOCSLUICE_ENTITIES": "false",
        }

    def mend(self) -> None:
        """Let the index that is there take dates that it cannot read."""
        dates = self.dates | {"ignore_malformed": True}
        self.client.indices.put_mapping(index=self.alias, properties={"published_at": dates})

    def mend_template(self) -> None:
        """Let an index that is made from now on take dates."""
        self.client.cluster.put_component_template(name=self.template, template={})


@pytest.fixture
def refusing(elasticsearch_url: str) -> Iterator[Refusing]:
    index = Refusing(elasticsearch_url)
    yield index
    index.client.close()


@pytest.fixture
def news(tmp_path: Path) -> Path:
    file = tmp_path / "news.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in (POISON, SOUND)))
    return file


def open_letters(docsluice: Docsluice, **options: Any) -> list[dict[str, Any]]:
    done = docsluice("dead-letters", "list", "--json", **options)
    assert done.returncode == 0, done.stderr
    letters: list[dict[str, Any]] = json.loads(done.stdout)["dead_letters"]
    return letters


def hits(docsluice: Docsluice, env: dict[str, str]) -> set[str]:
    found = json.loads(docsluice("search", "ferry", "--json", env=env).stdout)["hits"]
    return {hit["source"].rpartition("#")[2] for hit in found}


def test_what_the_server_refused_is_sent_again_until_it_takes_it(
    docsluice: Docsluice, refusing: Refusing, news: Path, tmp_path: Path
) -> None:
    done = docsluice("run", news, env=refusing.env)
    assert "1 failure: docsluice dead-letters list" in done.stdout
    (letter,) = open_letters(docsluice, env=refusing.env)
    assert (letter["stage"], letter["attempts"]) == ("index", 1)
    assert "published_at" in letter["error"]
    assert hits(docsluice, refusing.env) == {"plain"}

    # Without the environment: the run's own settings lead to the same server.
    again = docsluice("dead-letters", "replay", "--strict", "--json")
    assert again.returncode == 1, again.stderr
    assert json.loads(again.stdout)["settled"] == 0
    (letter,) = open_letters(docsluice)
    assert letter["attempts"] == 2
    assert len(list(tmp_path.glob("store/dead-letters/run=*/*-index.jsonl"))) == 2

    refusing.mend()
    before = {path: path.read_bytes() for path in tmp_path.glob("store/dead-letters/**/*.jsonl")}
    well = docsluice("dead-letters", "replay", "--stage", "index", "--strict")
    assert (well.returncode, well.stdout) == (0, "1 dead letter settled, 0 still open.\n")
    assert hits(docsluice, refusing.env) == {"plain", "dated"}
    assert open_letters(docsluice) == []
    assert all(path.read_bytes() == content for path, content in before.items())
    assert len(list(tmp_path.glob("store/runs/*.json"))) == 1
    assert docsluice("run", news, "--strict", env=refusing.env).returncode == 0
    status = json.loads(docsluice("status", "--json", env=refusing.env).stdout)
    assert status["index"] == {"documents": 2, "missing_runs": 0}


def test_a_replay_that_is_killed_before_its_record_can_be_repeated(
    docsluice: Docsluice, refusing: Refusing, news: Path, tmp_path: Path
) -> None:
    docsluice("run", news, "--quiet", env=refusing.env)
    refusing.mend()
    killed = subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, timeout=120, check=False)
    assert killed.returncode == 9
    assert hits(docsluice, refusing.env) == {"plain", "dated"}
    assert len(open_letters(docsluice)) == 1
    assert json.loads(docsluice("dead-letters", "replay", "--json").stdout)["settled"] == 1
    assert hits(docsluice, refusing.env) == {"plain", "dated"}
    assert open_letters(docsluice) == []


def test_an_index_that_is_built_anew_settles_what_it_takes(
    docsluice: Docsluice, refusing: Refusing, news: Path
) -> None:
    docsluice("run", news, "--quiet", env=refusing.env)
    assert docsluice("reindex", env=refusing.env).returncode == 0
    (letter,) = open_letters(docsluice)
    assert letter["attempts"] == 2
    refusing.mend_template()
    assert docsluice("reindex", env=refusing.env).returncode == 0
    assert open_letters(docsluice) == []
    assert hits(docsluice, refusing.env) == {"plain", "dated"}


def test_a_document_that_was_published_anew_settles_the_refusal_of_its_older_version(
    docsluice: Docsluice, refusing: Refusing, news: Path
) -> None:
    docsluice("run", news, "--quiet", env=refusing.env)
    news.write_text(json.dumps(POISON | {"date": None}) + "\n" + json.dumps(SOUND) + "\n")
    docsluice("run", news, "--quiet", env=refusing.env)
    assert open_letters(docsluice) == []
    replayed = docsluice("dead-letters", "replay")
    assert replayed.stdout == "No open dead letters to replay.\n"


def test_without_the_server_letters_stay_open(
    docsluice: Docsluice, refusing: Refusing, news: Path
) -> None:
    docsluice("run", news, "--quiet", env=refusing.env)
    away = refusing.env | {"DOCSLUICE_ELASTICSEARCH__URL": "http://127.0.0.1:9"}
    done = docsluice("dead-letters", "replay", env=away)
    assert (done.returncode, done.stdout) == (3, "")
    assert len(done.stderr.splitlines()) == 1
    none = docsluice("dead-letters", "replay", env={"DOCSLUICE_INDEX": "none"})
    assert "the settings name no index" in none.stdout
    assert len(open_letters(docsluice)) == 1


def test_the_commands_tell_one_story(docsluice: Docsluice, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    file = tmp_path / "in" / "news.jsonl"
    lines = [json.dumps(SOUND), '{"id": "evil", "text": "\x1b]0;pwned\x07 \x9b31m"', '{"id": ']
    file.write_text("\n".join(lines))
    run = docsluice("run", "in", "--no-entities")
    assert "2 failures: docsluice dead-letters list" in run.stdout

    shown = docsluice("dead-letters", "list")
    assert [line.split()[3:5] for line in shown.stdout.splitlines()[1:]] == [
        ["read", "news.jsonl#L2"],
        ["read", "news.jsonl#L3"],
    ]
    evil = docsluice("dead-letters", "show", "news.jsonl#L2")
    assert "\\x1b]0;pwned" in evil.stdout
    for done in (shown, evil, docsluice("dead-letters", "show", "in/news.jsonl", "--json")):
        assert not {"\x1b", "\x07", "\x9b"} & set(done.stdout)
    id_ = json.loads(docsluice("explain", "news.jsonl#L2", "--json").stdout)[0]["id"]
    assert f"docsluice dead-letters replay {id_}" in docsluice("explain", "news.jsonl#L2").stdout

    lines[2] = json.dumps(POISON)
    file.write_text("\n".join(lines))
    replayed = docsluice("dead-letters", "replay", "news.jsonl#L3", "--strict")
    assert replayed.returncode == 0, replayed.stderr
    assert f"Read as a whole: {file.as_uri()}" in replayed.stdout
    (still,) = open_letters(docsluice)
    assert (still["source"].rpartition("#")[2], still["attempts"]) == ("L2", 2)
    assert docsluice("dead-letters", "replay", "--strict").returncode == 1
    every = json.loads(docsluice("dead-letters", "list", "--all", "--json").stdout)
    assert [letter["open"] for letter in every["dead_letters"]] == [True, False]


def test_letters_are_chosen_by_time_and_stage(docsluice: Docsluice, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.json").write_text('{"text": ')
    docsluice("run", "in", "--quiet")
    time.sleep(1.1)
    between = f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}"
    time.sleep(1.1)
    (tmp_path / "in" / "later.txt").symlink_to("nowhere")
    docsluice("run", "in", "--quiet")

    def names(*options: str) -> list[str]:
        done = docsluice("dead-letters", "list", "--json", *options)
        return [one["source"].rpartition("/")[2] for one in json.loads(done.stdout)["dead_letters"]]

    assert names() == ["later.txt", "a.json"]
    assert names("--since", between) == ["later.txt"]
    assert names("--since", "1h", "--stage", "read") == ["a.json"]
    assert names("--limit", "1") == ["later.txt"]
    done = docsluice("dead-letters", "replay", "--since", between, "--json")
    assert (json.loads(done.stdout)["settled"], json.loads(done.stdout)["open"]) == (0, 1)
    (tmp_path / "in" / "nowhere").write_text("The ferry crosses where no bridge is.")
    done = docsluice("dead-letters", "replay", "--stage", "list", "--json")
    assert json.loads(done.stdout)["settled"] == 1
    assert names() == ["a.json"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["list", "--stage", "clear"], 2, "--stage takes list, read, clean, index: 'clear'"),
        (["list", "--since", "soon"], 2, "--since takes a date such as 2026-01-31"),
        (["replay", "--since", "2y"], 2, "or a span such as 2d or 3h: '2y'"),
        (["show", "nothing.txt"], 3, "no dead letter is about 'nothing.txt'"),
        (["replay", "nothing.txt"], 3, "no open dead letter is about 'nothing.txt'"),
        (["list", "--store", "nowhere"], 3, "there is no run in nowhere"),
        (["replay", "--store", "nowhere"], 3, "there is no run in nowhere"),
    ],
)
def test_what_is_wrong_with_a_call_is_said_in_one_line(
    docsluice: Docsluice, tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    (tmp_path / "a.json").write_text('{"text": ')
    docsluice("run", "a.json", "--quiet", "--no-entities")
    done = docsluice("dead-letters", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    (line,) = done.stderr.splitlines()
    assert words in line
