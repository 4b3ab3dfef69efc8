"""Each name that is found in a document finds the document."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pyarrow.dataset as ds
import pytest

from pipelines.search import search_store
from tests.integration.command import docsluice

SEEDS = Path(__file__).parents[2] / "seeds"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("seeds")
    done = docsluice("run", SEEDS, "--quiet", cwd=directory)
    assert done.returncode == 0, done.stderr
    return directory / "store"


def test_every_name_of_a_seed_finds_it_by_entity(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    documents = ds.dataset(store / "documents").to_table().to_pylist()
    assert len(documents) == 3
    for document in documents:
        found = [*document["entities"], *document["title_entities"]]
        times = Counter((entity["text"], entity["label"]) for entity in found)
        assert len(times) > 10
        for name, label in times:
            search_store(store, "", entities=(name,), label=label, limit=3, as_json=True)
            hits = json.loads(capsys.readouterr().out)["hits"]
            (hit,) = [hit for hit in hits if hit["id"] == document["id"]]
            of_label = [entity for entity in hit["entities"] if entity["label"] == label]
            assert of_label
            for shown in of_label:
                assert shown["mentions"] == times[shown["text"], label] >= 1
