"""Compacting real stores: what readers see before and after is the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.compact import compact
from pipelines.dead_letters import newest_letters, settle
from pipelines.history import record
from pipelines.publish import rebuild
from pipelines.settings import Settings, load
from pipelines.single_run import Summary
from pipelines.state import read_state
from pipelines.store import Store, StoreError, run_files
from pipelines.verify import check_store
from tests.pipelines.conftest import ABOUT_BREAD, ABOUT_RIVERS
from transforms.dead_letters import write_dead_letters
from transforms.document import Rejected
from transforms.index import Query
from transforms.run import Run
from transforms.sqlite import SqliteIndex

Ingest = Callable[..., Summary]

ABOUT_SNOW = (
    "Snow lay on the pass until the end of May, and the road menders counted the poles that stood "
    "out of it every Sunday to tell the innkeeper when the first carts would come over again."
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"store": str(tmp_path / "store")})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.fixture
def grown(corpus: Path, ingest: Ingest) -> Path:
    """A store of five runs: a change, a deletion, a failure, a canonical that goes; the corpus."""
    ingest()
    (corpus / "bread.txt").write_text(ABOUT_SNOW)
    ingest()
    (corpus / "rivers.txt").unlink()  # its copy is published for it
    (corpus / "bread again.txt").write_text(ABOUT_BREAD)
    ingest(max_delete_fraction=1)
    (corpus / "snow.txt").write_text(ABOUT_SNOW.upper())
    (corpus / "broken.json").write_text('{"text": "still cut o')
    ingest()
    (corpus / "lines.jsonl").write_text(f'{json.dumps({"text": ABOUT_RIVERS[:90]})}\n{{"text": 1')
    ingest()
    return corpus


VIEWS = """
CREATE VIEW manifests AS SELECT run_id, replaces
FROM read_json('{0}/runs/*.json', columns = {{run_id: 'VARCHAR', replaces: 'VARCHAR[]'}});
CREATE VIEW committed AS SELECT run_id FROM manifests
WHERE run_id NOT IN (SELECT unnest(replaces) FROM manifests);
CREATE VIEW newest AS SELECT * FROM '{0}/ledger/*/*.parquet'
WHERE run IN (SELECT run_id FROM committed)
QUALIFY row_number() OVER (PARTITION BY id ORDER BY run_id DESC, outcome = 'kept' DESC) = 1;
CREATE VIEW published AS SELECT documents.* FROM '{0}/documents/*/*.parquet' AS documents
JOIN newest USING (id, run_id)
WHERE newest.outcome = 'kept' AND documents.run IN (SELECT run_id FROM committed);
"""


@contextmanager
def views(store: Store) -> Iterator[duckdb.DuckDBPyConnection]:
    """The views of the documentation."""
    with duckdb.connect() as connection:
        connection.execute(VIEWS.format(store.path))
        yield connection


def published(store: Store) -> list[tuple[Any, ...]]:
    """All columns of the published documents, as DuckDB reads them."""
    with views(store) as connection:
        query = "SELECT * EXCLUDE run FROM published ORDER BY id"
        return connection.execute(query).fetchall()


def states(store: Store) -> list[tuple[Any, ...]]:
    """What the state says of every document, but for the run that holds it."""
    store.refresh()
    ids = {id_ for table in store.tables("ledger", ["id"]) for id_ in table.column(0).to_pylist()}
    with read_state(store) as state:
        return [
            (row.id, row.uri, row.key, row.version, row.outcome, bool(row.published_in),
             row.duplicate_of, row.content_hash)
            for row in state.documents(ids)
        ]  # fmt: skip


def in_index(path: Path) -> list[tuple[Any, ...]]:
    with SqliteIndex(path) as index:
        hits = index.search(Query(source="/", limit=99)).hits
    return sorted((hit.id, hit.source, hit.title, hit.duplicate_count) for hit in hits)


def looks(store: Store) -> tuple[object, ...]:
    """All that readers see of a store."""
    return published(store), states(store), in_index(store.index_path), history(store)


def history(store: Store) -> list[dict[str, Any]]:
    """All ledger rows that count."""
    rows = [row for table in Store(store.path).tables("ledger") for row in table.to_pylist()]
    return sorted(rows, key=lambda row: (row["run_id"], row["id"], row["outcome"], row["reason"]))


def all_files(store: Store) -> list[str]:
    root = Path(store.path)
    kinds = ("documents", "ledger", "fingerprints", "dead-letters", "runs")
    return sorted(
        str(path.relative_to(root)) for kind in kinds for path in (root / kind).rglob("*")
    )


def problems(settings: Settings) -> list[str]:
    return [problem.line for problem in check_store(settings)]


def test_readers_see_the_same_after_it(grown: Path, store: Store, settings: Settings) -> None:
    before = looks(store)
    assert len(before[0]) == 4
    done = compact(settings, grace=0)
    assert (done.replaced, done.documents, done.dropped) == (5, 4, 2)
    store.refresh()
    assert list(store.manifests) == [done.run_id]
    assert looks(store) == before
    assert {name.split("/")[1].removeprefix("run=").removesuffix(".json")
            for name in all_files(store)} == {done.run_id}  # fmt: skip
    assert done.files_after == sum(map(len, run_files(_run(store, done.run_id)).values()))
    assert problems(settings) == []


def _run(store: Store, run_id: str | None) -> Run:
    return Run(store.path, run_id or "", datetime.now(UTC))


def test_old_versions_are_gone_and_their_story_is_not(
    grown: Path, store: Store, settings: Settings
) -> None:
    compact(settings, grace=0)
    store.refresh()
    rows = [row for row in history(store) if row["source"].endswith("/bread.txt")]
    assert [(row["outcome"], row["run_id"][:6]) for row in rows] == [
        ("kept", "000001"), ("kept", "000002")
    ]  # fmt: skip
    texts = [record(store, row["run_id"], row["id"], with_text=True) for row in rows]
    assert [text and text["text"] for text in texts] == [None, ABOUT_SNOW]
    rows = [row for row in history(store) if row["source"].endswith("/rivers.txt")]
    assert [row["reason"] for row in rows][1:] == ["source is gone"]


def test_twice_is_harmless(grown: Path, store: Store, settings: Settings) -> None:
    first = compact(settings, grace=0)
    before = all_files(store)
    second = compact(settings, grace=0)
    assert (second.run_id, second.replaced) == (None, 0)
    assert second.files_before == second.files_after == first.files_after
    assert all_files(store) == before


def test_runs_go_on_and_can_be_compacted_again(
    grown: Path, ingest: Ingest, store: Store, settings: Settings
) -> None:
    compact(settings, grace=0)
    assert ingest().run_id is None
    (grown / "late copy.txt").write_text(ABOUT_BREAD.lower())
    (grown / "bread.txt").unlink()  # the canonical of snow.txt
    summary = ingest(max_delete_fraction=1)
    assert summary.outcomes == {"kept": 1, "duplicate": 1, "deleted": 1}
    assert (summary.run_id or "").startswith("000007-")
    assert problems(settings) == []
    before = looks(store)
    assert compact(settings, grace=0).replaced == 2
    assert looks(store) == before
    assert problems(settings) == []


def test_near_duplicates_of_compacted_documents_are_found(
    grown: Path, ingest: Ingest, store: Store, settings: Settings
) -> None:
    compact(settings, grace=0)
    (grown / "near.txt").write_text(ABOUT_SNOW.replace("every Sunday", "each Sunday"))
    assert ingest(similarity_threshold=0.6).outcomes == {"duplicate": 1}


def test_an_index_made_anew_is_the_same(grown: Path, store: Store, settings: Settings) -> None:
    before = in_index(store.index_path)
    compact(settings, grace=0)
    with SqliteIndex(Path(store.path, "again.db")) as again:
        rebuild(Store(store.path), again)
    assert in_index(Path(store.path, "again.db")) == before


def test_an_index_that_missed_runs_catches_up(
    grown: Path, ingest: Ingest, store: Store, settings: Settings
) -> None:
    """Also with the deletions of runs that are only in the compacted one."""
    behind = store.index_path.read_bytes()
    (grown / "bread again.txt").unlink()
    (grown / "snow too.txt").write_text(ABOUT_SNOW.lower())
    ingest(max_delete_fraction=1)
    after = in_index(store.index_path)
    compact(load({"store": store.path, "index": "none"}), grace=0)
    store.index_path.write_bytes(behind)
    (grown / "new.txt").write_text("Something else altogether is told here, and quite briefly.")
    ingest()
    (grown / "new.txt").unlink()
    ingest(max_delete_fraction=1)
    assert in_index(store.index_path) == after
    assert problems(settings) == []


def test_open_dead_letters_stay(
    grown: Path, ingest: Ingest, store: Store, settings: Settings
) -> None:
    (grown / "mended.json").write_text('{"text": "cut')
    ingest()
    (grown / "mended.json").write_text(
        json.dumps({"text": "This file says something at last, and says it only here."})
    )
    last = ingest().run_id
    store.refresh()
    [document] = next(iter(store.tables("documents", ["id", "source"], [last or ""]))).to_pylist()
    refused = Rejected(document["id"], document["source"], "", "failed", "too long", "index")
    write_dead_letters(_run(store, last), "00000-000", "index", (refused,))
    done = compact(settings, grace=0)
    letters = [
        json.loads(line)
        for path in sorted(Path(store.path, "dead-letters", f"run={done.run_id}").iterdir())
        for line in path.read_text().splitlines()
    ]
    assert sorted(Path(letter["source"]).name for letter in letters) == [
        "broken.json", "lines.jsonl#L2", "mended.json"
    ]  # fmt: skip
    assert [letter["error"] for letter in letters if "mended" in letter["source"]] == ["too long"]


def test_letters_say_the_same_after_it_and_settled_ones_do_not_come_back(
    grown: Path, ingest: Ingest, store: Store, settings: Settings
) -> None:
    last = ingest().run_id or list(store.manifests)[-1]
    store.refresh()
    [*documents] = next(iter(store.tables("documents", ["id", "source"], [last]))).to_pylist()
    refused = Rejected(documents[0]["id"], documents[0]["source"], "", "failed", "no", "index")
    write_dead_letters(_run(store, last), "00000-000", "index", (refused,))
    settle(store, [one for one in newest_letters(store) if one.stage == "index"], "replayed")

    def told() -> list[tuple[str, str]]:
        return sorted((one.source, one.stage) for one in newest_letters(store) if one.is_open)

    before = told()
    compact(settings, grace=0)
    store.refresh()
    assert told() == before
    assert {stage for _, stage in before} == {"read"}


def test_readers_go_on_while_it_works(grown: Path, store: Store, settings: Settings) -> None:
    expected = [(row[0], row[1]) for row in published(store)]
    hits = in_index(store.index_path)
    end = threading.Event()
    rounds = 0
    errors: list[BaseException] = []

    def read_on() -> None:
        nonlocal rounds
        try:
            while not end.is_set() or rounds < 5:
                with views(store) as connection:
                    query = "SELECT id, source FROM published ORDER BY id"
                    assert connection.execute(query).fetchall() == expected
                assert in_index(store.index_path) == hits
                rounds += 1
        except BaseException as error:
            errors.append(error)

    reader = threading.Thread(target=read_on)
    reader.start()
    try:
        done = compact(settings)
    finally:
        end.set()
        reader.join()
    assert not errors
    assert done.run_id is not None
    assert rounds >= 5


def test_old_files_stay_until_their_time_is_up(
    grown: Path, ingest: Ingest, store: Store, settings: Settings
) -> None:
    before = looks(store)
    old = all_files(store)
    done = compact(settings, grace=3600)
    assert set(old) < set(all_files(store))
    assert ingest().run_id is None
    assert set(old) < set(all_files(store))
    path = Path(store.path, "runs", f"{done.run_id}.json")
    manifest = json.loads(path.read_text())
    manifest["old_files_until"] = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    path.write_text(json.dumps(manifest))
    assert ingest().run_id is None
    assert not set(old) & {name for name in all_files(store) if "." in name}
    assert looks(store) == before


KILLED = """
import os, signal, sys
from pipelines import compact, compact_rows
from pipelines.settings import load
from pipelines.store import Store

