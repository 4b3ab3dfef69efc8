"""What streams have published is corrected, as if a batch had read it (see ``streams.py``)."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.compact import compact
from pipelines.execute import execute
from pipelines.missed import correct_missed, pending_runs
from pipelines.publish import catch_up, open_index
from pipelines.published import catch_up as cover
from pipelines.reconcile import Reconciliation, reconcile, would_reconcile
from pipelines.settings import Settings, load
from pipelines.single_run import Summary
from pipelines.state import open_state, read_state
from pipelines.status import describe
from pipelines.store import Store, StoreError, run_files
from pipelines.verify import check_store
from tests.integration.same_store import assert_same, assert_whole
from tests.pipelines.streams import publish_window
from transforms import candidates, missed
from transforms.document import document_id
from transforms.ledger import LedgerRow, write_ledger
from transforms.read.listing import list_sources, uri_of_path
from transforms.run import Run
from transforms.spool import read_columns

WORDS = [f"word{number}" for number in range(100)]
A = " ".join(WORDS)
LIKE_A = " ".join([*WORDS[:95], "other", "words"])  # similarity to A: 0.93
B = " ".join(WORDS[10:] + [f"new{number}" for number in range(10)])  # A and C each 0.81
C = " ".join(WORDS[20:] + [f"new{number}" for number in range(20)])
OTHER = " ".join(f"different{number}" for number in range(60))
DIFFERENT = " ".join(f"unlike{number}" for number in range(60))
ALL = {"similarity_threshold": 1.0}
"""With this even a window publishes near duplicates: documents that were on their way together."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"store": str(tmp_path / "store")})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def unseen(_run: Run, _sizes: dict[int, int]) -> AbstractContextManager[None]:
    """Follows a run and shows nothing."""
    return nullcontext()


def reconciled(settings: Settings) -> Reconciliation:
    done = reconcile(settings, unseen)
    assert_whole(Path(settings.store))
    return done


def canonicals(root: Path, store: Store) -> dict[str, str]:
    """What stands, by name: ``kept``, the outcome, or the name of the canonical of a duplicate."""
    store.refresh()
    uris = [uri_of_path(str(path)) for path in (root / "corpus").iterdir()]
    names = {document_id(uri): uri.rsplit("/", 1)[-1] for uri in uris}
    with read_state(store) as state:
        rows = state.documents(names)
    return {
        names[row.id]: names.get(row.duplicate_of or "", row.outcome)
        if row.outcome in ("duplicate", "kept")
        else row.outcome
        for row in rows
    }


@pytest.mark.parametrize(("text", "reason"), [(LIKE_A, "near duplicate"), (A.upper(), "same text")])
def test_a_duplicate_in_another_window_is_corrected(
    tmp_path: Path, settings: Settings, store: Store, text: str, reason: str
) -> None:
    publish_window(tmp_path, {"first.txt": A, "other.txt": OTHER})
    second = publish_window(tmp_path, {"a-second.txt": text})
    assert pending_runs(store) == list(store.manifests)
    (tmp_path / "corpus" / "a-second.txt").unlink()  # its source is not needed
    done = reconciled(settings)
    assert (done.stream_runs, done.duplicates, done.read_again) == (2, 1, 0)
    [row] = [row for t in store.tables("ledger", run_ids=done.run_ids) for row in t.to_pylist()]
    assert (row["outcome"], row["reason"]) == ("duplicate", reason)
    with read_state(Store(settings.store)) as state:
        [duplicate] = state.documents([row["id"]])
        [canonical] = state.documents([row["duplicate_of"]])
    assert duplicate.published_in is None
    assert canonical.key == ""
    assert canonical.uri.endswith("/first.txt")
    assert Store(settings.store).manifests[done.run_ids[0]]["reconciled"] == second
    assert [run["reconciled"] for run in describe(settings)["runs"]][:2] == [True, False]


