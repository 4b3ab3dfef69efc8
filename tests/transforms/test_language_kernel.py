from __future__ import annotations

import importlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from py3langid import langid

from transforms.language_kernel import Classifier

LANGUAGES = ["de", "en", "fr", "ja", "no", "nn", "ru", "zh", "zxx"]
CLASSIFIER = Classifier.load(LANGUAGES)
LIBRARY = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
LIBRARY.set_languages(LANGUAGES)


def assert_as_the_library_says(text: str) -> None:
    assert CLASSIFIER.posterior(text) == pytest.approx(dict(LIBRARY.rank(text)), abs=1e-5)


@pytest.mark.parametrize("language", ["de", "en", "fr", "ja", "nb", "ru", "zh"])
def test_real_sentences_get_the_probabilities_of_the_library(language: str) -> None:
    sentences = importlib.import_module(f"spacy.lang.{language}.examples").sentences
    for sentence in sentences:
        assert_as_the_library_says(sentence)
        assert_as_the_library_says(sentence.upper())
    assert_as_the_library_says(" ".join(sentences))


@given(st.text())
def test_any_text_gets_the_probabilities_of_the_library(text: str) -> None:
    assert_as_the_library_says(text)


def test_one_text_leaves_nothing_behind_for_the_next() -> None:
    before = CLASSIFIER.posterior("Es war einmal ein Müller")
    CLASSIFIER.posterior("a quite different text about ships and harbours")
    assert CLASSIFIER.posterior("Es war einmal ein Müller") == before


def test_threads_at_once_get_the_probabilities_that_one_gets() -> None:
    texts = [f"{sentence} " * 200 for sentence in ("Es war einmal", "Il était une fois", "Once")]
    alone = [CLASSIFIER.posterior(text) for text in texts]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(CLASSIFIER.posterior, texts * 300))
    assert together == alone * 300
