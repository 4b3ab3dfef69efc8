from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.document import ENTITY_LABELS, Entity
from transforms.names import ARTICLES, ELISIONS, MAX_CHARACTERS, apart, names_in

LANGUAGES = sorted({*ARTICLES, *ELISIONS, "pl", "und", ""})
PIECES = (
    "the ", "l'", "d’", "dell'", "Macron", "Hague", "'s", "’s", "«", "”", "(", ")", "[", "]", "-",
    "…", "...", "'t ", "\n", "\u2028", "\u00a0", "U.S.", "12", "東京", "\ud800", "\0", "?",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join)


def names(piece: str, language: str = "en", label: str = "ORG") -> list[str]:
    """The names in a piece with text around it, which is left alone."""
    text = f"before {piece} after"
    found = list(names_in(text, 7, len(text) - 6, label, language))
    assert all(text[entity.start : entity.end] == entity.text for entity in found)
    return [entity.text for entity in found]


@pytest.mark.parametrize(
    ("piece", "expected"),
    [
        (" “Macron” ", ["Macron"]),
        ("« Le Monde »", ["Le Monde"]),
        ("New\nYork", ["New", "York"]),
        ("Paris\r\n\r\n ", ["Paris"]),
        ("(USP)", ["USP"]),
        ("USP)", ["USP"]),
        ("Universidade de São Paulo (USP)", ["Universidade de São Paulo (USP)"]),
        ("Fine Gael -", ["Fine Gael"]),
        ("**Reuters**,", ["Reuters"]),
        ("¿Qué?", ["Qué"]),
        ("Kennedy…", ["Kennedy"]),
        ("U.S.", ["U.S."]),
        ("Apple Inc.", ["Apple Inc."]),
        ("Yahoo!", ["Yahoo!"]),
        (".NET", [".NET"]),
        ("Disney+", ["Disney+"]),
        ("'s-Hertogenbosch", ["'s-Hertogenbosch"]),
        ("'t Hooft", ["'t Hooft"]),
        ("-- 12 !", []),
        ("'s", ["s"]),
        ("\n", []),
        ("", []),
    ],
)
def test_only_the_name_is_left_and_it_stays_on_its_line(piece: str, expected: list[str]) -> None:
    assert names(piece) == expected


@pytest.mark.parametrize(
    ("language", "piece", "expected"),
    [
        ("en", "the Hague", "Hague"),
        ("en", "The Hague", "The Hague"),
        ("en", "the “Guardian”", "Guardian"),
        ("en", "a-ha", "a-ha"),
        ("en", "thema", "thema"),
        ("es", "Los Angeles", "Los Angeles"),
        ("es", "los Estados Unidos", "Estados Unidos"),
        ("es", "El País", "El País"),
        ("fr", "La Rochelle", "La Rochelle"),
        ("fr", "la Rochelle", "Rochelle"),
        ("fr", "l'Angleterre", "Angleterre"),
        ("fr", "l’ Angleterre", "Angleterre"),
        ("fr", "L'Oréal", "L'Oréal"),
        ("fr", "d'Angleterre", "Angleterre"),
        ("fr", "Le Monde", "Le Monde"),
        ("it", "dell'Unione europea", "Unione europea"),
        ("it", "nell’Alto Adige", "Alto Adige"),
        ("it", "L'Aquila", "L'Aquila"),
        ("ca", "l'Hospitalet", "Hospitalet"),
        ("nl", "de Volkskrant", "Volkskrant"),
        ("nl", "De Volkskrant", "De Volkskrant"),
        ("de", "der Spiegel", "Spiegel"),
        ("de", "von der Leyen", "von der Leyen"),
        ("pt", "os Estados Unidos", "Estados Unidos"),
        ("hu", "az Európai Unió", "Európai Unió"),
        ("pl", "the Hague", "the Hague"),
        ("en", "l'Angleterre", "l'Angleterre"),
    ],
)
def test_articles_go_where_they_are_no_part_of_the_name(
    language: str, piece: str, expected: str
) -> None:
    assert names(piece, language) == [expected]


def test_a_person_keeps_the_particle() -> None:
    assert names("d'Artagnan", "fr", "PER") == ["d'Artagnan"]
    assert names("l'Abbé Pierre", "fr", "PER") == ["Abbé Pierre"]


@pytest.mark.parametrize(
    ("piece", "label", "expected"),
    [
        ("Macron's", "PER", "Macron"),
        ("Russia’s", "LOC", "Russia"),
        ("“Obama”'s", "PER", "Obama"),
        ("NATO's", "ORG", "NATO"),
        ("McDonald's", "ORG", "McDonald's"),
        ("O'Neill's", "ORG", "O'Neill's"),
        ("Jones'", "PER", "Jones"),
    ],
)
def test_a_possessive_ending_goes_unless_it_is_the_firms_name(
    piece: str, label: str, expected: str
) -> None:
    assert names(piece, label=label) == [expected]


