import pytest
from corpus import GROUPS, Text
from hypothesis import given
from hypothesis import strategies as st
from translate import (
    ROUTES,
    hide,
    in_language,
    modes,
    reveal,
    territories,
    translate,
    translated,
)

from tests.models.apertium import needs_apertium

PORTUGUESE = Text(
    "Mário Soares esteve ontem em Angola, segundo o Ministério da Fazenda.",
    ((0, 12, "PER"), (29, 35, "LOC"), (47, 68, "ORG")),
    "pt",
    "bosque",
)


def names(text: Text) -> list[tuple[str, str]]:
    return [(text.text[start:end], label) for start, end, label in text.spans]


def test_hidden_names_come_back_in_their_places() -> None:
    hidden = hide(PORTUGUESE)

    assert "Soares" not in hidden
    assert "Angola" not in hidden
    assert reveal(hidden, names(PORTUGUESE), "pt", "bosque") == PORTUGUESE


@given(st.lists(st.sampled_from(["Ana", "Rio Tinto", "X"]), max_size=60))
def test_any_number_of_names_can_be_hidden(found: list[str]) -> None:
    text, spans = "", []
    for name in found:
        spans.append((len(text), len(text) + len(name), "PER"))
        text += f"{name} e "
    sentence = Text(text.strip(), tuple(spans), "pt", "made_up")

    assert reveal(hide(sentence), names(sentence), "pt", "made_up") == sentence


@pytest.mark.parametrize("hidden", ["nothing", "Xqzb and Xqzb and Xqzc and Xqzd", "Xqzb Xqzc"])
def test_a_sentence_that_lost_or_doubled_a_name_is_dropped(hidden: str) -> None:
    assert reveal(hidden, names(PORTUGUESE), "es", "bosque") is None


@pytest.mark.parametrize(
    ("language", "hidden", "text"),
    [
        ("fr", "la ville de Xqzb.", "la ville d'Angola."),
        ("it", "lungo la Xqzb", "lungo l'Angola"),
        ("es", "la ciudad de Xqzb", "la ciudad de Angola"),
    ],
)
def test_articles_are_elided_before_vowels(language: str, hidden: str, text: str) -> None:
    made = reveal(hidden, [("Angola", "LOC")], language, "made_up")

    assert made is not None
    assert made.text == text
    assert names(made) == [("Angola", "LOC")]


def test_territories_are_named_as_cldr_does() -> None:
    assert territories("pt", "fr")["Estados Unidos"] == "États-Unis"


def test_every_translated_set_of_the_groups_has_its_route() -> None:
    made = {in_language(name, language) for names, language in ROUTES for name in names}
    wanted = {name for sets in GROUPS.values() for name in sets if "_in_" in name}

    assert wanted <= made


def test_chains_go_through_spanish() -> None:
    assert modes("en", "it") == ("eng-spa", "spa-ita")
    assert modes("pt", "es") == ("pt-es",)


@needs_apertium
def test_a_sentence_is_translated_with_its_names() -> None:
    (made,) = translated([PORTUGUESE], "es")

    assert made.text == ("Mário Soares estuvo ayer en Angola, según el Ministerio de la Hacienda.")
    assert names(made) == [
        ("Mário Soares", "PER"),
        ("Angola", "LOC"),
        ("Ministerio de la Hacienda", "ORG"),
    ]
    assert (made.language, made.dataset) == ("es", "bosque")


@needs_apertium
def test_lines_stay_apart_and_keep_their_stops() -> None:
    lines = ["Ele saiu.", "Bem", "", "A casa\u0085 caiu"]

    assert translate(lines, ("pt-es",))[:3] == ["Él salió.", "Bien", ""]
    assert len(translate(lines, ("pt-es",))) == 4
