import re

import pytest
from gazetteers import gazetteer

CODES = "en fr de es it nl pt ro ca da nb nn sv fi hr sr sk cs pl ru uk hu tr zh"
LANGUAGES = CODES.split()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_people_and_organisations(language: str) -> None:
    names = gazetteer(language)
    assert set(names) == {"PER", "ORG", "LOC"}
    assert len(names["PER"]) == 3000
    assert len(set(names["PER"])) > 1500
    assert len(names["ORG"]) == 1500
    assert len(set(names["ORG"])) > 100


@pytest.mark.parametrize("language", ["en", "fr", "de", "es", "it", "nl", "pt"])
def test_languages_with_patterns_have_many_organisations_and_places(language: str) -> None:
    names = gazetteer(language)
    assert len(set(names["ORG"])) > 700
    assert len(set(names["LOC"])) > 400


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_are_words_as_text_has_them(language: str) -> None:
    for name in {name for names in gazetteer(language).values() for name in names}:
        assert name == name.strip()
        assert not re.search(r"[{}\[\]()<>;:*_«»’]|  ", name), name


def test_people_have_no_titles() -> None:
    for language in LANGUAGES:
        titles = {"Dr.", "Dr", "Mme", "Mrs", "Mr", "Prof.", "Ing.", "Jr.", "Sr."}
        assert not titles & {word for name in gazetteer(language)["PER"] for word in name.split()}


@pytest.mark.parametrize(
    ("language", "label", "name"),
    [
        ("fr", "LOC", "États-Unis"),
        ("fr", "LOC", "Londres"),
        ("de", "LOC", "Mailand"),
        ("nl", "LOC", "Verenigd Koninkrijk"),
        ("fr", "ORG", "Union européenne"),
        ("it", "ORG", "Google"),
        ("ru", "ORG", "ООН"),
        ("zh", "LOC", "德国"),
    ],
)
def test_well_known_names_stand_in_the_words_of_the_language(
    language: str, label: str, name: str
) -> None:
    assert name in gazetteer(language)[label]


def test_english_names_and_numbered_districts_stay_out() -> None:
    assert not {"Rome", "Milan", "Florence"} & set(gazetteer("it")["LOC"])
    assert not any(re.search(r"\d", name) for name in gazetteer("fr")["LOC"])
    assert not {"Munich", "Cologne", "Vienna"} & set(gazetteer("de")["LOC"])


def test_a_third_of_the_people_are_surnames_alone() -> None:
    names = gazetteer("fr")["PER"]
    assert 0.3 < sum(" " not in name for name in names) / len(names) < 0.4


def test_french_elides_before_a_vowel() -> None:
    assert not any(re.search(r"\bde [AEIOUÉ]", n) for n in gazetteer("fr")["ORG"])


def test_russian_people_are_written_in_cyrillic() -> None:
    assert not any(re.search("[A-Za-z]", name) for name in gazetteer("ru")["PER"])


def test_inflecting_languages_get_no_places() -> None:
    assert gazetteer("pl")["LOC"] == ()


def test_unknown_language_has_no_names() -> None:
    assert gazetteer("xx") == {"PER": (), "ORG": (), "LOC": ()}


def test_lists_are_the_same_every_time() -> None:
    assert gazetteer.__wrapped__("ro") == gazetteer.__wrapped__("ro")
