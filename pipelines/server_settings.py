"""Who we are at a server, as settings: what those of Elasticsearch and of Kibana share."""

from __future__ import annotations

import os
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

PREFIX = "DOCSLUICE_"


class ServerSettings(BaseModel):
    """Credentials, and where a server is.

    Holds no secret: of one that is given in the environment it holds the variable's name.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    section: ClassVar[str]

    api_key: str | None = None
    api_key_file: str | None = None
    username: str | None = None
    password: str | None = None
    password_file: str | None = None
    ca_certs: str | None = None

    @field_validator("url", "proxy", check_fields=False)
    @classmethod
    def _without_password(cls, value: str | list[str] | None) -> str | list[str] | None:
        for url in [value] if isinstance(value, str) else value or ():
            if "@" in urlsplit(url).netloc:
                raise ValueError("holds a password: settings are written to the store's manifests")
        return value

    @field_validator("api_key", "password")
    @classmethod
    def _only_from_environment(cls, value: str | None, info: ValidationInfo) -> str | None:
        variable = f"{PREFIX}{cls.section}__{info.field_name}".upper()
        if value is None or value == f"env:{variable}" or value.startswith("keyring:"):
            return value
        if value != os.environ.get(variable):
            raise ValueError(
                f"is a secret: give it in the environment ({variable}), in a file "
                f"({info.field_name}_file), or as keyring:SERVICE/NAME"
            )
        return f"env:{variable}"


class KibanaSettings(ServerSettings):
    """Where the dashboards go; who gives no credentials here is the user of Elasticsearch."""

    section = "kibana"

    url: str | None = None
    space: str = "default"
