from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from transforms.sqlite.segment import is_unspaced, segment, segments

MIXED = st.text(st.sampled_from("ab é\n东京タワ한글กข手"), max_size=40)


def test_text_with_blanks_is_left_alone() -> None:
    assert segment("l'océan  bleu") == "l'océan  bleu"
    assert segments("l'océan bleu", "plain") == ""


def test_each_character_without_blanks_becomes_a_word() -> None:
    assert segment("iPhone手机 ok") == "iPhone 手 机 ok"


def test_only_chunks_that_need_it_are_kept() -> None:
    assert segments("Tokyo 東京", "a iPhone手机 b") == "東 京 iPhone 手 机"


@given(MIXED)
def test_nothing_but_blanks_is_added(text: str) -> None:
    assert "".join(segment(text).split()) == "".join(text.split())


@given(MIXED)
def test_a_part_of_a_text_is_a_phrase_of_its_segments(text: str) -> None:
    for chunk in text.split():
        if is_unspaced(chunk):
            assert f" {segment(chunk)} " in f" {segments(text)} "


def test_a_long_word_is_no_trouble() -> None:
    assert segments("é" * 2_000_000 + " 東京") == "東 京"