def test_a_second_time_there_is_nothing_to_do(tmp_path: Path, settings: Settings) -> None:
    publish_window(tmp_path, {"first.txt": A})
    publish_window(tmp_path, {"second.txt": LIKE_A})
    reconciled(settings)
    before = list(Store(settings.store).manifests)
    assert reconciled(settings) == Reconciliation(0, 0, 0, {})
    assert list(Store(settings.store).manifests) == before


def test_there_are_no_chains(tmp_path: Path, settings: Settings, store: Store) -> None:
    for name, text in {"c.txt": A, "b.txt": B, "a.txt": C}.items():
        publish_window(tmp_path, {name: text})
    assert reconciled(settings).duplicates == 1
    assert canonicals(tmp_path, store) == {"c.txt": "kept", "b.txt": "c.txt", "a.txt": "kept"}


def test_a_duplicate_of_what_is_none_is_elected_anew(
    tmp_path: Path, settings: Settings, store: Store
) -> None:
    publish_window(tmp_path, {"a.txt": A})
    publish_window(tmp_path, {"d.txt": B, "e.txt": C})  # e is the duplicate of d
    assert canonicals(tmp_path, store)["e.txt"] == "d.txt"
    done = reconciled(settings)
    assert done.outcomes == {"kept": 1}  # e is not like a, of which d is the duplicate
    now = canonicals(tmp_path, store)
    assert (now["d.txt"], now["e.txt"]) == ("a.txt", "kept")


def test_the_order_within_a_window_is_that_of_a_batch(
    tmp_path: Path, settings: Settings, store: Store
) -> None:
    texts = {"shorter.txt": " ".join(WORDS[:97]), "longer.txt": A, "long.txt": LIKE_A}
    publish_window(tmp_path, texts, **ALL)
    reconciled(settings)
    with_stream = canonicals(tmp_path, store)
    assert with_stream == {"longer.txt": "kept", "long.txt": "longer.txt",
                           "shorter.txt": "longer.txt"}  # fmt: skip
    batch = Store(str(tmp_path / "batch"))
    _batch(tmp_path, batch)
    assert canonicals(tmp_path, batch) == with_stream
    assert _records(batch) == _records(store)


def _batch(root: Path, store: Store) -> None:
    sources = [str(root / "corpus")]
    flags = {"sources": sources, "store": store.path, "entities": False, "workers": 1}
    execute(load(flags), unseen)


def _records(store: Store) -> list[tuple[Any, ...]]:
    """What is published, without what tells of runs and times."""
    found = []
    with read_state(store) as state:
        for run_id, path in store.parts("documents"):
            table = read_columns(path, ["id", "text", "language", "content_hash"])
            ids = table.column("id").to_pylist()
            stands = state.standing(ids, [run_id] * len(ids))
            found += [tuple(row.values()) for row in table.filter(stands).to_pylist()]
    return sorted(found)


def test_the_store_is_that_of_batches_over_the_same_windows(
    tmp_path: Path, settings: Settings, store: Store
) -> None:
    windows = (
        {"d.txt": A, "o.txt": OTHER},
        {"c.txt": LIKE_A, "b.txt": C, "p.txt": OTHER.upper()},
        {"a.txt": B, "q.txt": DIFFERENT},
    )
    batch = Store(str(tmp_path / "batch"))
    for window in windows:
        publish_window(tmp_path, window)
        _batch(tmp_path, batch)
    reconciled(settings)
    assert canonicals(tmp_path, store) == canonicals(tmp_path, batch)
    assert _records(store) == _records(batch)


