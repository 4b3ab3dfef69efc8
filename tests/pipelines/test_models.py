import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.models import (
    UnknownLanguageError,
    Use,
    download_size,
    published,
    show_models,
    show_uses,
    use,
)
from tests.transforms.spacy_package import empty_site, install, save_model
from transforms.entity_models import EntityConfig
from transforms.model_packages import Published

NONE = EntityConfig()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with empty_site(tmp_path / "site", monkeypatch) as folder:
        yield folder


def test_what_finds_the_names_comes_with_its_version_and_where_it_is_from(
    site: Path, tmp_path: Path
) -> None:
    install(site, "fr", "core_news_md", version="3.8.0")
    save_model(tmp_path / "mine", "en", "mine")
    config = EntityConfig({"en": str(tmp_path / "mine"), "sv": ""})

    assert use("fr", config) == Use("fr", "fr_core_news_md 3.8.0", "installed")
    assert use("en", config) == Use("en", "en_mine 1.2.3", "configured")
    assert use("ja", config) == Use("ja", "", "")
    assert use("sv", config) == Use("sv", "", "")
    assert use("de", config).origin == "fallback"
    assert use("de", config).model.startswith("docsluice_")


def test_a_configured_model_that_is_not_there_is_a_problem_of_its_language_alone(
    site: Path,
) -> None:
    config = EntityConfig({"fr": "fr_core_news_lg", "de": "de_core_news_lg"})

    used = use("fr", config)

    assert (used.model, used.origin) == ("fr_core_news_lg", "configured")
    assert used.problem.endswith("is not installed: docsluice models install fr --size lg")
    assert "'de'" not in used.problem


def test_which_prints_a_line_for_each_language_asked_about(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site, "nb", "core_news_sm")

    show_uses(["nb", "no", "ja"], NONE, as_json=False)

    assert capsys.readouterr().out.splitlines() == [
        "no   nb_core_news_sm 1.2.3  installed",
        "ja   –                      no model",
    ]


def test_which_tells_of_all_languages_as_json(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_uses([], EntityConfig({"sv": "sv_core_news_sm"}), as_json=True)

    told = {one["language"]: one for one in json.loads(capsys.readouterr().out)}
    assert {"en", "zh", "und"} <= set(told)
    assert told["ar"] == {"language": "ar", "model": "", "origin": "", "problem": ""}
    assert "not installed" in told["sv"]["problem"]


def test_which_refuses_a_language_that_no_document_is_in() -> None:
    with pytest.raises(UnknownLanguageError, match=r"no documents in 'qq'.* en .* und$"):
        show_uses(["en", "qq"], NONE, as_json=False)


def test_the_list_marks_what_is_installed_and_what_is_restricted(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site, "es", "core_news_md", "GNU GPL 3.0")
    install(site, "fr", "core_news_sm")

    show_models(None, NONE, as_json=False)

    printed = capsys.readouterr().out
    rows = {line.split()[0]: line.split() for line in printed.splitlines()}
    assert rows["es"][1:4] == ["12", "[40]", "541"]
    assert rows["es"][5:8] == ["GNU", "GPL", "3.0*"]
    assert rows["es"][8].startswith("docsluice_")
    assert rows["fr"][1] == "[15]"
    assert rows["fr"][-2:] == ["fr_core_news_sm", "1.2.3"]
    assert "only if you ask for it by name" in printed


def test_the_list_of_one_language_has_the_names_of_the_packages(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site, "nb", "core_news_md")

    show_models("nb", NONE, as_json=False)

    assert capsys.readouterr().out.splitlines() == [
        "nb_core_news_sm  11 MB   MIT",
        "nb_core_news_md  40 MB   MIT  installed",
        "nb_core_news_lg  542 MB  MIT",
        "nb_core_news_md 1.2.3 finds the names in 'no'",
    ]


def test_the_list_as_json(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(site, "it", "core_news_sm", "CC BY-NC-SA 3.0")

    show_models("it", NONE, as_json=True)

    (told,) = json.loads(capsys.readouterr().out)
    assert (told["language"], told["origin"]) == ("it", "fallback")
    assert told["published"][0] == {
        "name": "it_core_news_sm",
        "size": "sm",
        "megabytes": 12,
        "licence": "CC BY-NC-SA 3.0",
        "restricted": True,
        "installed": "1.2.3",
    }
    assert told["published"][2]["installed"] is None


def test_a_language_without_models_is_told_which_have_them() -> None:
    with pytest.raises(UnknownLanguageError, match=r"no model of 'hu'.* of ca da .* zh$"):
        published("hu")


def test_an_unknown_size_is_not_made_up() -> None:
    assert download_size(Published("a_b_sm", "a", "sm", None, "MIT")) == "size not known"
