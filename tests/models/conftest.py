import gzip
import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import srsly

# The recipe is a folder of scripts, not a package: Python finds its modules beside the script.
sys.path.insert(0, str(Path(__file__).parent.parent.parent / "models"))

import sources
import train
from corpus import Text, write
from vectors import Block, save
from vectors import table as table_of


@pytest.fixture
def word_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Make a package of lists of words, given by language; returns the folder of the packages."""

    def make(**lists: list[list[str]]) -> Path:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as wheel:
            for language, by_frequency in lists.items():
                packed = gzip.compress(srsly.msgpack_dumps([{}, *by_frequency]))
                wheel.writestr(f"wordfreq/data/small_{language}.msgpack.gz", packed)
        (tmp_path / sources.WORDFREQ).write_bytes(content.getvalue())
        digest = hashlib.sha256(content.getvalue()).hexdigest()
        monkeypatch.setitem(sources.DIGESTS, sources.WORDFREQ, digest)
        return tmp_path

    return make


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word_lists: Callable[..., Path]) -> Path:
    word_lists(en=[["meanwhile", "paris"]], fr=[["demain"]])
    monkeypatch.setitem(train.GROUPS, "made_up", {"made_up.train": 1.0, "made_up_in_fr.train": 0.5})
    monkeypatch.setitem(train.SELECTION, "made_up", ("made_up.dev",))
    monkeypatch.setitem(train.DROPOUT, "made_up", 0.2)
    monkeypatch.setitem(train.BY, "made_up", "LOWER")
    monkeypatch.setattr(train, "WORDS_PER_STEP", 50)
    words = Block(["bob", "paris"], np.eye(2, 8, dtype=np.float32))
    save(table_of(words, 10), words.words, tmp_path / "made_up")
    sentence = {"lang": "en", "dataset": "made_up", "tokens": ["Bob", "saw", "Paris", "."]}
    lines = json.dumps({**sentence, "tags": ["B-PER", "O", "B-LOC", "O"]}) + "\n"
    for name in ("made_up.train", "made_up.dev"):
        with gzip.open(tmp_path / f"{name}.jsonl.gz", "wt") as out:
            out.write(lines * 10)
    french = Text("Bob voit Paris.", ((0, 3, "PER"), (9, 14, "LOC")), "fr", "made_up")
    write(tmp_path, "made_up_in_fr.train", [french] * 10)
    return tmp_path
