import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.doctor import examine
from pipelines.settings import Settings, load
from tests.transforms.spacy_package import empty_site, install


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with empty_site(tmp_path / "site", monkeypatch) as folder:
        yield folder


def settings(tmp_path: Path, **models: str) -> Settings:
    return load({"store": str(tmp_path / "store"), "models": models})


def test_a_line_for_each_model_names_its_languages(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site, "fr", "core_news_md", version="3.8.0")
    install(site, "it", "core_news_md", "CC BY-NC-SA 3.0")

    assert examine(settings(tmp_path, it="it_core_news_md", sv=""), as_json=False)

    lines = [line for line in capsys.readouterr().out.splitlines() if " entities: " in line]
    assert "ok   entities: fr_core_news_md 3.8.0, installed: fr" in lines
    assert "ok   entities: it_core_news_md 1.2.3, configured: it" in lines
    shipped = {code for line in lines if "ships with docsluice: " in line for code in line.split()}
    assert {"de", "en", "ru", "und"} <= shipped
    assert not {"fr", "it", "sv", "ar"} & shipped
    without = [line for line in lines if "no model: " in line]
    assert "ok   entities: no model: el ja ko sv — docsluice models install LANGUAGE" in without
    assert any("ar fa he hi th" in line and "--model LANGUAGE=NAME" in line for line in without)


def test_json_has_a_finding_for_each_language(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site, "fr", "core_news_md", version="3.8.0")

    examine(settings(tmp_path), as_json=True)

    findings = json.loads(capsys.readouterr().out)
    entities = {one["language"]: one for one in findings if one["subject"] == "entities"}
    assert entities["fr"] == {
        "subject": "entities",
        "well": True,
        "detail": "fr_core_news_md 3.8.0, installed",
        "advice": "",
        "language": "fr",
    }
    assert len(entities) == sum(one["subject"] == "entities" for one in findings)
    assert all(one["language"] is None for one in findings if one["subject"] != "entities")


def test_a_configured_model_that_is_not_there_is_not_well(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not examine(settings(tmp_path, fr="fr_core_news_lg"), as_json=False)

    (failed,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("fail")]
    assert failed.endswith("is not installed: docsluice models install fr --size lg")


def test_an_empty_place_for_a_store_is_well(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert examine(settings(tmp_path), as_json=False)

    printed = capsys.readouterr().out
    assert "ok   store: 0 committed run(s)" in printed
    assert "with FTS5" in printed


def test_a_prism_that_is_named_and_not_there_is_not_well(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRISM", str(tmp_path / "prism"))
    assert not examine(settings(tmp_path), as_json=False)
    assert f"fail Prism: there is no Prism at {tmp_path}/prism — a" in capsys.readouterr().out
    (tmp_path / "prism").touch()
    assert examine(settings(tmp_path), as_json=False)
    assert f"ok   Prism: {tmp_path}/prism\n" in capsys.readouterr().out


def test_that_prism_is_not_here_is_well_as_batches_need_none(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PRISM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(
        "apache_beam.runners.portability.prism_runner.PrismJobServer.BIN_CACHE", str(tmp_path)
    )
    assert examine(settings(tmp_path), as_json=False)
    assert "ok   Prism: not here — a stream on this machine needs it" in capsys.readouterr().out
