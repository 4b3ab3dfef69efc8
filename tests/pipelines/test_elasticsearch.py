from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.elasticsearch import Failures, elasticsearch_config, open_elasticsearch
from pipelines.settings import ConfigurationError, Settings, load
from pipelines.store import Store
from transforms.elasticsearch.actions import Failed

VARIABLE = "DOCSLUICE_ELASTICSEARCH__"


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{VARIABLE}PASSWORD", "hush")


def with_server(**given: object) -> Settings:
    return load({"elasticsearch": given})


def test_who_names_a_server_wants_its_index() -> None:
    assert load({}).index == "sqlite"
    assert with_server(url="http://a:9200").index == "elasticsearch"
    assert load({"index": "none", "elasticsearch": {"url": "http://a:9200"}}).index == "none"


def test_flags_environment_and_file_each_give_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{VARIABLE}USERNAME", "ann")
    monkeypatch.setenv(f"{VARIABLE}URL", "http://environment:9200")
    file = tmp_path / "settings.yaml"
    file.write_text("elasticsearch: {url: 'http://file:9200', index: news, batch_count: 7}")
    given = load({"elasticsearch": {"url": "http://flag:9200"}}, file)
    assert given.index == "elasticsearch"
    config = elasticsearch_config(given)
    assert (config.url, config.username, config.batch_count) == (("http://flag:9200",), "ann", 7)
    assert given.elasticsearch.index == "news"


def test_a_secret_of_the_environment_is_never_in_the_settings() -> None:
    settings = with_server(url="http://a:9200", username="ann")
    assert "hush" not in f"{settings!r} {settings.model_dump_json()}"
    config = elasticsearch_config(settings)
    assert config.password == f"env:{VARIABLE}PASSWORD"
    assert "hush" not in repr(config)


def test_a_file_comes_before_a_secret_of_the_environment() -> None:
    settings = with_server(username="ann", password_file="/run/secret")
    assert elasticsearch_config(settings).password == "file:/run/secret"


def test_an_entry_of_the_keystore_may_be_named_anywhere() -> None:
    settings = with_server(username="ann", password="keyring:search/ann")
    assert elasticsearch_config(settings).password == "keyring:search/ann"


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (
            {"api_key": "hush-hush"},
            r"elasticsearch\.api_key: is a secret: .*__API_KEY.*api_key_file",
        ),
        ({"url": "http://ann:hush@a:9200"}, r"elasticsearch\.url: holds a password"),
        ({"proxy": "http://ann:hush@a:3128"}, r"elasticsearch\.proxy: holds a password"),
        ({"urll": "http://a:9200"}, r"no setting 'elasticsearch\.urll'"),
    ],
)
def test_settings_that_cannot_be_are_named_without_the_secret(
    given: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ConfigurationError, match=complaint) as error:
        with_server(**given)
    assert "hush" not in str(error.value)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"url": "a:9200", "username": "a"}, "elasticsearch: url must be like https://host:9200"),
        ({"username": "a", "index": "Has Blanks"}, "cannot name an index"),
        ({"username": "a", "index": "news-1"}, "cannot name an index"),
        ({"username": "a", "languages": ["xx"]}, "no analyzer of xx"),
        ({"username": "a", "password_file": "/nowhere"}, "cannot read the secret .*/nowhere"),
    ],
)
def test_a_server_that_cannot_be_opened_is_a_mistake_of_configuration(
    given: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        open_elasticsearch(with_server(**given))


def test_refused_documents_become_dead_letters_of_their_runs(tmp_path: Path) -> None:
    failures = Failures(Store(str(tmp_path)))
    failures.write()
    assert not list(tmp_path.iterdir())
    for run in ("1", "2"):
        body = json.dumps({"run_id": run, "source": f"file:///{run}"}).encode()
        failures(Failed("a", 400, "mapper_parsing_exception", "no date", body))
    failures(Failed("gone", 400, "x", "y", None))
    failures.write()
    paths = sorted(tmp_path.glob("dead-letters/run=*/*-index.jsonl"))
    assert [path.parent.name for path in paths] == ["run=1", "run=2"]
    letter = json.loads(paths[0].read_text())
    assert (letter["stage"], letter["source"]) == ("index", "file:///1")
    assert (letter["error_type"], letter["error"]) == ("mapper_parsing_exception", "no date")
