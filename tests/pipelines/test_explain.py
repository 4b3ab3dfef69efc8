"""A store with every outcome, over four runs, and what is told of its documents."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from pipelines.compact import compact
from pipelines.execute import execute
from pipelines.explain import explain
from pipelines.settings import Settings, load
from pipelines.store import StoreError
from tests.pipelines.conftest import ABOUT_BREAD, ABOUT_RIVERS

Tell = Callable[..., Any]
NEAR = ABOUT_RIVERS.replace("before nightfall", "before noon")
LONGER = f"{ABOUT_BREAD} Nobody in this town would say that of the soup which is served at noon."


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with ``corpus/`` and ``store/``."""
    home = tmp_path_factory.mktemp("home")
    corpus = home / "corpus"
    for directory in ("a", "b", "first"):
        (corpus / directory).mkdir(parents=True)
    (corpus / "first" / "rivers.txt").write_text(ABOUT_RIVERS)
    (corpus / "zz-capitals.txt").write_text(ABOUT_RIVERS.upper())
    (corpus / "zz-near.txt").write_text(NEAR)
    (corpus / "bread.txt").write_text(ABOUT_BREAD)
    (corpus / "empty.txt").touch()
    (corpus / "broken.json").write_text('{"text": "cut o')
    (corpus / "a" / "same name.txt").write_text("In one directory there is a text on the moon.")
    (corpus / "b" / "same name.txt").write_text("In another there is one which tells of the sun.")
    records = [
        {"id": f"r{number}", "url": "https://example.org/?a=b", "text": f"Record {number} " * 9}
        for number in range(2)
    ]
    records[1]["url"] = "https://example.org/2"
    (corpus / "few.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    odd = {"id": "odd\x1b[31m\u202e", "text": "A record with a key that a terminal obeys."}
    (corpus / "odd.jsonl").write_text(json.dumps(odd))
    many = [{"id": f"m{number}", "text": f"No {number} of {number}."} for number in range(30)]
    (corpus / "many.jsonl").write_text("".join(json.dumps(record) + "\n" for record in many))
    run(home)
    (corpus / "bread.txt").write_text(LONGER)
    run(home)
    (corpus / "first" / "rivers.txt").unlink()
    run(home)
    (corpus / "broken.json").write_text('{"text": "still cut')
    run(home)
    return home


def settings_of(home: Path, **more: object) -> Settings:
    corpus = home / "corpus"
    # The first source has the canonical.
    sources = [str(corpus / "first"), str(corpus)]
    given = {"sources": sources, "store": str(home / "store"), "entities": False}
    return load({**given, "workers": 1, "max_delete_fraction": 1.0, **more})


def run(home: Path, **more: object) -> None:
    execute(settings_of(home, **more), lambda _run, _sizes: nullcontext())


@pytest.fixture
def tell(home: Path, capsys: pytest.CaptureFixture[str]) -> Tell:
    """What ``explain`` prints, or, with ``as_json``, has to say."""

    def call(wanted: str | Path, as_json: bool = True, **more: object) -> Any:
        explain(settings_of(home, **more), str(wanted), as_json)
        printed = capsys.readouterr().out
        return json.loads(printed) if as_json else printed

    return call


def numbers(rows: list[dict[str, Any]]) -> list[tuple[int, str]]:
    """Number of the run and outcome of each row."""
    return [(int(row["run_id"].split("-")[0]), row["outcome"]) for row in rows]


def test_a_document_that_changed_has_a_version_for_each_run(tell: Tell) -> None:
    [story] = tell("bread.txt")
    first, second = story["rows"]
    assert numbers(story["rows"]) == [(1, "kept"), (2, "kept")]
    assert second["text_changed"]
    assert first["source_version"] != second["source_version"]
    assert first["document"]["word_count"] < second["document"]["word_count"]
    assert "text" not in second["document"]
    assert Path(second["document"]["file"]).exists()
    assert story["published_in"] == second["run_id"]
    assert story["index"]["state"] == "yes"
    assert story["index"]["run_id"] == second["run_id"]
    assert "another than in the version before" in tell("bread.txt", as_json=False)


def test_a_near_duplicate_shows_what_it_shares(home: Path, tell: Tell) -> None:
    [story] = tell("zz-near.txt")
    assert numbers(story["rows"]) == [(1, "duplicate"), (3, "duplicate")]
    shared = story["rows"][-1]["passages"]
    words = len(ABOUT_RIVERS.split())
    assert (shared["words"], shared["shared"], shared["canonical_shared"]) == (
        words,
        words - 1,
        words - 1,
    )
    assert shared["passages"][0]["text"].startswith("The sluice keeps the water")
    assert shared["only_in_canonical"] == [{"words": 1, "text": "NIGHTFALL"}]
    assert shared["only_here"] == [{"words": 1, "text": "noon"}]
    assert story["rows"][-1]["canonical"].endswith("zz-capitals.txt")
    assert story["index"]["state"] == "no"
    assert story["index"]["expected"]
    shown = tell("zz-near.txt", as_json=False)
    assert "only here   “noon” (1 word)" in shown
    assert "only there  “NIGHTFALL” (1 word)" in shown


def test_nothing_reaches_the_terminal_that_it_obeys(tell: Tell) -> None:
    shown = tell("odd.jsonl", as_json=False)
    assert "odd.jsonl#odd [31m" in shown
    assert not {"\x1b", "\u202e"} & set(shown)


def test_of_a_duplicate_whose_source_has_changed_no_passage_is_made_up(
    home: Path, tell: Tell
) -> None:
    near = home / "corpus" / "zz-near.txt"
    times = near.stat().st_atime_ns, near.stat().st_mtime_ns
    near.write_text(f"{NEAR} ")
    try:
        [story] = tell("zz-near.txt")
        assert story["rows"][-1]["passages"] == {"unknown": "its source has changed since"}
        near.unlink()
        shown = tell("zz-near.txt", as_json=False)
        assert "cannot be shown: its source is gone" in shown
    finally:
        near.write_text(NEAR)
        os.utime(near, ns=times)


def test_an_elected_document_names_the_one_whose_place_it_took(tell: Tell) -> None:
    [story] = tell("zz-capitals.txt")
    assert numbers(story["rows"]) == [(1, "duplicate"), (3, "kept")]
    before = story["rows"][-1]["took_place_of"]
    assert before["source"].endswith("rivers.txt")
    assert (before["outcome"], before["reason"]) == ("deleted", "source is gone")
    assert story["duplicates"]["number"] == 1
    [near] = story["duplicates"]["first"]
    assert near["source"].endswith("zz-near.txt")
    assert near["similarity"] > 0.8
    assert "elected" in tell("zz-capitals.txt", as_json=False)


def test_a_deleted_document_names_the_one_that_is_published_instead(tell: Tell) -> None:
    [story] = tell("rivers.txt")
    assert numbers(story["rows"]) == [(1, "kept"), (3, "deleted")]
    assert story["rows"][1]["reason"] == "source is gone"
    [instead] = story["published_instead"]
    assert instead["source"].endswith("zz-capitals.txt")
    assert story["published_in"] is None
    assert "not published (deleted)" in tell("rivers.txt", as_json=False)


def test_a_failed_document_has_its_dead_letters(tell: Tell) -> None:
    [story] = tell("broken.json")
    assert numbers(story["rows"]) == [(1, "failed"), (4, "failed")]
    old, new = story["dead_letters"]
    assert (old["open"], new["open"]) == (False, True)
    assert new["stage"] == "read"
    shown = tell("broken.json", as_json=False)
    assert "settled since" in shown
    assert "open)" in shown


def test_a_rejected_document_has_its_reason(tell: Tell) -> None:
    shown = tell("empty.txt", as_json=False)
    assert "because  read: empty file" in shown
    assert "not published (rejected)" in shown


def test_a_document_has_many_names(home: Path, tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    [story] = tell("bread.txt")
    monkeypatch.chdir(home / "corpus" / "a")
    path = home / "corpus" / "bread.txt"
    for name in (story["id"], path, path.as_uri(), "../bread.txt", "corpus/bread.txt"):
        assert tell(name) == [story]
    [record] = tell("few.jsonl#r0")
    assert record["source"].endswith("few.jsonl#r0")
    assert tell(home / "corpus" / "few.jsonl#r0") == [record]
    assert tell("https://example.org/?a=b") == [record]
    assert [one["source"] for one in tell("a/same name.txt")] == [
        (home / "corpus" / "a" / "same name.txt").as_uri()
    ]


def test_a_file_of_few_records_tells_of_each(tell: Tell) -> None:
    assert [story["source"][-2:] for story in tell("few.jsonl")] == ["r0", "r1"]


def test_a_file_of_many_records_is_summed_up(tell: Tell) -> None:
    found = tell("many.jsonl")
    assert found["outcomes"] == {"kept": 30}
    assert found["examples"][0].endswith("many.jsonl#m0")
    shown = tell("many.jsonl", as_json=False)
    assert "30 documents" in shown
    assert "docsluice explain 'many.jsonl#m0'" in shown
    [story] = tell("many.jsonl#m7")
    assert story["rows"][0]["outcome"] == "kept"


def test_a_name_that_several_have_lists_them(tell: Tell) -> None:
    found = tell("same name.txt")["candidates"]
    assert [one["source"].rsplit("/", 2)[1] for one in found] == ["a", "b"]
    assert tell(found[0]["id"])[0]["source"] == found[0]["source"]
    shown = tell("same name.txt", as_json=False)
    assert "same name.txt may be any of 2" in shown
    assert found[1]["id"] in shown


@pytest.mark.parametrize(
    "wanted", ["unknown.txt", "0" * 32, "https://example.org/no", "few.jsonl#9"]
)
def test_an_unknown_document_is_an_error(tell: Tell, wanted: str) -> None:
    with pytest.raises(StoreError, match=r"no run of .* has seen"):
        tell(wanted)


def test_an_index_that_is_not_there_or_not_reached_is_said(tell: Tell) -> None:
    assert tell("bread.txt", index="none")[0]["index"]["state"] == "none"
    server = {"url": "http://127.0.0.1:9"}
    [story] = tell("bread.txt", index="elasticsearch", elasticsearch=server)
    assert story["index"]["state"] == "unreachable"
    assert "127.0.0.1:9" in story["index"]["error"]
    shown = tell("bread.txt", as_json=False, index="elasticsearch", elasticsearch=server)
    assert "cannot be asked" in shown


def test_compaction_takes_old_records_but_not_the_story(
    home: Path, tell: Tell, tmp_path: Path
) -> None:
    store = tmp_path / "compacted"
    shutil.copytree(home / "store", store)
    compact(settings_of(home, store=str(store)), grace=0)
    [story] = tell("bread.txt", store=str(store))
    assert numbers(story["rows"]) == [(1, "kept"), (2, "kept")]
    assert story["rows"][0]["document"] is None
    assert story["rows"][1]["document"]["word_count"] > 30
    assert story["index"]["state"] == "yes"
    assert "no longer stored" in tell("bread.txt", as_json=False, store=str(store))
    [near] = tell("zz-near.txt", store=str(store))
    assert near["rows"][-1]["passages"]["shared"] > 30
    assert [
        letter["open"] for letter in tell("broken.json", store=str(store))[0]["dead_letters"]
    ] == [True]
