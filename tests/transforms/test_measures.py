import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.measures import measure


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Four words stand here.", 4),
        ("  blanks \n\n and\tlines ", 3),
        ("한국어는 띄어쓰기를 합니다", 3),
        ("中华人民共和国", 4),  # 7 characters, 2 to a word
        ("日本語のテキストです。", 6),
        ("ภาษาไทยเขียนติดกัน", 4),  # 18 characters, 5 to a word
        ("Debian は自由な OS です", 6),
        ("", 0),
        ("中", 1),
    ],
)
def test_words_are_counted_and_where_there_are_no_blanks_estimated(text: str, words: int) -> None:
    assert measure(text).words == words


def test_characters_are_counted_by_class() -> None:
    m = measure("Été 2024: “CO₂”, 5€… 😀\n\n- b\n")
    assert m.characters == len("Été2024:“CO₂”,5€…😀-b")
    assert m.digits == 5
    assert m.symbols == len(":“₂”,€…😀-")
    assert m.upper == len("CO")
    assert m.lines == ["Été 2024: “CO₂”, 5€… 😀", "- b"]
    assert m.unspaced == 0


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_no_class_exceeds_the_whole(text: str) -> None:
    m = measure(text)
    assert m.digits + m.upper <= m.characters <= len(text)
    assert m.unspaced <= len(text)
    assert (m.words == 0) == (not text.split())
