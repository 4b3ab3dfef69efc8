from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from transforms.index import Fragment, Snippet
from transforms.sqlite.snippet import CLOSE, CUT, OPEN, around, from_marks


def test_marks_become_fragments() -> None:
    assert from_marks(f"{CUT}a {OPEN}cat{CLOSE} and {OPEN}dog{CLOSE}") == Snippet(
        (Fragment("a "), Fragment("cat", True), Fragment(" and "), Fragment("dog", True)), True
    )


def test_without_a_mark_there_is_no_snippet() -> None:
    assert from_marks("a cat") is None


def test_the_first_match_is_shown_with_some_text_before() -> None:
    snippet = around("x" * 1000 + " 北京市" + "y" * 1000, ["上海", "北京"])
    assert Fragment("北京", is_match=True) in snippet.fragments
    assert (snippet.cut_before, snippet.cut_after) == (True, True)


def test_words_are_kept_whole() -> None:
    words = " ".join(["longword"] * 100)
    snippet = around(f"{words} cat {words}", ["cat"])
    assert set(snippet.text.split()) == {"longword", "cat"}


def test_without_a_match_the_beginning_is_shown() -> None:
    assert around("a cat", []) == around("a cat", ["dog"]) == Snippet((Fragment("a cat"),))


@given(st.text(max_size=600), st.lists(st.text(min_size=1, max_size=3), max_size=3))
def test_a_snippet_is_a_piece_of_the_text(text: str, needles: list[str]) -> None:
    snippet = around(text, needles)
    assert snippet.text in text
    assert snippet.cut_before != text.startswith(snippet.text) or snippet.text in text[1:]
    assert all(fragment.text for fragment in snippet.fragments)
