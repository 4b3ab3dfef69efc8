from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.kibana_config import KibanaConfig, kibana_config
from pipelines.settings import ConfigurationError, load

ELASTICSEARCH = {
    "url": "https://es:9200",
    "username": "elastic",
    "password_file": "/es",
    "ca_certs": "/ca",
}


def config(**kibana: Any) -> KibanaConfig | None:
    return kibana_config(load({"elasticsearch": ELASTICSEARCH, "kibana": kibana}))


def test_without_an_address_there_is_no_kibana() -> None:
    assert config(space="news") is None


def test_credentials_and_certificates_are_those_of_elasticsearch_unless_given() -> None:
    url = "https://kibana:5601"
    assert config(url=url) == KibanaConfig(
        url, username="elastic", password="file:/es", ca_certs="/ca"
    )
    assert config(url=url, api_key_file="/key", ca_certs="/own") == KibanaConfig(
        url, api_key="file:/key", ca_certs="/own"
    )


def test_a_secret_of_the_environment_is_never_in_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCSLUICE_KIBANA__URL", "http://kibana:5601")
    monkeypatch.setenv("DOCSLUICE_KIBANA__API_KEY", "hush")
    file = tmp_path / "settings.yaml"
    file.write_text("kibana: {space: news}")
    settings = load({}, file)
    assert "hush" not in f"{settings!r} {settings.model_dump_json()}"
    assert kibana_config(settings) == KibanaConfig(
        "http://kibana:5601", "news", api_key="env:DOCSLUICE_KIBANA__API_KEY"
    )


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"api_key": "hush-hush"}, r"kibana\.api_key: is a secret: .*KIBANA__API_KEY"),
        ({"url": "http://ann:hush@a:5601"}, r"kibana\.url: holds a password"),
        ({"urll": "http://a:5601"}, r"no setting 'kibana\.urll'"),
        ({"url": "a:5601"}, r"kibana: url must be like https://host:5601"),
        ({"url": "http://a", "space": "a/b"}, r"kibana: 'a/b' cannot name a space"),
        ({"url": "http://a", "username": "ann"}, "username and password go together"),
        (
            {"url": "http://a", "username": "ann", "password_file": "x", "api_key_file": "y"},
            "an api_key or a username and password, not both",
        ),
    ],
)
def test_settings_that_cannot_be_are_named_without_the_secret(
    given: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ConfigurationError, match=complaint) as error:
        config(**given)
    assert "hush" not in str(error.value)


def test_a_space_has_an_address_of_its_own_but_the_default_one() -> None:
    assert KibanaConfig("http://a/base/").space_url == "http://a/base"
    assert KibanaConfig("http://a/base/", "news").space_url == "http://a/base/s/news"
