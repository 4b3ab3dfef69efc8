from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.transforms.spacy_package import empty_site, install, save_model
from transforms.entity_models import (
    Choice,
    EntityConfig,
    EntityModels,
    ModelNotInstalled,
    check_models,
    choose,
    model_titles,
    title,
    tokeniser,
)
from transforms.language import LANGUAGES
from transforms.model_packages import catalogue, installed

NO_FALLBACK = {"ar", "el", "fa", "he", "hi", "ja", "ko", "th"}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with empty_site(tmp_path / "site", monkeypatch) as folder:
        yield folder


def fallback(language: str) -> Choice:
    return Choice("fallback", str(catalogue().fallback_path(language)))


def test_without_a_model_of_the_language_the_fallback_is_chosen(site: Path) -> None:
    install(site, "sv", "core_news_sm")

    assert choose("de", EntityConfig()) == fallback("de")


def test_an_installed_model_comes_before_the_fallback(site: Path) -> None:
    package = install(site, "de", "core_news_sm")

    assert choose("de", EntityConfig()) == Choice("installed", package)


def test_a_configured_model_comes_before_an_installed_one(site: Path) -> None:
    install(site, "de", "core_news_lg")
    small = install(site, "de", "core_news_sm")

    assert choose("de", EntityConfig({"de": small})) == Choice("configured", small)


def test_the_largest_installed_model_is_chosen(site: Path) -> None:
    for name in ("core_news_sm", "core_news_lg", "core_news_md", "core_news_trf"):
        install(site, "de", name)

    assert choose("de", EntityConfig()) == Choice("installed", "de_core_news_lg")


@pytest.mark.parametrize(
    "licence",
    ["GNU GPL 3.0", "AGPL-3.0", "CC BY-NC-SA 3.0", "GNU General Public License", "non-commercial"],
)
def test_a_model_with_a_restricted_licence_is_taken_only_when_configured(
    site: Path, licence: str
) -> None:
    package = install(site, "es", "core_news_lg", licence)

    assert choose("es", EntityConfig()) == fallback("es")
    assert choose("es", EntityConfig({"es": package})) == Choice("configured", package)


@pytest.mark.parametrize(
    "licence", ["MIT", "CC BY-SA 4.0", "LGPL-LR", "GNU Lesser General Public License"]
)
def test_other_licences_are_taken(site: Path, licence: str) -> None:
    package = install(site, "fr", "core_news_sm", licence)

    assert choose("fr", EntityConfig()) == Choice("installed", package)


def test_installed_models_can_be_left_alone(site: Path) -> None:
    install(site, "de", "core_news_sm")

    chosen = choose("de", EntityConfig(use_installed=False))

    assert chosen
    assert chosen.origin == "fallback"


def test_norwegian_is_served_by_a_model_for_bokmal(site: Path) -> None:
    package = install(site, "nb", "core_news_sm")

    assert choose("no", EntityConfig()) == Choice("installed", package)


def test_the_fallback_is_not_asked_about_scripts_it_has_never_seen(site: Path) -> None:
    assert choose("el", EntityConfig()) is None

    package = install(site, "el", "core_news_sm")
    installed.cache_clear()
    assert choose("el", EntityConfig()) == Choice("installed", package)


def test_an_empty_name_means_no_model() -> None:
    config = EntityConfig({"de": ""})

    check_models(config)
    assert choose("de", config) is None
    assert EntityModels(config).get("de") is None
    assert EntityModels(config).model_name("de") == ""


def test_a_configured_package_that_is_not_installed_is_one_clear_error() -> None:
    config = EntityConfig({"en": "en_core_web_xxl"})

    with pytest.raises(ModelNotInstalled, match=r"python -m spacy download en_core_web_xxl$"):
        check_models(config)
    with pytest.raises(ModelNotInstalled, match="configured for 'en'"):
        EntityModels(config).get("en")
    with pytest.raises(ModelNotInstalled, match="configured for 'en'"):
        model_titles(config)


def test_a_published_model_that_is_not_installed_is_installed_by_our_own_command(
    site: Path,
) -> None:
    with pytest.raises(ModelNotInstalled, match=r"docsluice models install fr --size lg$"):
        check_models(EntityConfig({"fr": "fr_core_news_lg"}))


def test_a_configured_folder_that_is_no_model_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelNotInstalled, match="is no folder with a spaCy model"):
        check_models(EntityConfig({"en": str(tmp_path)}))


def test_a_configured_folder_is_loaded_without_what_entities_do_not_need(tmp_path: Path) -> None:
    save_model(tmp_path / "mine", "en", "mine")
    config = EntityConfig({"en": str(tmp_path / "mine")})
    check_models(config)

    model = EntityModels(config).get("en")

    assert model
    assert model.name == "en_mine 1.2.3"
    assert model.nlp.pipe_names == ["ner"]


def test_an_installed_package_is_loaded(site: Path) -> None:
    install(site, "de", "core_news_sm")

    assert EntityModels().model_name("de") == "de_core_news_sm 1.2.3"


def test_a_model_is_loaded_once_and_a_fallback_shared_by_its_languages() -> None:
    models = EntityModels()
    spanish, french, german = models.get("es"), models.get("fr"), models.get("de")

    assert spanish
    assert french
    assert german
    assert models.get("es") is spanish
    assert spanish.nlp.get_pipe("ner") is french.nlp.get_pipe("ner")
    assert spanish.nlp.get_pipe("ner") is not german.nlp.get_pipe("ner")
    assert spanish.nlp.lang == "es"
    assert french.nlp.lang == "fr"
    assert spanish.name == french.name != german.name
    assert spanish.name.startswith("docsluice_romance 0.")


def test_titles_are_what_the_loaded_models_say_of_themselves(site: Path, tmp_path: Path) -> None:
    install(site, "fr", "core_news_sm")
    save_model(tmp_path / "mine", "en", "mine")
    config = EntityConfig({"en": str(tmp_path / "mine"), "de": ""})
    models = EntityModels(config)

    titles = model_titles(config)

    assert {*LANGUAGES, "und"} - set(titles) == NO_FALLBACK | {"de"}
    for language in ("en", "fr", "sv", "und"):
        assert titles[language] == models.model_name(language)


def test_a_model_that_is_not_there_has_no_title() -> None:
    assert title(Choice("configured", "en_core_web_xxl")) == ""


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("fr", "l'océan", ["l'", "océan"]),
        ("en", "don't", ["do", "n't"]),
        ("no", "f.eks. nå", ["f.eks.", "nå"]),
        ("zh", "北京", ["北", "京"]),
        ("und", "ab cd.", ["ab", "cd", "."]),
        ("zz", "ab cd.", ["ab", "cd", "."]),
    ],
)
def test_words_are_cut_by_the_language(language: str, text: str, words: list[str]) -> None:
    assert [token.text for token in tokeniser(language)(text)] == words


@pytest.mark.parametrize("language", ["ja", "ko", "th", "vi"])
def test_a_language_whose_tokeniser_is_not_installed_is_still_cut(language: str) -> None:
    assert len(tokeniser(language)("a b")) == 2
