from pathlib import Path

import numpy as np
import pytest
import spacy
import train
from average import average
from corpus import read

from transforms.load_model import load


def trained(data: Path, name: str, steps: int, seconds: float = 1e9) -> Path:
    texts = iter(train.sampler(train.GROUPS["made_up"], data, data, data, seed=0))
    train.train("made_up", texts, data, data, data / name, steps, seconds, seed=0)
    return data / name


def test_the_same_seed_gives_the_same_model(data: Path) -> None:
    weights = [(trained(data, n, steps=2) / "ner" / "model").read_bytes() for n in ("one", "two")]

    assert weights[0] == weights[1]


def test_a_trained_model_is_a_spacy_pipeline_that_finds_what_it_learnt(data: Path) -> None:
    nlp = spacy.load(trained(data, "model", steps=200))

    assert (nlp.meta["name"], nlp.pipe_names) == ("docsluice_made_up", ["ner"])
    assert nlp.get_pipe("ner").labels == ("LOC", "ORG", "PER")
    text = next(read(data, "made_up.dev")).text
    assert [(e.text, e.label_) for e in nlp(text).ents] == [("Bob", "PER"), ("Paris", "LOC")]


def test_the_clock_ends_the_training(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained(data, "model", steps=10**6, seconds=1e-6)

    assert "step 1 " in capsys.readouterr().out


def test_what_is_held_out_of_a_training_set_is_watched(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(train.HELD_OUT, "made_up.train", 4)

    trained(data, "model", steps=1)
    scores = capsys.readouterr().out.partition("[")[2].partition("]")[0].split()
    assert len(scores) == 2


@pytest.mark.parametrize("bits", [8, 12])
def test_rounding_keeps_some_bits_and_the_size_of_a_weight(bits: int) -> None:
    weights = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    rounded = train.rounded(weights, bits)
    assert not (rounded.view(np.uint32) & (2 ** (24 - bits) - 1)).any()
    assert np.abs(rounded / weights - 1).max() <= 2**-bits


def test_a_model_that_learns_on_says_what_it_learnt(data: Path) -> None:
    first = trained(data, "first", steps=2)
    texts = iter(train.sampler(train.GROUPS["made_up"], data, data, data, seed=1))
    train.train("made_up", texts, data, data, data / "second", 1, 1e9, seed=1, init=first)

    description = load(str(data / "second")).meta["description"]
    assert description.endswith("; step 2, seed 0, then step 1, seed 1")


def test_models_are_averaged(data: Path) -> None:
    first, second = trained(data, "first", steps=1), trained(data, "second", steps=5)
    average([first, second], 8, data / "mean")

    def weights(name: str) -> np.ndarray:
        return load(str(data / name)).get_pipe("ner").model.get_ref("upper").get_param("W")

    mean = (weights("first") + weights("second")) / 2
    assert np.allclose(weights("mean"), mean, rtol=2**-8, atol=0)
    assert not np.allclose(weights("first"), weights("second"), rtol=2**-8, atol=0)


def test_a_loaded_model_looks_words_up_as_in_training(data: Path) -> None:
    nlp = load(str(trained(data, "model", steps=1)))
    assert nlp.vocab.vectors.find(keys=nlp.make_doc("BOB Bob bob").to_array("LOWER")).tolist() == [
        0,
        0,
        0,
    ]
    assert nlp.make_doc("PARIS")[0].has_vector
