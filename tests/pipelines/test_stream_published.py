from __future__ import annotations

import pickle
import time
from pathlib import Path

import pytest

from pipelines import stream_published
from pipelines.state import open_state
from pipelines.store import Store
from pipelines.stream_published import FreshlyPublished, write_snapshot
from tests.pipelines.streams import publish_window


def snapshot(store: Store, session: Path) -> None:
    with open_state(store, store.state_path) as state:
        write_snapshot(store, state, str(session))


def test_before_the_first_snapshot_nothing_is_published(tmp_path: Path) -> None:
    assert FreshlyPublished(str(tmp_path))() is None


def test_workers_see_each_commit_and_never_miss_a_table_that_was_merged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_published, "EVERY", 0.0)
    store, session = Store(str(tmp_path / "store")), tmp_path / "session"
    publish_window(tmp_path, {"a.txt": "The keeper opens the gates of the lock at dawn."})
    snapshot(store, session)
    fresh = pickle.loads(pickle.dumps(FreshlyPublished(str(session))))
    first = fresh()
    assert first is not None
    assert fresh() is first  # the same object while nothing has changed
    publish_window(tmp_path, {"b.txt": "Herons fish below the weir until it is dark."})
    store.refresh()
    snapshot(store, session)
    second = fresh()
    assert second is not None
    assert second is not first
    for table in (*first.tables, *second.tables):
        assert Path(table).exists()
    for _ in range(5):
        snapshot(store, session)
    assert len(list((session / "bands").iterdir())) == 3
    assert not Path(first.tables[0]).exists()


def test_a_worker_looks_every_few_seconds_only(tmp_path: Path) -> None:
    store, session = Store(str(tmp_path / "store")), tmp_path / "session"
    fresh = FreshlyPublished(str(session))
    assert fresh() is None
    publish_window(tmp_path, {"a.txt": "The keeper opens the gates of the lock at dawn."})
    snapshot(store, session)
    assert fresh() is None
    time.sleep(stream_published.EVERY)
    assert fresh() is not None
