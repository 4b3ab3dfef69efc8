"""Real stores, broken in every way that verify looks for."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipelines.lock import StoreBusyError, writer_lock
from pipelines.settings import Settings, load
from pipelines.single_run import Summary
from pipelines.state import read_state
from pipelines.store import Store, StoreError
from pipelines.verify import check_store, show_verify, verify
from tests.pipelines.conftest import ABOUT_BREAD
from transforms.dead_letters import write_dead_letters
from transforms.document import Rejected
from transforms.run import Run

Ingest = Callable[..., Summary]
Break = Callable[[Path], object]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"store": str(tmp_path / "store")})


@pytest.fixture
def root(corpus: Path, ingest: Ingest, tmp_path: Path) -> Path:
    """Directory of a store of two runs; the second one changes a document."""
    ingest()
    (corpus / "bread.txt").write_text(ABOUT_BREAD.replace("loaf", "cake"))
    ingest()
    return tmp_path / "store"


def part(root: Path, kind: str, run: str = "000001", name: str = "") -> Path:
    """A file of a run."""
    [directory] = root.joinpath(kind).glob(f"run={run}-*")
    return next(path for path in sorted(directory.iterdir()) if name in path.name)


def manifest(root: Path, run: str = "000001") -> Path:
    [path] = root.joinpath("runs").glob(f"{run}-*.json")
    return path


def edit_manifest(root: Path, change: Callable[[dict[str, object]], object]) -> None:
    path = manifest(root)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def edit_table(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    pq.write_table(change(pq.ParquetFile(path).read()), path)


def replaced(table: pa.Table, column: str, values: list[object]) -> pa.Table:
    place = table.schema.get_field_index(column)
    field = table.schema.field(place)
    return table.set_column(place, field, pa.array(values, field.type))


def sql(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def overwrite(path: Path, content: bytes = b"this is no database") -> None:
    path.write_bytes(content + path.read_bytes()[len(content) :])


def leave_uncommitted(root: Path) -> None:
    directory = root / "documents" / "run=000007-20260101T000000Z"
    directory.mkdir()
    shutil.copy(part(root, "documents"), directory)


def no_hash(table: pa.Table) -> pa.Table:
    return replaced(table, "content_hash", ["0" * 32] * table.num_rows)


DERIVED: dict[str, tuple[Break, str]] = {
    "a run that was not committed": (
        leave_uncommitted,
        "run 000007-20260101T000000Z: it was not committed",
    ),
    "a state that is no database": (
        lambda root: overwrite(root / "state.db"),
        "state.db: it is damaged: file is not a database",
    ),
    "a state that is lost": (
        lambda root: (root / "state.db").unlink(),
        "state.db: it is missing",
    ),
    "a state with another outcome": (
        lambda root: sql(
            root / "state.db",
            "UPDATE documents SET outcome = 'kept' WHERE outcome = 'duplicate'",
        ),
        "state.db: 1 document not as in the ledger",
    ),
    "a state with another version of a file": (
        lambda root: sql(root / "state.db", "UPDATE files SET version = 'x' WHERE number = 1"),
        "state.db: 1 file not as in the ledger",
    ),
    "a state that lacks a document": (
        lambda root: sql(root / "state.db", "DELETE FROM documents WHERE outcome = 'failed'"),
        "state.db: 1 document not as in the ledger",
    ),
    "a state behind": (
        lambda root: sql(root / "state.db", "DELETE FROM runs WHERE number = 2"),
        "state.db: it is 1 run(s) behind",
    ),
    "no band tables": (
        lambda root: shutil.rmtree(root / "bands"),
        "bands: 2 run(s) are in no table",
    ),
    "a band table that was cut": (
        lambda root: next((root / "bands").iterdir()).write_bytes(
            next((root / "bands").iterdir()).read_bytes()[:-5]
        ),
        "is not a whole table",
    ),
    "a band table with other entries": (
        lambda root: overwrite(next((root / "bands").iterdir()), b"\xff" * 8),
        "its entries",
    ),
    "a cache that is damaged": (
        lambda root: overwrite(root / "cache.db"),
        "cache.db: it is damaged",
    ),
    "no index": (
        lambda root: (root / "search.db").unlink(),
        "search.db: there is no index",
    ),
    "an index that is damaged": (
        lambda root: overwrite(root / "search.db"),
        "search.db: The index",
    ),
    "an index that lacks a document": (
        lambda root: sql(root / "search.db", "DELETE FROM documents WHERE rowid = 2"),
        "search.db: 1 rows of the full-text index have no document",
    ),
    "an index with another count": (
        lambda root: sql(root / "search.db", "UPDATE documents SET duplicate_count = 9"),
        "search.db: 2 document(s) in it have another duplicate_count",
    ),
    "an index with documents of another run": (
        lambda root: sql(root / "search.db", "UPDATE documents SET run_id = '000000-'"),
        "search.db: 2 document(s) in it are of another run",
    ),
    "an index with another document": (
        lambda root: sql(root / "search.db", "UPDATE documents SET id = 'x' WHERE rowid = 2"),
        "search.db: 1 published document(s) are not in it",
    ),
    "an index behind": (
        lambda root: sql(root / "search.db", "DELETE FROM runs WHERE run_id LIKE '000002%'"),
        "search.db: it is 1 run(s) behind, such as 000002-",
    ),
    "an index ahead": (
        lambda root: sql(root / "search.db", "INSERT INTO runs VALUES ('000009-x', '')"),
        "search.db: it has 1 run(s) that no manifest names, such as 000009-x",
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", DERIVED)
def test_what_is_derived_is_named_and_mended(root: Path, settings: Settings, way: str) -> None:
    assert check_store(settings) == []
    do_break, expected = DERIVED[way]
    do_break(root)
    lines = [problem.line for problem in check_store(settings)]
    assert any(expected in line for line in lines), lines
    assert all("; verify --repair will " in line for line in lines)
    report = verify(settings, repair=True)
    assert report.found
    assert report.left == ()
    assert check_store(settings) == []


WRITTEN: dict[str, tuple[Break, str]] = {
    "a part that is lost": (
        lambda root: part(root, "documents").unlink(),
        "part-00000-000.parquet: it is missing",
    ),
    "a part that was cut": (
        lambda root: part(root, "documents").write_bytes(part(root, "documents").read_bytes()[:-9]),
        "part-00000-000.parquet: it cannot be read",
    ),
    "a ledger that was cut": (
        lambda root: part(root, "ledger").write_bytes(part(root, "ledger").read_bytes()[:-9]),
        ".parquet: it cannot be read",
    ),
    "a file of nobody": (
        lambda root: part(root, "ledger").with_name("part-99999-000-x.parquet").write_bytes(b""),
        "part-99999-000-x.parquet: the manifest of run 000001-",
    ),
    "a manifest that is no JSON": (
        lambda root: manifest(root).write_text('{"run_id'),
        ".json: it is damaged",
    ),
    "a manifest of another run": (
        lambda root: edit_manifest(root, lambda content: content.update(run_id="x")),
        ".json: it is of another run (x)",
    ),
    "a manifest without files": (
        lambda root: edit_manifest(root, lambda content: content.pop("files")),
        ".json: it does not name the files of its run",
    ),
    "a manifest with other numbers": (
        lambda root: edit_manifest(root, lambda content: content.update(outcomes={"kept": 7})),
        "the manifest says 7 kept",
    ),
    "a manifest that names a file too many": (
        lambda root: edit_manifest(
            root,
            lambda content: content["files"]["documents"].append("p.parquet"),  # type: ignore[index]
        ),
        "p.parquet: it is missing",
    ),
    "documents without a column": (
        lambda root: edit_table(
            part(root, "documents"), lambda table: table.drop_columns(["title"])
        ),
        "part-00000-000.parquet: it has other columns",
    ),
    "documents of another run": (
        lambda root: edit_table(
            part(root, "documents"),
            lambda table: replaced(table, "run_id", ["000009-x"] * table.num_rows),
        ),
        "part-00000-000.parquet: it has rows of run 000009-x",
    ),
    "a document without a ledger row": (
        lambda root: edit_table(part(root, "ledger", name="kept"), lambda table: table.slice(1)),
        "have no ledger row kept",
    ),
    "a ledger row without a document": (
        lambda root: edit_table(part(root, "documents"), lambda table: table.slice(1)),
        "are kept, but not there",
    ),
    "a document with another hash": (
        lambda root: edit_table(part(root, "documents"), no_hash),
        "with that content_hash",
    ),
    "a document that is there twice": (
        lambda root: edit_table(
            part(root, "documents"), lambda table: pa.concat_tables([table, table.slice(0, 1)])
        ),
        "an id is there twice, or is none",
    ),
    "a document with an id that is none": (
        lambda root: edit_table(
            part(root, "documents"),
            lambda table: replaced(table, "id", ["not hexadecimal"] * table.num_rows),
        ),
        "an id is there twice, or is none",
    ),
    "fingerprints with other rows": (
        lambda root: edit_table(
            part(root, "fingerprints"),
            lambda table: replaced(table, "row", list(range(5, 5 + table.num_rows))),
        ),
        "its rows are not those of the documents",
    ),
    "fingerprints in another order": (
        lambda root: edit_table(
            part(root, "fingerprints"),
            lambda table: replaced(table, "row", list(range(table.num_rows))[::-1]),
        ),
        "are not those of their rows",
    ),
    "a fingerprint that is lost": (
        lambda root: edit_table(part(root, "fingerprints"), lambda table: table.slice(1)),
        "1 canonical documents have no fingerprint",
    ),
    "a canonical that never was": (
        lambda root: edit_table(
            part(root, "ledger", name="duplicate"),
            lambda table: replaced(table, "duplicate_of", ["f" * 32] * table.num_rows),
        ),
        "of which others are duplicates were never published",
    ),
    "a dead letter that is lost": (
        lambda root: part(root, "dead-letters").write_text(""),
        "failed without a dead letter",
    ),
    "a dead letter that is none": (
        lambda root: part(root, "dead-letters").write_text("{}\n"),
        "line 1 is no dead letter",
    ),
}


@pytest.mark.parametrize("way", WRITTEN)
def test_what_runs_have_written_is_named_and_not_made_up(
    root: Path, settings: Settings, way: str
) -> None:
    do_break, expected = WRITTEN[way]
    do_break(root)
    lines = [problem.line for problem in check_store(settings)]
    assert any(expected in line for line in lines), lines
    told = next(line for line in lines if expected in line)
    assert "move " in told
    report = verify(settings, repair=True)
    assert any(expected in problem.line for problem in report.unmended)


def test_moving_the_manifest_away_and_running_again_mends_a_lost_part(
    root: Path, ingest: Ingest, settings: Settings
) -> None:
    part(root, "documents", "000002").unlink()
    [problem] = check_store(settings)
    assert f"move {root}/runs/000002-" in problem.line
    manifest(root, "000002").unlink()
    assert ingest().outcomes == {"kept": 1}
    verify(settings, repair=True)
    assert check_store(settings) == []


def test_each_disagreement_is_a_line_and_the_last_one_counts_them(
    root: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show_verify(settings, repair=False, as_json=False)
    assert capsys.readouterr().out == f"All agrees: 2 runs in {root}.\n"
    (root / "state.db").unlink()
    leave_uncommitted(root)
    assert not show_verify(settings, repair=False, as_json=False)
    assert capsys.readouterr().out == (
        "run 000007-20260101T000000Z: it was not committed; "
        "verify --repair will delete the files of runs that were not committed\n"
        f"{root}/state.db: it is missing; "
        "verify --repair will make state.db anew from the ledger\n"
        f"2 disagreements in {root}.\n"
    )
    assert show_verify(settings, repair=True, as_json=False)
    assert capsys.readouterr().out == (
        "run 000007-20260101T000000Z: it was not committed; mended\n"
        f"{root}/state.db: it is missing; mended\n"
        f"2 disagreements in {root}, 2 mended.\n"
    )


def test_scripts_are_told_the_same(
    root: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "state.db").unlink()
    assert show_verify(settings, repair=True, as_json=True)
    [problem] = json.loads(capsys.readouterr().out)["problems"]
    assert problem == {
        "where": f"{root}/state.db",
        "what": "it is missing",
        "mend": "make state.db anew from the ledger",
        "repairable": True,
        "mended": True,
    }


def test_nothing_derived_is_touched_while_a_part_is_damaged(
    root: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    part(root, "documents").unlink()
    index = (root / "search.db").read_bytes()
    (root / "state.db").unlink()
    assert not show_verify(settings, repair=True, as_json=False)
    assert "First mend that" in capsys.readouterr().out
    assert (root / "search.db").read_bytes() == index
    assert not (root / "state.db").exists()


def test_what_an_index_refuses_is_no_disagreement(root: Path, settings: Settings) -> None:
    store = Store(str(root))
    with read_state(store) as state:
        [row] = [row for row in state.documents_of(f for f, _ in state.versions())
                 if row.uri.endswith("bread.txt")]  # fmt: skip
    sql(root / "search.db", f"UPDATE documents SET id = 'x' WHERE id = '{row.id}'")
    sql(root / "search.db", "DELETE FROM documents WHERE id = 'x'")
    sql(root / "search.db", "INSERT INTO documents_fts (documents_fts) VALUES ('rebuild')")
    run = Run(store.path, row.published_in or "", datetime.now(UTC))
    refused = Rejected(row.id, row.source, "", "failed", "too long", "index")
    assert any("are not in it" in one.line for one in check_store(settings))
    write_dead_letters(run, "00000-000", "index", (refused,))
    assert check_store(settings) == []


def test_a_store_without_an_index_is_looked_at_too(root: Path) -> None:
    (root / "search.db").unlink()
    assert check_store(load({"store": str(root), "index": "none"})) == []


def test_other_modes_of_duplicates_agree(corpus: Path, ingest: Ingest, settings: Settings) -> None:
    ingest(duplicates="keep")
    assert check_store(settings) == []
    (corpus / "more.txt").write_text(ABOUT_BREAD)
    ingest(duplicates="off")
    assert check_store(settings) == []


def test_a_remote_store_can_be_verified(ingest: Ingest, corpus: Path, bucket: str) -> None:
    remote = f"{bucket}/store"
    ingest(store=remote, index="none")
    settings = load({"store": remote, "index": "none"})
    assert check_store(settings) == []


def test_a_store_that_is_written_to_is_left_alone(root: Path, settings: Settings) -> None:
    with writer_lock(str(root)), pytest.raises(StoreBusyError, match="another run"):
        verify(settings)


def test_no_store_is_an_error(settings: Settings) -> None:
    with pytest.raises(StoreError, match="there is no run"):
        verify(settings)


def test_ids_are_compared_in_every_sixteenth(root: Path, settings: Settings) -> None:
    """Whatever the id of the document that is lost begins with."""
    ledger = part(root, "ledger", name="kept")
    ids = pq.read_table(ledger).column("id")
    for id_ in ids.to_pylist():
        kept = pq.ParquetFile(ledger).read()
        edit_table(ledger, lambda table, gone=id_: table.filter(pc.not_equal(table["id"], gone)))
        assert any(id_ in problem.line for problem in check_store(settings))
        pq.write_table(kept, ledger)
