import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.transforms.spacy_package import empty_site, install, save_model
from transforms.language import LANGUAGES
from transforms.model_packages import (
    SIZES,
    Catalogue,
    Published,
    catalogue,
    how_to_install,
    installed,
    is_restricted,
    our_code,
    read_meta,
)

ALL = (*LANGUAGES, "und")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with empty_site(tmp_path / "site", monkeypatch) as folder:
        yield folder


def test_every_published_model_is_of_a_language_and_size_that_there_is() -> None:
    for language, models in catalogue().published.items():
        assert language in ALL
        assert models
        sizes = [model.size for model in models]
        assert sizes == [size for size in SIZES if size in sizes]
        for model in models:
            assert model.language == language
            assert our_code(model.name.split("_")[0]) == language
            assert model.name.endswith(f"_{model.size}")
            assert model.megabytes is None or 5 < model.megabytes < 1000


def test_models_under_the_gpl_or_for_non_commercial_use_are_known() -> None:
    restricted = {
        language
        for language, models in catalogue().published.items()
        if any(is_restricted(model.licence) for model in models)
    }

    assert restricted == {"ca", "el", "es", "it", "pl"}


def test_a_published_model_is_found_by_name() -> None:
    assert catalogue().find("nb_core_news_md") == Published(
        "nb_core_news_md", "no", "md", 40, "MIT"
    )
    assert catalogue().find("de_dep_news_trf") is None


def test_each_language_is_served_by_a_fallback_that_ships_or_by_none() -> None:
    there = catalogue()

    assert set(there.fallback) <= set(ALL)
    assert there.unserved <= set(LANGUAGES)
    assert not there.unserved & set(there.fallback)
    for language in ALL:
        path = there.fallback_path(language)
        assert (path is None) == (language in there.unserved)
        assert path is None or "ner" in read_meta(str(path))["pipeline"]


def test_a_language_has_its_own_fallback_or_the_one_for_others() -> None:
    other = catalogue().other
    there = Catalogue({}, {"fr": other}, "missing", frozenset({"ja"}))

    path = there.fallback_path("fr")
    assert path
    assert path.name == other
    assert there.fallback_path("de") is None
    assert there.fallback_path("ja") is None


@pytest.mark.parametrize(
    "licence", ["GNU GPL 3.0", "AGPL-3.0", "CC BY-NC-SA 3.0", "non-commercial"]
)
def test_restricted_licences(licence: str) -> None:
    assert is_restricted(licence)


@pytest.mark.parametrize("licence", ["MIT", "CC BY-SA 4.0", "LGPL-LR", "Apache-2.0", ""])
def test_other_licences(licence: str) -> None:
    assert not is_restricted(licence)


def test_installed_models_are_found_best_first_with_their_metadata(site: Path) -> None:
    install(site, "nb", "core_news_sm")
    install(site, "nb", "core_news_lg", "GNU GPL 3.0", version="3.8.0")
    install(site, "nb", "core_news_trf")

    found = [model for model in installed() if model.name.startswith("nb_")]

    assert [model.name for model in found] == [
        "nb_core_news_lg",
        "nb_core_news_sm",
        "nb_core_news_trf",
    ]
    assert (found[0].language, found[0].version, found[0].licence) == ("no", "3.8.0", "GNU GPL 3.0")
    assert found[0].finds_names


@pytest.mark.parametrize("content", ["no json", None])
def test_an_installed_model_that_is_broken_is_passed_over(site: Path, content: str | None) -> None:
    package = install(site, "sv", "core_news_sm")
    meta = site / package / "meta.json"
    meta.write_text(content) if content else meta.unlink()

    assert package not in {model.name for model in installed()}
    assert not read_meta(package)


def test_the_metadata_of_packages_and_folders_is_read(site: Path, tmp_path: Path) -> None:
    package = install(site, "sv", "core_news_sm")
    save_model(tmp_path / "mine", "en", "mine")

    assert read_meta(package)["lang"] == "sv"
    assert read_meta(str(tmp_path / "mine")) == json.loads(
        (tmp_path / "mine" / "meta.json").read_text()
    )
    assert read_meta("no_such_package") == {}
    assert read_meta(str(tmp_path)) == {}


def test_what_to_do_about_a_model_that_is_not_there() -> None:
    assert how_to_install("nb_core_news_sm").endswith(": docsluice models install no --size sm")
    assert how_to_install("hu_core_news_lg").endswith(": python -m spacy download hu_core_news_lg")
    assert how_to_install("./mine") == "is no folder with a spaCy model"
