from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.settings import ConfigurationError, load


@pytest.fixture(autouse=True)
def no_inherited_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in os.environ:
        if name.startswith("DOCSLUICE_"):
            monkeypatch.delenv(name)


def config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "docsluice.yaml"
    path.write_text(text)
    return path


def test_flags_go_before_environment_before_file_before_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = config(tmp_path, "store: file\nduplicates: keep\nmin_quality: good\n")
    monkeypatch.setenv("DOCSLUICE_STORE", "environment")
    monkeypatch.setenv("DOCSLUICE_DUPLICATES", "off")
    settings = load({"store": "flag", "workers": None}, path)
    assert settings.store == "flag"
    assert settings.duplicates == "off"
    assert settings.min_quality == "good"
    assert settings.similarity_threshold == 0.8


def test_a_bare_off_in_yaml_is_the_word(tmp_path: Path) -> None:
    assert load({}, config(tmp_path, "duplicates: off\n")).duplicates == "off"


def test_models_can_be_set_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = config(tmp_path, "models:\n  fr: fr_core_news_lg\n")
    assert load({}, path).models == {"fr": "fr_core_news_lg"}
    monkeypatch.setenv("DOCSLUICE_MODELS", '{"en": "en_core_web_sm"}')
    assert load({}).models == {"en": "en_core_web_sm"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stoer: x\n", "there is no setting 'stoer'"),
        ("duplicates: maybe\n", "duplicates: Input should be 'drop', 'keep' or 'off'"),
        ("similarity_threshold: 80\n", "similarity_threshold: "),
        ("workers: 0\n", "workers: "),
        ("encoding: latin-seven\n", "encoding: no encoding is called 'latin-seven'"),
        ("a: [1\n", "cannot read "),
        ("- a\n- b\n", "cannot read "),
        ("just words\n", "cannot read "),
    ],
)
def test_a_mistake_in_the_file_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load({}, config(tmp_path, text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_file_is_no_mistake(tmp_path: Path) -> None:
    assert load({}, config(tmp_path, "")).store == "store"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no configuration file at .*nowhere\.yaml"):
        load({}, tmp_path / "nowhere.yaml")


def test_a_wrong_value_in_the_environment_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCSLUICE_MODELS", "{not json")
    with pytest.raises(ConfigurationError) as caught:
        load({})
    assert "DOCSLUICE_MODELS" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_variable_in_the_environment_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DOCSLUICE_STOER", "x")
    monkeypatch.setenv("DOCSLUICE_STORE", "y")
    assert load({}).store == "y"
    assert caplog.messages == ["there is no setting 'stoer'; DOCSLUICE_STOER has no effect"]


def test_a_message_names_its_setting_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load({"min_quality": "splendid"})
    assert str(caught.value).startswith("min_quality: no level or flag splendid;")


def test_quality_flags_may_be_a_list_or_parted_by_commas(tmp_path: Path) -> None:
    path = config(tmp_path, "min_quality: [too_short, truncated]\n")
    assert load({}, path).min_quality == ["too_short", "truncated"]
    assert load({"min_quality": "too_short,truncated"}).min_quality == ["too_short", "truncated"]


def test_a_list_in_the_environment_that_is_no_json_names_the_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCSLUICE_INCLUDE", "*.txt")
    with pytest.raises(ConfigurationError, match=r"^DOCSLUICE_INCLUDE must be JSON, such as"):
        load({})


def test_a_runner_option_without_a_value_must_be_written_as_a_flag() -> None:
    given = ["job_endpoint=localhost:1", "--job_endpoint=localhost:1", "--save_main_session"]
    assert load({"runner_options": given}).runner_options == given
    for wrong in ("foo", "=foo"):
        with pytest.raises(ConfigurationError, match=f"^runner_options: '{wrong}' is not NAME=VAL"):
            load({"runner_options": [wrong]})


@pytest.mark.parametrize(
    ("given", "store"),
    [
        ("tr/", "tr"),
        (".", "."),
        ("./", "."),
        ("file:///a%20b/c", "/a b/c"),
        ("gs://bucket/store", "gs://bucket/store"),
        ("50%25", "50%25"),
    ],
)
def test_a_store_is_a_path_or_an_address(given: str, store: str) -> None:
    assert load({"store": given}).store == store


def test_a_store_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    with pytest.raises(ConfigurationError, match=r"^store: .*a\.txt is a file; name a directory$"):
        load({"store": str(tmp_path / "a.txt")})


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_store_is_refused(empty: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^store: it is empty; name a "):
        load({"store": empty})


@pytest.mark.parametrize("source", ["", " "])
def test_an_empty_source_is_refused_wherever_it_is_given(source: str, tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(f"sources: [raw, '{source}']\n")
    for flags, config in (({"sources": [source]}, None), ({}, path)):
        with pytest.raises(ConfigurationError, match=r"^sources: a source is empty: name a"):
            load(flags, config)