def test_a_sentence_is_no_name() -> None:
    longest = "Ab " * (MAX_CHARACTERS // 3) + "A"
    assert len(longest) == MAX_CHARACTERS
    assert names(longest) == [longest]
    assert names(longest + "b") == []
    assert names("one two " * 20) == []


@given(TEXTS, st.sampled_from(LANGUAGES), st.sampled_from(ENTITY_LABELS), st.data())
def test_a_name_is_where_it_says_and_trimmed_for_good(
    text: str, language: str, label: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    found = list(names_in(text, start, end, label, language))

    for entity in found:
        assert text[entity.start : entity.end] == entity.text
        assert start <= entity.start < entity.end <= end
        assert entity.text == entity.text.strip()
        assert len(entity.text.splitlines()) == 1
        assert any(map(str.isalpha, entity.text))
        assert len(entity.text) <= MAX_CHARACTERS
        assert list(names_in(text, entity.start, entity.end, label, language)) == [entity]
    assert all(one.end <= other.start for one, other in pairwise(found))


ENTITIES = st.builds(
    lambda start, length, label: Entity("x" * length, label, start, start + length),
    st.integers(0, 30),
    st.integers(1, 8),
    st.sampled_from(ENTITY_LABELS),
)


@given(st.lists(ENTITIES, max_size=12), st.randoms())
def test_names_end_up_apart_whatever_their_order(entities: list[Entity], random) -> None:
    kept = apart(entities)
    random.shuffle(entities)

    assert kept == apart(entities)
    assert set(kept) <= set(entities)
    assert all(one.end <= other.start for one, other in pairwise(kept))
    assert bool(kept) == bool(entities)


def test_of_two_names_that_overlap_the_longer_stays() -> None:
    york, new_york = Entity("York", "LOC", 4, 8), Entity("New York", "ORG", 0, 8)
    times = Entity("York Times Book", "MISC", 4, 19)
    assert apart([york, new_york]) == (new_york,)
    assert apart([york, new_york, times]) == (times,)
    assert apart([Entity("York", "PER", 4, 8), york]) == (york,)


@pytest.mark.parametrize(
    ("piece", "language", "name"),
    [
        ("Mr. Smith", "en", "Smith"),
        ("First Lady Melania Trump", "en", "Melania Trump"),
        ("the President Emmanuel Macron", "en", "Emmanuel Macron"),
        ("M. Macron", "fr", "Macron"),
        ("Herrn Müller", "de", "Müller"),
        ("Dr. Novák", "cs", "Novák"),
        ("Lady Gaga", "en", "Lady Gaga"),
        ("Signor Commissario Rossi", "it", "Rossi"),
        ("Mräz", "en", "Mräz"),
    ],
)
def test_titles_go_before_persons(piece: str, language: str, name: str) -> None:
    assert [e.text for e in names_in(piece, 0, len(piece), "PER", language)] == [name]


@pytest.mark.parametrize("label", ["PER", "LOC"])
def test_a_title_alone_is_no_name(label: str) -> None:
    for piece in ("Mr", "Mr.", "First Lady", "Senator"):
        assert list(names_in(piece, 0, len(piece), label, "en")) == []
    for piece in ("Signor", "Signor Presidente"):
        assert list(names_in(piece, 0, len(piece), label, "it")) == []
    assert [e.text for e in names_in("Mr", 0, 2, label, "it")] == ["Mr"]


def test_titles_stay_in_the_names_of_other_things() -> None:
    piece = "President Hotel"
    assert [e.text for e in names_in(piece, 0, len(piece), "ORG", "en")] == [piece]


@pytest.mark.parametrize(
    ("text", "piece", "language", "label"),
    [
        ("So Mr Macron said", "Mr Macron", "en", "PER"),
        ("So Ms. Ardern said", "Ardern", "en", "PER"),
        ("Selon M. Dupont, non", "Dupont", "fr", "PER"),
        ("Die Galaxie M Dupont", "Dupont", "fr", "LOC"),
        ("Das sagte Frau Berlin", "Berlin", "de", "PER"),
        ("So Mrs Macron said", "said", "en", "LOC"),
        ("In Misses Paris", "Paris", "en", "LOC"),
        ("So Mr Macron said", "Macron", "ru", "LOC"),
    ],
)
def test_who_is_addressed_as_a_person_is_one(
    text: str, piece: str, language: str, label: str
) -> None:
    start = text.index(piece)
    (found,) = names_in(text, start, start + len(piece), "LOC", language)
    assert found.label == label
