"""Stores in which streams have published what a batch would not have.

A run with ``duplicates: off`` asks no band table, as a stream does not that has forgotten, but it
leaves no fingerprints either. So what is published by a run here is read into a store of its own,
which knows of nothing else, and the run is then moved from there into the store under the next
number: documents, ledger and fingerprints are those of a real run that has compared its documents
with each other at most. ``"stream"`` in its manifest says that it is the window of a stream.
"""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.execute import execute
from pipelines.missed import pending_runs
from pipelines.publish import catch_up, open_index
from pipelines.published import catch_up as cover
from pipelines.settings import Settings, load
from pipelines.state import open_state
from pipelines.store import Store, run_files


def publish_window(root: Path, texts: dict[str, str], **settings: Any) -> str:
    """Publish files below ``root/corpus`` in ``root/store`` as a stream that knows no others.

    Args:
        root: an empty directory, or one with earlier windows.
        texts: what to write to files, by their names.
        settings: settings of the run, such as ``duplicates``.

    Returns:
        The id of the run.
    """
    corpus, store, aside = root / "corpus", Store(str(root / "store")), root / "aside"
    corpus.mkdir(exist_ok=True)
    for name, text in texts.items():
        (corpus / name).write_text(text)
    sources = [str(corpus / name) for name in texts]
    flags = {"entities": False, "workers": 1, **settings}
    alone = load({**flags, "sources": sources, "store": str(aside), "index": "none"})
    execute(alone, lambda _run, _sizes: nullcontext())
    loaded = load({**flags, "sources": sources, "store": store.path, "similarity_threshold": 0.8})
    run_id = _moved(Store(str(aside)), store, loaded)
    shutil.rmtree(aside)
    with open_index(loaded) as index, open_state(store, store.state_path) as state:
        if index is not None:
            catch_up(store, index)
        cover(store, state)
    return run_id


def _moved(aside: Store, store: Store, settings: Settings) -> str:
    """Move the only run of a store to another one, as the newest there, with these settings."""
    store.create()
    [(old, manifest)] = aside.manifests.items()
    run = store.new_run()
    for kind in ("documents", "ledger", "fingerprints", "dead-letters"):
        source = Path(aside.path, kind, f"run={old}")
        if source.exists():
            shutil.copytree(source, run.directory(kind))
    for kind in ("documents", "ledger"):
        for part in Path(run.directory(kind)).glob("*.parquet"):
            _rename(part, run.run_id)
    window = {"first_order": 1, "last_order": 1}
    told = settings.model_dump(mode="json")
    changed = {"run_id": run.run_id, "stream": window, "settings": told}
    store.commit(run, {**manifest, **changed, "files": run_files(run)})
    assert pending_runs(store)[-1] == run.run_id
    return run.run_id


def _rename(part: Path, run_id: str) -> None:
    """Have the rows of a Parquet file name another run."""
    table = pq.ParquetFile(part).read()
    place = table.schema.get_field_index("run_id")
    names = pa.array([run_id] * table.num_rows)
    pq.write_table(table.set_column(place, table.schema.field(place), names), part)
