import gzip
import json
from pathlib import Path

import pytest
import score
import spacy
import train


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(train, "TRAINING", ("made_up.train",))
    monkeypatch.setattr(train, "SELECTION", ("made_up.dev",))
    monkeypatch.setattr(score, "TEST", ("made_up.dev",))
    monkeypatch.setattr(train, "WORDS_PER_STEP", 50)
    sentence = {"lang": "en", "dataset": "made_up", "tokens": ["Bob", "saw", "Paris", "."]}
    lines = json.dumps({**sentence, "tags": ["B-PER", "O", "B-LOC", "O"]}) + "\n"
    for name in ("made_up.train", "made_up.dev"):
        with gzip.open(tmp_path / f"{name}.jsonl.gz", "wt") as out:
            out.write(lines * 10)
    return tmp_path


def test_the_same_seed_gives_the_same_model(data: Path) -> None:
    for name in ("one", "two"):
        train.train(data, data / name, steps=2, seconds=1e9, seed=0)

    weights = [(data / name / "ner" / "model").read_bytes() for name in ("one", "two")]
    assert weights[0] == weights[1]


def test_a_trained_model_is_saved_and_scored(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    train.train(data, data / "model", steps=40, seconds=1e9, seed=0)
    nlp = spacy.load(data / "model")
    assert nlp.pipe_names == ["ner"]
    assert nlp.get_pipe("ner").labels == ("LOC", "ORG", "PER")

    monkeypatch.setattr("sys.argv", ["score.py", "--data", str(data), str(data / "model")])
    score.main()
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("| made_up.dev | 10 | 20 | ")


def test_the_clock_ends_the_training(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train.train(data, data / "model", steps=10**6, seconds=1e-6, seed=0)

    assert "step 1 " in capsys.readouterr().out
