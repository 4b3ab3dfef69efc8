"""``docsluice verify`` and ``compact`` as a user calls them, with either index."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch as Client

from pipelines.lock import writer_lock
from tests.conftest import SEEDS
from transforms.elasticsearch.entries import entries

Docsluice = Callable[..., "subprocess.CompletedProcess[str]"]
PLAIN = {"DOCSLUICE_ENTITIES": "false"}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """The seeds and a text that changes."""
    directory = tmp_path / "texts"
    directory.mkdir()
    for seed in SEEDS.iterdir():
        (directory / seed.name).write_bytes(seed.read_bytes())
    (directory / "sea.txt").write_text("The tide comes in over the flats faster than a man walks.")
    return directory


def test_exit_codes_tell_what_was_found(docsluice: Docsluice, corpus: Path, tmp_path: Path) -> None:
    assert docsluice("run", corpus, "--quiet", env=PLAIN).returncode == 0
    well = docsluice("verify")
    assert (well.returncode, well.stdout, well.stderr) == (0, "All agrees: 1 run in store.\n", "")
    (tmp_path / "store" / "state.db").write_bytes(b"x" * 5000)
    wrong = docsluice("verify", "--json")
    assert wrong.returncode == 1
    [problem] = json.loads(wrong.stdout)["problems"]
    assert (problem["where"], problem["mended"]) == ("store/state.db", False)
    assert docsluice("verify", "--repair").returncode == 0
    assert docsluice("verify").returncode == 0
    with writer_lock(str(tmp_path / "store")):
        for command in ("verify", "compact"):
            busy = docsluice(command)
            assert (busy.returncode, busy.stdout) == (3, "")
            assert "another run is writing to store" in busy.stderr
    assert docsluice("verify", "--store", "nowhere").returncode == 3
    assert docsluice("compact", "--grace", "-1").returncode == 2


def test_a_compacted_store_is_searched_explained_and_added_to(
    docsluice: Docsluice, corpus: Path, tmp_path: Path
) -> None:
    docsluice("run", corpus, "--quiet", env=PLAIN)
    (corpus / "sea.txt").write_text(
        "The tide goes out again, and the man walks home over the flats."
    )
    docsluice("run", corpus, "--quiet", env=PLAIN)
    found = hits(docsluice, "walks OR Biarritz")
    done = json.loads(docsluice("compact", "--grace", "0", "--json").stdout)
    assert (done["replaced"], done["documents"], done["dropped"]) == (2, 4, 1)
    assert [path.stem for path in (tmp_path / "store" / "runs").iterdir()] == [done["run_id"]]
    assert hits(docsluice, "walks OR Biarritz") == found
    assert docsluice("explain", corpus / "sea.txt").stdout.count("kept") == 2
    assert docsluice("status", "--json").returncode == 0
    assert docsluice("compact").stdout == "Nothing to do: store has one run.\n"
    (corpus / "copy.txt").write_text(
        "The tide goes out again, and the man walks home over the flats"
    )
    summary = json.loads(docsluice("run", corpus, "--json", env=PLAIN).stdout)
    assert (summary["unchanged"], summary["outcomes"]) == (4, {"duplicate": 1})
    assert docsluice("verify").returncode == 0


def test_elasticsearch_is_verified_mended_and_undisturbed(
    docsluice: Docsluice, corpus: Path, elasticsearch_url: str
) -> None:
    alias = "test-verify"
    env = PLAIN | {
        "DOCSLUICE_ELASTICSEARCH__URL": elasticsearch_url,
        "DOCSLUICE_ELASTICSEARCH__INDEX": alias,
    }
    assert docsluice("run", corpus, "--quiet", env=env).returncode == 0
    (corpus / "sea.txt").write_text(
        "The tide goes out again, and the man walks home over the flats."
    )
    assert docsluice("run", corpus, "--quiet", env=env).returncode == 0
    well = docsluice("verify", env=env)
    assert (well.returncode, well.stderr) == (0, ""), well.stdout
    found = hits(docsluice, "walks OR Biarritz", env)

    with Client(elasticsearch_url) as client:
        assert len(set(entries(client, alias, page=1))) == 4
        [lost, counted, *_] = client.search(index=alias)["hits"]["hits"]
        client.delete(index=alias, id=lost["_id"], refresh=True)
        client.update(index=alias, id=counted["_id"], doc={"duplicate_count": 5}, refresh=True)
    wrong = docsluice("verify", env=env)
    assert wrong.returncode == 1
    assert f"1 published document(s) are not in it, such as {lost['_id']}" in wrong.stdout
    assert f"have another duplicate_count, such as {counted['_id']}" in wrong.stdout
    assert docsluice("verify", "--repair", env=env).returncode == 0
    assert hits(docsluice, "walks OR Biarritz", env) == found

    assert docsluice("compact", "--grace", "0", env=env).returncode == 0
    assert hits(docsluice, "walks OR Biarritz", env) == found
    assert docsluice("run", corpus, "--quiet", env=env).returncode == 0
    well = docsluice("verify", env=env)
    assert well.returncode == 0, well.stdout
    assert docsluice("reindex", env=env).stdout.startswith("4 documents of 1 run")
    assert hits(docsluice, "walks OR Biarritz", env) == found


def hits(docsluice: Docsluice, words: str, env: dict[str, str] | None = None) -> list[str]:
    found = json.loads(docsluice("search", words, "--json", env=env or {}).stdout)
    return sorted(f"{hit['id']} {hit['duplicate_count']}" for hit in found["hits"])
