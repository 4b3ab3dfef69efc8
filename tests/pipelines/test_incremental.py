"""Runs over a corpus that changes: what is read, deleted and elected anew, in ledger and index."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.publish import rebuild
from pipelines.single_run import Summary
from pipelines.state import read_state
from pipelines.store import Store
from tests.pipelines.conftest import ABOUT_BREAD, ABOUT_RIVERS
from transforms.index import Query
from transforms.read.listing import SourceError
from transforms.sqlite import SqliteIndex

Ingest = Callable[..., Summary]
ALL = {"max_delete_fraction": 1.0}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def name(source: str) -> str:
    return source.rsplit("/", 1)[-1]


def ledger(store: Store, run_id: str | None) -> dict[str, tuple[str, str]]:
    """Outcome and reason of each document of a run."""
    assert run_id
    store.refresh()
    return {
        name(row["source"]): (row["outcome"], row["reason"])
        for table in store.tables("ledger", run_ids=[run_id])
        for row in table.to_pylist()
    }


def outcomes(store: Store, run_id: str | None) -> dict[str, str]:
    return {source: outcome for source, (outcome, _) in ledger(store, run_id).items()}


def index(store: Store) -> dict[str, int]:
    """Name and number of duplicates of each document in the index."""
    with SqliteIndex(store.index_path) as index:
        return {
            name(hit.source): hit.duplicate_count
            for hit in index.search(Query(source="/", limit=99)).hits
        }


def assert_agreement(store: Store) -> None:
    """State, index and an index made anew say the same."""
    store.refresh()
    with read_state(store) as state:
        rows = state.documents(
            row["id"] for table in store.tables("ledger", ["id"]) for row in table.to_pylist()
        )
        counts = state.member_counts(row.id for row in rows)
        assert state.orphans() == []
    published = {name(row.source): counts.get(row.id, 0) for row in rows if row.published_in}
    assert index(store) == published
    with SqliteIndex(Path(store.path, "again.db")) as again:
        rebuild(store, again)
        hits = again.search(Query(source="/", limit=99)).hits
    Path(store.path, "again.db").unlink()
    assert {name(hit.source): hit.duplicate_count for hit in hits} == published


def test_a_file_that_is_gone_is_deleted(corpus: Path, ingest: Ingest, store: Store) -> None:
    ingest()
    (corpus / "bread.txt").unlink()
    summary = ingest(max_delete_fraction=0.5)
    assert ledger(store, summary.run_id) == {"bread.txt": ("deleted", "source is gone")}
    assert index(store) == {"rivers.txt": 1}
    assert ingest().run_id is None
    (corpus / "bread.txt").write_text(ABOUT_BREAD)
    assert outcomes(store, ingest().run_id) == {"bread.txt": "kept"}
    assert_agreement(store)


def test_too_many_deletions_are_refused_until_they_are_allowed(
    corpus: Path, ingest: Ingest, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    ingest()
    (corpus / "bread.txt").unlink()
    refused = ingest()
    assert (refused.run_id, refused.not_deleted) == (None, 1)
    assert "--max-delete-fraction 1" in caplog.text
    assert "bread.txt" in index(store)
    assert ingest(**ALL).outcomes == {"deleted": 1}
    assert index(store) == {"rivers.txt": 1}


def test_what_other_patterns_leave_out_is_not_gone(
    corpus: Path, ingest: Ingest, store: Store, tmp_path: Path
) -> None:
    ingest()
    assert ingest(**ALL, include=["*.json"]).run_id is None
    assert ingest(**ALL, exclude=["bread*"]).run_id is None
    assert ingest(**ALL, sources=[f"{corpus}/*.json"]).run_id is None
    (tmp_path / "other").mkdir()
    assert ingest(**ALL, sources=[str(tmp_path / "other")]).run_id is None
    assert len(index(store)) == 2


@pytest.mark.parametrize("how", ["deleted", "unlistable", "dangling"])
def test_a_source_that_is_not_there_deletes_nothing(
    corpus: Path, ingest: Ingest, store: Store, how: str, caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:  # fmt: skip
    extra = tmp_path / "extra"
    extra.mkdir()
    (extra / "ferry.txt").write_text("A new text about ferries, which cross where no bridge is.")
    sources = [str(corpus), str(extra)]
    ingest(sources=sources)
    if how == "unlistable":
        extra.rename(tmp_path / "away")
        extra.symlink_to("extra")  # a circle: no directory, and nothing that can be looked at
    elif how == "dangling":
        extra.rename(tmp_path / "away")
        sources = [str(corpus), f"{extra}/*"]
    else:
        shutil.rmtree(extra)
    (corpus / "new.txt").write_text("Another new text, of weirs and of the eels that climb them.")
    summary = ingest(sources=sources)
    assert outcomes(store, summary.run_id) == {"new.txt": "kept"}
    assert "nothing is deleted: 1 document from there" in caplog.text
    assert "ferry.txt" in index(store)
    if how == "deleted":
        assert outcomes(store, ingest(sources=sources, **ALL).run_id) == {"ferry.txt": "deleted"}
    if how == "unlistable":
        assert ingest(sources=sources, **ALL).run_id is None


def test_an_unmounted_directory_is_empty_and_meets_the_guard(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    ingest()
    corpus.rename(corpus.with_name("away"))
    corpus.mkdir()
    assert ingest().not_deleted == 2
    assert len(index(store)) == 2


def test_a_source_that_was_never_there_is_refused(
    corpus: Path, ingest: Ingest, tmp_path: Path
) -> None:
    ingest()
    with pytest.raises(SourceError, match="nowhere"):
        ingest(sources=[str(corpus), str(tmp_path / "nowhere")])


def test_what_cannot_be_listed_inside_a_source_is_not_gone(
    corpus: Path, ingest: Ingest, store: Store, tmp_path: Path
) -> None:
    away = tmp_path / "away"
    away.mkdir()
    (away / "ferry.txt").write_text("A new text about ferries, which cross where no bridge is.")
    (corpus / "linked").symlink_to(away)
    ingest()
    away.rename(tmp_path / "elsewhere")  # as if it were no longer mounted
    summary = ingest(**ALL)
    assert outcomes(store, summary.run_id) == {"linked": "failed"}
    assert "ferry.txt" in index(store)
    (tmp_path / "elsewhere").rename(away)
    assert outcomes(store, ingest(**ALL).run_id) == {"linked": "deleted"}
    assert_agreement(store)


def jsonl(path: Path, **texts: str) -> None:
    lines = [json.dumps({"id": key, "text": text}) + "\n" for key, text in texts.items()]
    path.write_text("".join(lines))


def test_records_that_vanish_from_a_file_are_deleted(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    file = corpus / "many.jsonl"
    jsonl(file, a="One about locks and weirs.", b="Two about barges and tugs.", c="Three: oars.")
    ingest()
    jsonl(file, a="One about locks and weirs.", c="Three: oars and sails.")
    summary = ingest()
    assert ledger(store, summary.run_id) == {
        "many.jsonl#a": ("kept", "too_short"),
        "many.jsonl#b": ("deleted", "record is gone"),
        "many.jsonl#c": ("kept", "too_short"),
    }
    assert ingest().run_id is None
    assert_agreement(store)


def test_a_changed_file_that_is_not_read_to_its_end_loses_nothing(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    file = corpus / "many.jsonl"
    jsonl(file, a="One about locks and weirs.", b="Two about barges and tugs.")
    ingest()
    file.write_text('{"id": "a", "text": "One about locks only."}\n{"id": "b", "text": "Two ab\n')
    summary = ingest()
    assert outcomes(store, summary.run_id) == {"many.jsonl#a": "kept", "many.jsonl#L2": "failed"}
    assert "many.jsonl#b" in index(store)


def test_a_moved_file_is_published_under_its_new_name(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    ingest()
    (corpus / "bread.txt").rename(corpus / "loaf.txt")
    summary = ingest(**ALL)
    assert outcomes(store, summary.run_id) == {"bread.txt": "deleted", "loaf.txt": "kept"}
    assert_agreement(store)


def test_when_a_canonical_goes_its_duplicate_is_published_in_the_same_run(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    ingest()
    (corpus / "rivers.txt").unlink()
    summary = ingest(**ALL)
    assert summary.run_ids == (summary.run_id,)
    assert outcomes(store, summary.run_id) == {"rivers.txt": "deleted", "zz-copy.txt": "kept"}
    assert_agreement(store)


def test_survivors_elect_among_themselves(corpus: Path, ingest: Ingest, store: Store) -> None:
    words = ABOUT_RIVERS.split()
    (corpus / "yy-copy.txt").write_text(ABOUT_RIVERS.lower())
    (corpus / "xx-other.txt").write_text(" ".join([*words[:-3], "before the very last light"]))
    ingest(similarity_threshold=0.7)
    canonical = next(file for file, members in index(store).items() if members == 3)
    (corpus / canonical).unlink()
    summary = ingest(**ALL, similarity_threshold=0.7)
    found = outcomes(store, summary.run_id)
    assert sorted(found.values()) == ["deleted", "duplicate", "duplicate", "kept"]
    assert_agreement(store)


def test_duplicates_are_elected_anew_when_the_text_of_their_canonical_changes(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    ingest()
    (corpus / "rivers.txt").write_text("An entirely other text, of dams and of what they drown.")
    summary = ingest()
    assert outcomes(store, summary.run_id) == {"rivers.txt": "kept", "zz-copy.txt": "kept"}
    assert_agreement(store)


def test_duplicates_stay_when_the_text_of_their_canonical_does_not_change(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    ingest()
    (corpus / "rivers.txt").write_text(f"{ABOUT_RIVERS}\n\n")
    summary = ingest()
    assert outcomes(store, summary.run_id) == {"rivers.txt": "kept"}
    assert_agreement(store)
    assert index(store)["rivers.txt"] == 1


def test_duplicates_are_elected_anew_when_their_canonical_is_no_longer_kept(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    ingest()
    (corpus / "rivers.txt").write_text("")
    summary = ingest()
    assert outcomes(store, summary.run_id) == {"rivers.txt": "rejected", "zz-copy.txt": "kept"}
    assert_agreement(store)


def test_a_canonical_that_cannot_be_read_keeps_its_duplicates(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    record = {"text": ABOUT_RIVERS}
    (corpus / "aa.json").write_text(json.dumps(record))
    ingest(sources=[str(corpus / "aa.json"), str(corpus)])
    assert index(store)["aa.json"] == 2
    (corpus / "aa.json").write_text(json.dumps(record)[:-9])
    assert outcomes(store, ingest().run_id) == {"aa.json": "failed"}
    assert index(store)["aa.json"] == 2
    assert_agreement(store)


def test_a_duplicate_outside_the_sources_of_this_call_is_read_again(
    corpus: Path, ingest: Ingest, store: Store, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    jsonl(other / "many.jsonl", a=ABOUT_RIVERS, b="Two about barges and tugs.")
    ingest()
    ingest(sources=[str(other)])
    (corpus / "rivers.txt").unlink()
    (corpus / "zz-copy.txt").unlink()
    summary = ingest(**ALL)
    assert outcomes(store, summary.run_id) == {
        "rivers.txt": "deleted", "zz-copy.txt": "deleted", "many.jsonl#a": "kept"
    }  # fmt: skip
    assert ingest(sources=[str(other)]).run_id is None
    assert_agreement(store)


def test_a_duplicate_that_cannot_be_read_again_says_so_and_stays(
    corpus: Path, ingest: Ingest, store: Store, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    jsonl(other / "many.jsonl", a=ABOUT_RIVERS, b="Two about barges and tugs.")
    ingest()
    ingest(sources=[str(other)])
    (corpus / "rivers.txt").unlink()
    (corpus / "zz-copy.txt").unlink()
    other.rename(tmp_path / "away")
    found = ledger(store, ingest(**ALL).run_id)
    assert found["many.jsonl"][0] == "failed"
    assert found["many.jsonl#a"] == (
        "failed", "read: its canonical is gone, and it cannot be read from its source"
    )  # fmt: skip
    assert "many.jsonl#b" in index(store)
    assert ingest(**ALL).run_id is None  # said once
    (tmp_path / "away").rename(other)
    assert outcomes(store, ingest(sources=[str(other)]).run_id)["many.jsonl#a"] == "kept"
    assert_agreement(store)


def test_a_duplicate_in_a_changed_file_is_found_there(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    ingest()
    (corpus / "rivers.txt").unlink()
    (corpus / "zz-copy.txt").write_text("By now about something else: the keepers of bees.")
    summary = ingest(**ALL)
    assert outcomes(store, summary.run_id) == {"rivers.txt": "deleted", "zz-copy.txt": "kept"}
    assert_agreement(store)


def test_a_duplicate_that_leaves_is_no_longer_counted(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    ingest()
    (corpus / "zz-copy.txt").write_text("By now about something else: the keepers of bees.")
    ingest()
    assert index(store) == {"rivers.txt": 0, "bread.txt": 0, "zz-copy.txt": 0}
    (corpus / "zz-copy.txt").write_text(ABOUT_BREAD.upper())
    ingest()
    assert index(store) == {"rivers.txt": 0, "bread.txt": 1}
    (corpus / "zz-copy.txt").unlink()
    ingest()
    assert index(store) == {"rivers.txt": 0, "bread.txt": 0}
    assert_agreement(store)


@pytest.mark.parametrize("mode", ["keep", "off"])
def test_the_other_modes_of_duplicates(
    corpus: Path, ingest: Ingest, store: Store, mode: str
) -> None:
    ingest(duplicates=mode)
    assert len(index(store)) == 3
    (corpus / "rivers.txt").unlink()
    summary = ingest(**ALL, duplicates=mode)
    expected = {"rivers.txt": "deleted", "zz-copy.txt": "kept"}
    assert outcomes(store, summary.run_id).items() <= expected.items()
    assert_agreement(store)


def test_a_touched_file_is_unchanged_if_its_content_is_compared(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    ingest(check="content")
    os.utime(corpus / "bread.txt", ns=(1, 1))
    assert ingest(check="content").run_id is None
    status = (corpus / "rivers.txt").stat()
    (corpus / "rivers.txt").write_text(ABOUT_RIVERS.replace("canal", "ditch"))
    os.utime(corpus / "rivers.txt", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert ingest().outcomes == {"kept": 1}  # the touched one: time and size tell no more
    assert outcomes(store, ingest(check="content").run_id)["rivers.txt"] == "kept"


def test_an_index_behind_by_runs_with_deletions_catches_up(
    corpus: Path, ingest: Ingest, store: Store
) -> None:
    ingest()
    (corpus / "zz-copy.txt").unlink()
    ingest(index="none")
    (corpus / "bread.txt").write_text(ABOUT_RIVERS)
    ingest(index="none")
    (corpus / "rivers.txt").unlink()
    ingest(**ALL)
    assert index(store) == {"bread.txt": 0}
    assert_agreement(store)
