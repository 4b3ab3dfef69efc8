from __future__ import annotations

import random
import time
from difflib import SequenceMatcher

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.fingerprint import jaccard, shingles
from transforms.passages import MAX_WORDS, SEED_WORDS, Comparison, compare

TIDES = (
    "The moon pulls on the sea, and the water rises on both sides of the earth about twice a day."
)
WORDS = st.lists(st.sampled_from(["sea", "moon", "tide", "day", "Night", "two"]), max_size=40)


def passages(text: str, found: Comparison) -> list[str]:
    return [text[span.start : span.end] for span in found.passages]


def test_a_changed_word_parts_two_passages() -> None:
    other = TIDES.replace("both sides", "BOTH flanks")
    found = compare(TIDES, other)
    assert passages(TIDES, found) == [
        "The moon pulls on the sea, and the water rises on both",
        "of the earth about twice a day",
    ]
    assert [span.words for span in found.passages] == [12, 7]
    [here], [there] = found.only_here, found.only_there
    assert (TIDES[here.start : here.end], other[there.start : there.end]) == ("sides", "flanks")
    assert (found.words, found.shared) == (found.other_words, found.other_shared) == (20, 19)
    assert not found.is_cut


def test_what_moved_is_shared() -> None:
    text = "one two three four five six. seven eight nine ten eleven twelve"
    other = "seven eight nine ten eleven twelve; one two three four five six"
    found = compare(text, other)
    assert passages(text, found) == [
        "one two three four five six",
        "seven eight nine ten eleven twelve",
    ]
    assert found.only_here == found.only_there == ()


def test_fewer_words_than_a_shingle_are_no_passage_but_of_a_short_text() -> None:
    assert compare("a b c d x y z", "a b c d 1 2 3").passages == ()
    assert compare("a b c d", "1 a b c d 2").shared == 4
    assert compare("", "a b c").shared == compare("a b c", "").shared == 0
    assert compare("!?", "!?").words == 0


@pytest.mark.parametrize(
    ("text", "other", "words"),
    [
        ("Ein Fluß ist LANG und ﬂach", "ein fluss IST lang Und flach", 6),
        ("l'école d'été où l’on lit", "L'ÉCOLE D'ÉTÉ OÙ L'ON LIT", 8),
        ("हिन्दी में पाँच शब्द हैं", "हिन्दी में पाँच शब्द हैं", 5),
        ("a soft\u00adhyphen is no end of words", "a softhyphen is no end of words", 7),
        ("東京都の夜は明るい。", "東京都 の夜は、明るい", 9),
        ("snake_case parts words in two", "snake case parts words in two", 6),
    ],
)
def test_words_are_those_of_fingerprints(text: str, other: str, words: int) -> None:
    found = compare(text, other)
    assert found.shared == found.words == found.other_words == words
    assert jaccard(shingles(text), shingles(other)) == 1


@given(WORDS, WORDS)
def test_texts_share_a_passage_if_they_share_a_shingle(one: list[str], other: list[str]) -> None:
    if min(len(one), len(other)) < SEED_WORDS:
        return
    text, another = " ".join(one), " ".join(other)
    is_shared = jaccard(shingles(text), shingles(another)) > 0
    assert bool(compare(text, another).passages) == is_shared


@given(WORDS, WORDS)
def test_passages_stand_in_both_texts_and_cannot_be_longer(
    one: list[str], other: list[str]
) -> None:
    text, another = " ".join(one).lower(), " ".join(other).lower()
    found = compare(text, another)
    for span, shown in zip(found.passages, passages(text, found), strict=True):
        assert f" {shown} " in f" {another} "
        assert len(shown.split()) == span.words
    assert found.shared + sum(span.words for span in found.only_here) == found.words == len(one)
    rest = sum(span.words for span in found.only_there)
    assert found.other_shared + rest == found.other_words == len(other)


@given(st.randoms(use_true_random=False))
def test_the_longest_passage_is_the_longest_common_run(chance: random.Random) -> None:
    words = [f"w{number}" for number in range(60)]
    pieces = [words[at : at + chance.randint(1, 20)] for at in chance.sample(range(60), 6)]
    other = [word for piece in pieces for word in [*piece, "stop"]]
    longest = SequenceMatcher(None, words, other, autojunk=False).find_longest_match().size
    found = compare(" ".join(words), " ".join(other))
    assert (found.passages[0].words if found.passages else 0) == (
        longest if longest >= SEED_WORDS else 0
    )


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("a " * 500_000, "a " * 500_000),
        ("a b c d e f g " * 70_000, "a b c d e f h " * 70_000),
        (("x " * 999 + "y ") * 500, ("x " * 999 + "z ") * 500),
        ("東京都" * 330_000, "東京都" * 320_000 + "京"),
    ],
    ids=["one word", "a period", "long periods", "Han"],
)
def test_a_million_characters_take_seconds_whatever_they_are(text: str, other: str) -> None:
    before = time.process_time()
    found = compare(text, other)
    assert time.process_time() - before < 10
    assert found.is_cut
    assert found.words == MAX_WORDS