def dying(of, name, after=False):
    real = getattr(of, name)
    def die(*arguments, **named):
        if after:
            real(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(of, name, die)

moment = sys.argv[2]
if moment == "documents copied":
    dying(compact, "copy_documents", after=True)
elif moment == "before the manifest":
    dying(Store, "commit")
elif moment == "after the manifest":
    dying(Store, "commit", after=True)
elif moment == "before the tables":
    dying(compact, "cover")
elif moment == "while old files go":
    dying(Store, "discard")
compact.compact(load({"store": sys.argv[1]}), grace=0)
"""


@pytest.mark.parametrize(
    "moment",
    [
        "documents copied",
        "before the manifest",
        "after the manifest",
        "before the tables",
        "while old files go",
    ],
)
def test_killed_at_any_moment_it_leaves_a_store_that_reads_the_same(
    grown: Path, ingest: Ingest, store: Store, settings: Settings, moment: str
) -> None:
    before = looks(store)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, store.path, moment],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        timeout=120,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert looks(store) == before
    assert ingest().run_id is None
    assert looks(store) == before
    compact(settings, grace=0)
    assert looks(store) == before
    store.refresh()
    assert len(store.written) == 1
    assert problems(settings) == []


def test_an_empty_store_is_an_error(store: Store, settings: Settings) -> None:
    with pytest.raises(StoreError, match="there is no run"):
        compact(settings)


def test_a_damaged_part_stops_it_and_changes_nothing(
    grown: Path, store: Store, settings: Settings
) -> None:
    part = max(Path(store.path, "documents").rglob("*.parquet"))
    part.write_bytes(part.read_bytes()[:-9])
    before = all_files(store)
    with pytest.raises(StoreError, match="cannot be read"):
        compact(settings)
    assert all_files(store) == before
