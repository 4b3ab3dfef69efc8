import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.title import take_title

PROSE = "The council met on Monday to talk about the harbour. Nobody agreed with anybody.\n"


@pytest.mark.parametrize(
    "line",
    [
        "Council Fails to Agree on Harbour",
        "Is the harbour safe?",
        "RNZ: Outrage after council meeting",
        "50 nations reach an agreement",
        "« Le port » : nouvel échec",
        "港湾について",
    ],
)
def test_a_line_alone_over_prose_is_the_title(line: str) -> None:
    assert take_title(f"{line}\n\n{PROSE}") == (line, PROSE)


@pytest.mark.parametrize(
    "text",
    [
        f"A sentence is no title.\n\n{PROSE}",
        f"According to the Gazette:\n\n{PROSE}",
        f"Dear Sir\n\n{PROSE}",
        f"Paris, 12 May 1890\n\n{PROSE}",
        f"12 mai 1890\n\n{PROSE}",
        f"LS(1)        User Commands        LS(1)\n\n{PROSE}",
        f"- first point\n\n{PROSE}",
        f"1. first point\n\n{PROSE}",
        f"# comment\n\n{PROSE}",
        f"import os; import sys\n\n{PROSE}",
        f"<?xml version='1.0'?>\n\n{PROSE}",
        f"2024-05-01 12:00:00 INFO started\n\n{PROSE}",
        f"    indented line\n\n{PROSE}",
        f"{'very long line ' * 20}\n\n{PROSE}",
        f"1234 5678\n\n{PROSE}",
        f"First line of a poem\nsecond line of a poem\n\n{PROSE}",
        "a\n\nb, and c.\n",
        "apple\n\npear\n\nplum\n",
        "One line only",
        "One line only\n",
        "",
    ],
)
def test_what_is_no_title_stays_in_the_text(text: str) -> None:
    assert take_title(text) == ("", text)


def test_a_repeated_title_is_taken_every_time() -> None:
    text = f"Harbour  talks fail\n\nHarbour talks fail\n\n{PROSE}\nHARBOUR TALKS FAIL\n"
    assert take_title(text) == ("Harbour talks fail", PROSE)


def test_a_repeated_sentence_is_a_title_in_spite_of_its_stop() -> None:
    text = f"Harbour talks fail.\n\nHarbour talks fail.\n\n{PROSE}"
    assert take_title(text) == ("Harbour talks fail.", PROSE)


def test_an_underlined_line_is_a_title_with_its_underline() -> None:
    assert take_title(f"Harbour talks\n=============\n\n{PROSE}") == ("Harbour talks", PROSE)


def test_a_given_title_is_taken_off_the_text_and_never_replaced() -> None:
    assert take_title(f"Harbour\n{PROSE}", "Harbour") == ("Harbour", PROSE)
    other = f"Another line\n\n{PROSE}"
    assert take_title(other, "Harbour") == ("Harbour", other)


def test_a_text_that_is_nothing_but_its_title_keeps_it() -> None:
    assert take_title("Harbour\n\nharbour\n", "Harbour") == ("Harbour", "Harbour\n\nharbour\n")


LINES = st.lists(
    st.sampled_from(
        ["", "", "Title", "title", "Words here.", "More words, and more of them.", "==="]
    ),
    max_size=9,
)


@given(LINES)
def test_taking_twice_is_taking_once_and_never_empties(lines: list[str]) -> None:
    text = "\n".join(lines)
    title, rest = take_title(text)
    assert take_title(rest, title) == (title, rest)
    assert bool(rest.strip()) == bool(text.strip())
