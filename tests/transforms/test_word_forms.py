import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.word_forms import ENDINGS, known_form, own

NAMES = {"Washington", "Ankara", "Praha", "Amerika", "Nato", "București", "Bush", "Német"}
KNOWN = NAMES | {own("vlada", "hr"), own("son", "fr"), own("guvern", "ro"), "москве"}


@pytest.mark.parametrize(
    ("word", "language", "expected"),
    [
        ("Washington", "en", "Washington"),
        ("Washingtonban", "hu", "Washington"),
        ("Amerikában", "hu", "Amerika"),
        ("Washingtonu", "sk", "Washington"),
        ("Prahe", "sk", "Praha"),
        ("Ankara'da", "tr", "Ankara"),
        ("Ankara’nın", "tr", "Ankara"),
        ("Bucureștiului", "ro", "București"),
        ("NATO", "fr", "Nato"),
        ("NATO'nun", "tr", "Nato"),
        ("Москве", "ru", "москве"),
    ],
)
def test_a_name_is_found_with_its_ending(word: str, language: str, expected: str) -> None:
    assert known_form(word, language, KNOWN.__contains__) == expected


def test_a_word_is_one_of_its_language() -> None:
    assert known_form("son", "fr", KNOWN.__contains__) == "fr son"
    assert known_form("Son", "fr", KNOWN.__contains__) == "fr son"
    assert known_form("son", "es", KNOWN.__contains__) == "son"
    assert known_form("vladu", "hr", KNOWN.__contains__) == "hr vlada"
    assert known_form("vladu", "sr", KNOWN.__contains__) == "hr vlada"
    assert known_form("vladu", "sk", KNOWN.__contains__) == "vladu"


def test_endings_are_those_of_the_language() -> None:
    assert known_form("Washingtonban", "sk", KNOWN.__contains__) == "washingtonban"
    assert known_form("Washingtonu", "fr", KNOWN.__contains__) == "washingtonu"


def test_a_word_in_small_letters_is_no_name() -> None:
    assert known_form("bushe", "hr", KNOWN.__contains__) == "bushe"


def test_little_words_have_no_endings() -> None:
    assert known_form("Una", "hr", {"Un", "U"}.__contains__) == "una"


@given(st.text(min_size=1), st.sampled_from([*ENDINGS, "fr", "xx"]))
def test_what_no_table_has_is_the_word_in_small_letters(word: str, language: str) -> None:
    assert known_form(word, language, lambda _: False) == word.lower()


@given(st.text(min_size=1), st.sampled_from([*ENDINGS, "fr"]))
def test_what_the_table_has_as_it_is_stays(word: str, language: str) -> None:
    assert known_form(word, language, lambda _: True) == word
