from dataclasses import replace
from random import Random

import pytest
import spacy
from augment import Names, biluo, curl, join, listed, recase, spans, unaccent
from corpus import Sentence
from hypothesis import given
from hypothesis import strategies as st

ENGLISH = Sentence(
    ("Bob", "Dylan", "left", '"', "Paris", '"', "."),
    (True, True, True, False, False, False, False),
    ("B-PER", "L-PER", "O", "O", "U-LOC", "O", "O"),
    "en",
)
FRENCH = Sentence(("Napoléon", "dort"), (True, False), ("U-PER", "O"), "fr")


def test_spans_are_those_of_the_tags() -> None:
    assert list(spans(ENGLISH.tags)) == [(0, 2, "PER"), (4, 5, "LOC")]


@pytest.mark.parametrize(
    ("length", "tags"),
    [(1, ["U-ORG"]), (2, ["B-ORG", "L-ORG"]), (3, ["B-ORG", "I-ORG", "L-ORG"])],
)
def test_biluo_tags_one_name(length: int, tags: list[str]) -> None:
    assert biluo(length, "ORG") == tags


@given(st.integers())
def test_swapping_keeps_the_sentence_whole(seed: int) -> None:
    danish = replace(ENGLISH, language="da")
    swapped = Names([danish, danish], {}).swap(danish, Random(seed))

    assert len(swapped.words) == len(swapped.spaces) == len(swapped.tags)
    assert [label for _, _, label in spans(swapped.tags)] == ["PER", "LOC"]
    assert swapped == danish  # there is only this one name of each label to swap it for


def test_listed_names_replace_those_of_old_french_text() -> None:
    names = Names([FRENCH], {"fr": {"PER": listed(["Ada Lovelace"], spacy.blank("fr"))}})
    found = {names.swap(FRENCH, Random(seed)) for seed in range(50)}

    assert found == {
        FRENCH,
        Sentence(("Ada", "Lovelace", "dort"), (True, True, False), ("B-PER", "L-PER", "O"), "fr"),
    }


def test_a_label_without_listed_names_takes_annotated_ones() -> None:
    names = Names([FRENCH], {"fr": {"PER": []}})

    assert {names.swap(FRENCH, Random(seed)) for seed in range(50)} == {FRENCH}


def test_an_elided_article_takes_a_name_that_begins_with_a_vowel() -> None:
    elided = Sentence(("l'", "Iran"), (False, False), ("O", "U-LOC"), "fr")
    pool = listed(["Pau", "Metz", "Albi", "Nice"], spacy.blank("fr"))
    names = Names([elided], {"fr": {"LOC": pool}})
    found = [names.swap(elided, Random(seed)).words[1] for seed in range(300)]

    assert set(found) >= {"Albi", "Iran"}
    assert found.count("Albi") > 5 * found.count("Pau")


def test_a_small_share_is_recased() -> None:
    random = Random(0)
    words = [recase(ENGLISH, random).words for _ in range(6_000)]

    assert 50 < sum("dylan" in w for w in words) < 150
    assert 50 < sum("DYLAN" in w for w in words) < 150
    assert 130 < sum("Left" in w for w in words) < 270


def test_a_small_share_loses_its_accents() -> None:
    random = Random(0)
    words = [unaccent(FRENCH, random).words for _ in range(3_000)]

    assert 30 < words.count(("Napoleon", "dort")) < 90
    assert words.count(FRENCH.words) == 3_000 - words.count(("Napoleon", "dort"))


def test_quotes_are_curled_in_pairs() -> None:
    marks = {curl(ENGLISH, Random(seed)).words[3:6:2] for seed in range(200)}

    assert marks == {('"', '"'), ("“", "”"), ("„", "“"), ("«", "»"), ("‘", "’")}


def test_joined_sentences_are_parted_and_keep_their_tags() -> None:
    texts = set()
    for seed in range(100):
        joined = join([ENGLISH, FRENCH], Random(seed))
        assert [label for _, _, label in spans(joined.tags)] == ["PER", "LOC", "PER"]
        texts.add("".join(w + " " * s for w, s in zip(joined.words, joined.spaces, strict=True)))

    first, last = 'Bob Dylan left "Paris".', "Napoléon dort"
    assert texts == {f"{first} {last}", f"{first}\n{last}", f"{first}\n\n{last}"}


def test_names_may_end_in_words_that_are_none() -> None:
    plain = Sentence(("the", "umlaut", "stands"), (True, True, False), ("O", "O", "O"), "en")
    named = Sentence(("Emmanuel", "Macron"), (True, False), ("B-PER", "L-PER"), "en")
    names = Names([plain, named], {})
    random = Random(0)
    ends = {names.swap(named, random).words[-1] for _ in range(300)}
    assert {"Macron", "Umlaut", "Stands"} <= ends
    assert any(
        len(end) == len("Macron") and end not in ("Macron", "Umlaut", "Stands") for end in ends
    )
