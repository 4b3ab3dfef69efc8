from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from augment import spans
from corpus import Sentence
from hypothesis import given
from hypothesis import strategies as st
from openings import Openings, addressed, opened, openings

SENTENCE = Sentence(("Ieri", "Rossi", "parla"), (True, True, False), ("O", "U-PER", "O"), "it")
BY = Openings(("tuttavia",), ("Signor Presidente ,",), ("il ministro",))


def every(change: Callable[..., Sentence], sentence: Sentence, by: Openings) -> set[str]:
    """The texts that a change makes of a sentence."""
    made = (change(sentence, by, Random(seed)) for seed in range(300))
    return {
        "".join(w + " " * s for w, s in zip(one.words, one.spaces, strict=True)) for one in made
    }


def test_a_frequent_word_takes_the_place_of_the_first_or_an_address_goes_before() -> None:
    assert every(opened, SENTENCE, BY) == {
        "Ieri Rossi parla",
        "Tuttavia Rossi parla",
        "Signor Presidente, Ieri Rossi parla",
    }


def test_a_name_that_begins_a_sentence_stays() -> None:
    rossi = Sentence(SENTENCE.words[1:], SENTENCE.spaces[1:], SENTENCE.tags[1:], "it")
    assert every(opened, rossi, replace(BY, greetings=())) == {
        "Rossi parla",
        "Tuttavia Rossi parla",
        "Tuttavia, Rossi parla",
    }


def test_a_person_is_addressed_and_a_place_is_not() -> None:
    assert every(addressed, SENTENCE, BY) == {"Ieri Rossi parla", "Ieri il ministro Rossi parla"}
    place = replace(SENTENCE, tags=("O", "U-LOC", "O"))
    assert every(addressed, place, BY) == {"Ieri Rossi parla"}


@pytest.mark.parametrize("change", [opened, addressed])
def test_a_language_without_lists_is_left_as_it_is(change: Callable[..., Sentence]) -> None:
    assert every(change, SENTENCE, Openings()) == {"Ieri Rossi parla"}


def test_an_empty_sentence_stays_empty() -> None:
    assert every(opened, Sentence((), (), (), "it"), BY) == {""}


@given(st.integers())
def test_sentences_stay_whole_and_keep_their_names(seed: int) -> None:
    random = Random(seed)
    changed = opened(addressed(SENTENCE, BY, random), BY, random)
    assert len(changed.words) == len(changed.spaces) == len(changed.tags)
    [(start, end, label)] = spans(changed.tags)
    assert (changed.words[start:end], label) == (("Rossi",), "PER")


def test_words_are_frequent_and_no_names(word_lists: Callable[..., Path]) -> None:
    known = [["tuttavia", "rossi", "oggi"], ["roma", "parla", "2", "e", "san", "ieri"]]
    sentences = [
        SENTENCE,
        Sentence(("Oggi",), (False,), ("O",), "fr"),
        Sentence(("Roma",), (False,), (), "it"),
        Sentence(("San", "Ieri"), (True, False), (), "it"),
        Sentence(("ieri",), (False,), ("O",), "it"),
    ]
    made = openings("it", word_lists(it=known), sentences)
    assert made.words == ["tuttavia", "oggi", "parla", "ieri"]
    assert "Signor Presidente ," in made.greetings
    assert "signor" in made.titles
    assert openings("nn", word_lists(nb=[["i"], ["dag"]]), []).words == ["dag"]


@pytest.mark.parametrize("language", ["hu", "zh"])
def test_words_of_languages_that_inflect_names_or_have_no_capitals_are_not_taken(
    language: str, tmp_path: Path
) -> None:
    assert openings(language, tmp_path, []) == Openings()
