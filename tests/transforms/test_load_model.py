from pathlib import Path

import pytest
import spacy
from spacy.strings import get_string_id
from spacy.vectors import Vectors

from tests.transforms.spacy_package import save_model
from transforms.entity_models import in_language
from transforms.load_model import give_vectors, load, looked_up_by
from transforms.model_packages import catalogue

FALLBACK = str(catalogue().fallback_path("en"))


def test_what_entities_do_not_need_is_not_loaded(tmp_path: Path) -> None:
    save_model(tmp_path / "mine", "en", "mine")

    assert spacy.load(tmp_path / "mine").pipe_names == ["tok2vec", "sentencizer", "ner"]
    assert load(str(tmp_path / "mine")).pipe_names == ["ner"]


@pytest.mark.parametrize(
    ("openblas", "openmp", "blis"),
    [("1", None, False), (None, "1", False), ("4", "1", True), (None, None, True)],
)
def test_numpy_multiplies_the_matrices_where_it_does_so_in_one_thread(
    openblas: str | None, openmp: str | None, blis: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("OPENBLAS_NUM_THREADS", openblas), ("OMP_NUM_THREADS", openmp)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)

    layers = list(load(FALLBACK).get_pipe("ner").model.walk())

    assert len(layers) > 10
    assert {layer.ops.use_blis for layer in layers} == {blis}


def test_shared_layers_that_names_are_found_with_are_kept_and_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    nlp = spacy.blank("de")
    nlp.add_pipe("tok2vec")
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96, "upstream": "*"}
    ner = nlp.add_pipe("ner", config={"model": {"tok2vec": listener}})
    ner.add_label("PER")
    nlp.initialize()
    nlp.to_disk(tmp_path / "model")

    loaded = load(str(tmp_path / "model"))

    assert loaded.pipe_names == ["tok2vec", "ner"]
    layers = [layer for _, part in loaded.pipeline for layer in part.model.walk()]
    assert not any(layer.ops.use_blis for layer in layers)


def test_what_numpy_multiplies_gives_the_same_names(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Angela Merkel met Emmanuel Macron in Paris, said a spokesman of Facebook on Monday."
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(variable, raising=False)
    expected = in_language("en", load(FALLBACK))(text).ents
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    found = in_language("en", load(FALLBACK))(text).ents

    assert found
    assert [(name.text, name.label_) for name in found] == [
        (name.text, name.label_) for name in expected
    ]


def vectors(attribute: str, *words: str) -> Vectors:
    table = Vectors(shape=(len(words), 2), name="made_up")
    for row, word in enumerate(words):
        table.key2row[get_string_id(word)] = row
    table.data[:, 0] = range(1, len(words) + 1)
    return looked_up_by(attribute, table)


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [("ORTH", [0, 0, 2]), ("LOWER", [1, 0, 1]), ("NORM", [2, 2, 2])],
)
def test_words_are_looked_up_as_the_model_says(attribute: str, expected: list[int]) -> None:
    nlp = spacy.blank("hu")
    give_vectors(nlp, vectors(attribute, "paris", "Paris"))

    doc = nlp("PARIS Parisban Paris")

    keys = doc.to_array(nlp.vocab.vectors.attr)
    rows = nlp.vocab.vectors.find(keys=keys)
    assert [int(row) + 1 for row in rows] == expected


def test_words_that_the_tokeniser_knew_before_are_looked_up_like_others() -> None:
    nlp = spacy.blank("hu")
    before = nlp("Washingtonban")[0].norm_
    give_vectors(nlp, vectors("NORM", "Washington"))

    assert (before, nlp("Washingtonban")[0].norm_) == ("washingtonban", "Washington")
