"""Where Kibana is, and who we are there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from pipelines.settings import ConfigurationError, Settings

DEFAULT_SPACE = "default"

_SPACE = re.compile(r"[a-z0-9_-]+")
_CREDENTIALS = ("api_key", "api_key_file", "username", "password", "password_file")


@dataclass(frozen=True, slots=True)
class KibanaConfig:
    """Where Kibana is, and who we are there.

    Attributes:
        url: its address, with the base path if it has one.
        space: id of the space that is worked in.
        api_key: where the API key is kept: ``env:NAME``, ``file:PATH`` and the like.
        username: user, with ``password``, in place of ``api_key``.
        password: where the password is kept.
        ca_certs: path of the CA certificates (PEM) that Kibana's is checked with.

    Raises:
        ValueError: what cannot be.
    """

    url: str
    space: str = DEFAULT_SPACE
    api_key: str | None = None
    username: str | None = None
    password: str | None = None
    ca_certs: str | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"url must be like https://host:5601, not {self.url!r}")
        if not _SPACE.fullmatch(self.space):
            raise ValueError(
                f"{self.space!r} cannot name a space: take small letters, digits, _ and -"
            )
        if self.api_key and (self.username or self.password):
            raise ValueError("give an api_key or a username and password, not both")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")

    @property
    def credentials(self) -> str:
        """Who we are there, in words without the secret."""
        if self.api_key:
            return f"the API key of {self.api_key}"
        if self.username:
            return f"user {self.username} with the password of {self.password}"
        return "a client without credentials"

    @property
    def space_url(self) -> str:
        """Address of the space."""
        base = self.url.rstrip("/")
        return base if self.space == DEFAULT_SPACE else f"{base}/s/{self.space}"


def kibana_config(settings: Settings) -> KibanaConfig | None:
    """Kibana as the settings name it; None where they name none.

    Who gives no credentials for Kibana has those of Elasticsearch there.

    Raises:
        ConfigurationError: settings that contradict each other.
    """
    given, fallback = settings.kibana, settings.elasticsearch
    if given.url is None:
        return None
    who = given if any(getattr(given, name) for name in _CREDENTIALS) else fallback
    try:
        return KibanaConfig(
            given.url,
            given.space,
            api_key=f"file:{who.api_key_file}" if who.api_key_file else who.api_key,
            username=who.username,
            password=f"file:{who.password_file}" if who.password_file else who.password,
            ca_certs=given.ca_certs or fallback.ca_certs,
        )
    except ValueError as error:
        raise ConfigurationError(f"kibana: {error}") from None
