"""Changes drawn at random, over sources with much the same texts: nothing is lost, nothing twice.

``STORY_SEED`` repeats those of an earlier time.
"""

from __future__ import annotations

import json
import os
import random
from contextlib import nullcontext
from pathlib import Path

import pytest

from pipelines.execute import execute
from pipelines.settings import load
from pipelines.state import read_state
from pipelines.store import Store
from tests.integration.copies import edited
from tests.integration.same_store import assert_whole
from tests.integration.texts import english, jaccard

RUNS = 6
FILES = 12
TEXTS = 6
SEED = os.environ.get("STORY_SEED") or str(random.SystemRandom().randrange(10**6))
CLEAR = 0.05
"""So far from the threshold the estimate behind the candidates does not fail."""


@pytest.mark.parametrize("batch_bytes", [5_000, 10**9], ids=["several batches", "one batch"])
def test_every_text_is_published_once(tmp_path: Path, batch_bytes: int) -> None:
    print(f"seed {SEED}")
    pick = random.Random(f"{SEED} {batch_bytes}")
    bodies = [text.body for text in english(40) if len(text.body.split()) > 150][:TEXTS]
    variants = [edited(b, "change", n) if n else b for b in bodies for n in (0, 1, 3, 12)]
    source = tmp_path / "source"
    source.mkdir()
    settings = {
        "sources": [str(source)],
        "store": str(tmp_path / "store"),
        "entities": False,
        "workers": 1,
        "batch_bytes": batch_bytes,
        "max_delete_fraction": 1.0,
    }
    for number in range(RUNS):
        for name in pick.sample(range(FILES), FILES if number == 0 else FILES // 2):
            change(source / f"{name:02d}.jsonl", variants, pick)
        execute(load(settings), lambda _run, _sizes: nullcontext())
        assert_texts(source, Store(settings["store"]), number)
    assert_whole(tmp_path / "store")


def change(path: Path, variants: list[str], pick: random.Random) -> None:
    """Write a file anew, or remove it."""
    if pick.random() < 0.2:
        path.unlink(missing_ok=True)
        return
    keys = pick.sample("abcd", pick.randrange(1, 3))
    rows = ({"id": key, "text": pick.choice(variants)} for key in keys)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def assert_texts(source: Path, store: Store, run: int) -> None:
    """Each record is published, or a true duplicate of one that is; no two published are alike."""
    texts = {
        f"{path.as_uri()}#{row['id']}": row["text"]
        for path in source.iterdir()
        for row in map(json.loads, path.read_text().splitlines())
    }
    ids = {id_ for table in store.tables("ledger", ["id"]) for id_ in table["id"].to_pylist()}
    with read_state(store) as state:
        rows = {row.id: row for row in state.documents(ids) if row.outcome != "deleted"}
    assert {row.source for row in rows.values()} == texts.keys(), f"run {run}"
    published = {row.source: texts[row.source] for row in rows.values() if row.published_in}
    for row in rows.values():
        if row.outcome == "duplicate":
            canonical = rows[row.duplicate_of or ""].source
            assert canonical in published, f"run {run}: {row.source} has no canonical"
            alike = jaccard(texts[row.source], texts[canonical])
            assert alike >= 0.8 - CLEAR, f"run {run}: {row.source} is not {canonical}: {alike:.2f}"
    sources = sorted(published)
    for place, one in enumerate(sources):
        for other in sources[:place]:
            alike = jaccard(published[one], published[other])
            assert alike < 0.8 + CLEAR, f"run {run}: {one} and {other} are both published"