def test_the_outcome_is_always_the_same(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    stores = [tmp_path / name for name in ("one", "two")]
    for path in stores:
        for name, text in {"c.txt": A, "b.txt": B, "a.txt": LIKE_A}.items():
            if not (corpus / name).exists():
                publish_window(tmp_path, {name: text})
        if path == stores[0]:
            _copy(tmp_path / "store", stores[0])
            _copy(tmp_path / "store", stores[1])
        reconcile(load({"store": str(path)}), unseen)
    assert_same(*stores)


def _copy(store: Path, to: Path) -> None:
    shutil.copytree(store, to)


def test_a_batch_before_the_stream_is_canonical(
    tmp_path: Path, corpus: Path, ingest: Callable[..., Summary], settings: Settings, store: Store
) -> None:
    (corpus / "z.txt").write_text(LIKE_A)
    ingest()
    publish_window(tmp_path, {"a.txt": A})
    assert reconciled(settings).duplicates == 1
    assert canonicals(tmp_path, store)["a.txt"] == "z.txt"


def test_every_run_does_it_too(
    tmp_path: Path, ingest: Callable[..., Summary], store: Store
) -> None:
    publish_window(tmp_path, {"first.txt": A})
    publish_window(tmp_path, {"second.txt": LIKE_A})
    summary = ingest()
    assert summary.outcomes == {"duplicate": 1}
    assert canonicals(tmp_path, store) == {"first.txt": "kept", "second.txt": "first.txt"}
    assert_whole(Path(store.path))
    again = ingest()
    assert (again.run_id, again.unchanged) == (None, 2)


def test_a_canonical_that_was_never_published_is_replaced(
    tmp_path: Path, settings: Settings, store: Store
) -> None:
    publish_window(tmp_path, {"other.txt": OTHER})
    _duplicate_of_nothing(tmp_path, store)
    assert check_store(settings) == []
    done = reconciled(settings)
    assert (done.duplicates, done.read_again, done.outcomes) == (0, 1, {"kept": 1})
    assert canonicals(tmp_path, store) == {"other.txt": "kept", "a.txt": "kept"}


def test_a_source_that_is_gone_is_told_of(tmp_path: Path, settings: Settings, store: Store) -> None:
    publish_window(tmp_path, {"other.txt": OTHER})
    id_ = _duplicate_of_nothing(tmp_path, store)
    (tmp_path / "corpus" / "a.txt").unlink()
    done = reconciled(settings)
    assert (done.read_again, done.outcomes) == (1, {"failed": 1})
    with read_state(Store(settings.store)) as state:
        [row] = state.documents([id_])
    assert (row.outcome, row.published_in) == ("failed", None)
    assert reconciled(settings).read_again == 0


def _duplicate_of_nothing(root: Path, store: Store) -> str:
    """A window with a duplicate whose canonical a later step of the stream could not process."""
    path = root / "corpus" / "a.txt"
    path.write_text(A)
    (file,) = list_sources([str(path)]).files
    id_ = document_id(file.uri)
    run = store.new_run()
    row = LedgerRow(id_, file.uri, file.version, "duplicate", "near duplicate", "0" * 32, 0.9)
    write_ledger(run, "00001-000", "duplicates", (row,))
    _commit(store, run.run_id, {"outcomes": {"duplicate": 1}, "stream": {}})
    return id_


def _commit(store: Store, run_id: str, manifest: dict[str, Any]) -> None:
    run = Run(store.path, run_id, datetime.now(UTC))
    settings = list(store.manifests.values())[-1]["settings"]
    told = {"run_id": run_id, "settings": settings, "seconds": 0.0, "committed_at": ""}
    store.commit(run, {**told, **manifest, "files": run_files(run)})
    with (
        open_index(load({"store": store.path})) as index,
        open_state(store, store.state_path) as state,
    ):
        assert index is not None
        catch_up(store, index)
        cover(store, state)


def test_a_canonical_that_nobody_published_is_no_secret_afterwards(
    tmp_path: Path, settings: Settings, store: Store
) -> None:
    publish_window(tmp_path, {"other.txt": OTHER})
    _duplicate_of_nothing(tmp_path, store)
    _commit(store, store.new_run().run_id, {"outcomes": {}, "reconciled": "9"})
    assert "never published" in check_store(settings)[0].what


def test_without_streams_nothing_is_looked_at(
    tmp_path: Path, corpus: Path, ingest: Callable[..., Summary], settings: Settings, store: Store
) -> None:
    ingest()
    for kind in ("documents", "fingerprints", "ledger", "bands"):
        (Path(store.path) / kind).rename(tmp_path / kind)
    store.state_path.unlink()
    assert correct_missed(settings, store, store.state_path, unseen) is None
    assert not store.state_path.exists()


def test_no_text_is_read_of_what_is_like_nothing(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_window(tmp_path, {"a.txt": A})
    publish_window(tmp_path, {"b.txt": OTHER})
    asked: list[str] = []

    def spy(path: str, columns: list[str], *rows: Any) -> Any:
        asked.extend(columns)
        return read_columns(path, columns, *rows)

    monkeypatch.setattr(missed, "read_columns", spy)
    monkeypatch.setattr(candidates, "read_columns", spy)
    reconciled(settings)
    assert "text" not in asked
    publish_window(tmp_path, {"c.txt": LIKE_A})
    reconciled(settings)
    assert "text" in asked


def test_a_dry_run_tells_and_does_nothing(tmp_path: Path, settings: Settings, store: Store) -> None:
    publish_window(tmp_path, {"first.txt": A})
    publish_window(tmp_path, {"second.txt": LIKE_A, "third.txt": LIKE_A.upper()})
    told = would_reconcile(settings)
    assert (told.stream_runs, told.duplicates, told.read_again) == (2, 1, 1)
    [pair] = told.pairs
    assert pair.source.endswith("/second.txt")
    assert pair.canonical.endswith("/first.txt")
    assert pair.similarity == pytest.approx(91 / 98, abs=0.02)
    store.refresh()
    assert len(store.manifests) == len(pending_runs(store)) == 2
    assert_whole(Path(store.path))


def test_duplicates_that_are_kept_are_marked(
    tmp_path: Path, settings: Settings, store: Store
) -> None:
    publish_window(tmp_path, {"first.txt": A}, duplicates="keep")
    publish_window(tmp_path, {"b.txt": LIKE_A, "c.txt": LIKE_A.upper()}, duplicates="keep")
    done = reconciled(settings)
    assert (done.duplicates, done.read_again) == (1, 1)
    assert canonicals(tmp_path, store) == {
        "first.txt": "kept", "b.txt": "first.txt", "c.txt": "first.txt",
    }  # fmt: skip
    with read_state(Store(settings.store)) as state:
        assert state.published() == 3
    rows = [row for table in store.tables("documents") for row in table.to_pylist()]
    newest = {row["source"].rsplit("/", 1)[-1]: row for row in rows}
    first, second = newest["first.txt"], newest["b.txt"]
    assert (second["duplicate_of"], second["cluster_id"]) == (first["id"], first["id"])
    assert second["similarity"] > 0.9
    assert second["text"] == LIKE_A


def test_where_duplicates_are_not_looked_for_none_are_corrected(
    tmp_path: Path, store: Store
) -> None:
    publish_window(tmp_path, {"first.txt": A})
    publish_window(tmp_path, {"second.txt": LIKE_A})
    off = load({"store": store.path, "duplicates": "off"})
    assert correct_missed(off, store, store.state_path, unseen) is None
    assert len(pending_runs(store)) == 2


def test_what_compact_has_put_together_is_reconciled_afterwards(
    tmp_path: Path, settings: Settings, store: Store
) -> None:
    publish_window(tmp_path, {"z.txt": A})
    publish_window(tmp_path, {"a.txt": LIKE_A, "other.txt": OTHER})
    runs = list(store.manifests)
    for again in (DIFFERENT, DIFFERENT.upper()):
        compact(settings, grace=0)
        store.refresh()
        assert pending_runs(store) == runs
        runs.append(publish_window(tmp_path, {f"{len(runs)}.txt": again}))
    done = reconcile(settings, unseen)
    assert check_store(settings) == []
    assert (done.stream_runs, done.duplicates) == (4, 1 + 1)
    assert canonicals(tmp_path, store)["a.txt"] == "z.txt"
    compact(settings, grace=0)
    store.refresh()
    assert pending_runs(store) == []
    assert check_store(settings) == []


def test_a_store_without_runs_cannot_be_reconciled(settings: Settings) -> None:
    with pytest.raises(StoreError, match="there is no run"):
        reconcile(settings, unseen)
