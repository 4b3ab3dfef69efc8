"""All settings in one typed model: defaults < YAML file < environment < command line.

Every setting has the same name everywhere: ``min_quality`` in YAML, ``DOCSLUICE_MIN_QUALITY`` in
the environment, ``--min-quality`` on the command line.
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import Any, ClassVar, Literal, Self
from urllib.parse import unquote

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from pipelines.server_settings import PREFIX as PREFIX
from pipelines.server_settings import KibanaSettings, ServerSettings
from transforms.files import is_remote

log = logging.getLogger(__name__)

MIB = 1024 * 1024
KINDS = ("text", "markdown", "html", "json", "jsonl", "csv", "tsv", "parquet")


class ConfigurationError(ValueError):
    """A setting that cannot be used; the message is one line for the user."""


class ElasticsearchSettings(ServerSettings):
    """Where the server is, who we are there, and how it is written to."""

    section = "elasticsearch"

    url: str | list[str] | None = None
    cloud_id: str | None = None
    ssl_assert_fingerprint: str | None = None
    proxy: str | None = None

    index: str = "docsluice"
    languages: list[str] = Field(default_factory=lambda: ["de", "en", "es", "fr"])

    batch_bytes: int = Field(default=5 * MIB, gt=0)
    batch_count: int = Field(default=1000, gt=0)
    max_in_flight: int = Field(default=4, gt=0)
    attempts: int = Field(default=12, gt=0)
    total_seconds: float = Field(default=600.0, gt=0)
    timeout_seconds: float = Field(default=60.0, gt=0)


class StreamSettings(BaseModel):
    """How ``docsluice stream`` cuts what keeps arriving, and what it remembers of it."""

    model_config = ConfigDict(extra="forbid")

    window_seconds: float = Field(default=60.0, gt=0)
    poll_seconds: float = Field(default=0.2, gt=0)
    in_flight: int = Field(default=500, gt=0)
    duplicate_ttl_seconds: float = Field(default=600.0, gt=0)


class Settings(BaseSettings):
    """What a run does; see ``docsluice run --help`` for each setting in words."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        hide_input_in_errors=True,  # an input may be a secret
    )

    from_file: ClassVar[dict[str, Any]] = {}

    sources: list[str] = Field(default_factory=list)
    store: str = "store"

    include: list[str] = Field(default_factory=list)
    exclude: list[str] = Field(default_factory=list)
    format: Literal["text", "markdown", "html", "json", "jsonl", "csv", "tsv", "parquet"] | None = (
        None
    )
    encoding: str | None = None
    text_field: str | None = None
    title_field: str | None = None
    id_field: str | None = None
    date_field: str | None = None
    url_field: str | None = None
    max_document_bytes: int = Field(default=64 * MIB, gt=0)
    settle_seconds: float = Field(default=0.0, ge=0.0)
    reprocess: bool = False
    check: Literal["time", "content"] = "time"
    max_delete_fraction: float = Field(default=0.2, ge=0.0, le=1.0)
    batch_bytes: int = Field(default=256 * MIB, gt=0)
    wait: bool = False
    wait_seconds: float | None = Field(default=None, ge=0.0)

    min_quality: str | list[str] = "any"

    duplicates: Literal["drop", "keep", "off"] = "drop"
    similarity_threshold: float = Field(default=0.8, gt=0.0, le=1.0)

    entities: bool = True
    models: dict[str, str] = Field(default_factory=dict)
    cache: bool = True
    cache_bytes: int = Field(default=1024 * MIB, gt=0)

    index: Literal["sqlite", "elasticsearch", "none"] = "sqlite"
    elasticsearch: ElasticsearchSettings = Field(default_factory=ElasticsearchSettings)
    kibana: KibanaSettings = Field(default_factory=KibanaSettings)

    runner: str = "direct"
    workers: int | None = Field(default=None, ge=1)
    runner_options: list[str] = Field(default_factory=list)
    strict: bool = False

    stream: StreamSettings = Field(default_factory=StreamSettings)

    @field_validator("store")
    @classmethod
    def _is_a_place(cls, value: str) -> str:
        """A local path without what may stand around it, or an address on another filesystem."""
        if not value.strip():
            raise ValueError("it is empty; name a directory, or leave it out")
        if is_remote(value):
            return value
        is_address = value.startswith("file:///")
        path = Path(unquote(value.removeprefix("file://")) if is_address else value)
        if path.is_file():
            raise ValueError(f"{path} is a file; name a directory")
        return str(path)

    @field_validator("duplicates", mode="before")
    @classmethod
    def _off_is_a_word(cls, value: object) -> object:
        """YAML 1.1 reads a bare ``off`` as false."""
        return "off" if value is False else value

    @field_validator("min_quality")
    @classmethod
    def _known_quality(cls, value: str | list[str]) -> str | list[str]:
        """A level, or flags; commas part flags where a list cannot be written."""
        from transforms.quality import rejecting_flags

        value = value.split(",") if isinstance(value, str) and "," in value else value
        rejecting_flags(value if isinstance(value, str) else tuple(value))
        return value

    @field_validator("sources")
    @classmethod
    def _are_named(cls, value: list[str]) -> list[str]:
        """The path of nothing is the current directory, which nobody means."""
        if not all(source.strip() for source in value):
            raise ValueError("a source is empty: name a file, a directory or a URL")
        return value

    @field_validator("runner_options")
    @classmethod
    def _have_values(cls, value: list[str]) -> list[str]:
        """Beam's flags have none; who means one writes it as Beam does."""
        for option in value:
            name, equals, _ = option.partition("=")
            if not (name and equals) and not name.startswith("--"):
                raise ValueError(f"{option!r} is not NAME=VALUE, nor a flag of Beam's, --NAME")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                "".encode(value)
            except LookupError:
                raise ValueError(f"no encoding is called {value!r}") from None
        return value

    @model_validator(mode="after")
    def _a_server_is_an_index(self) -> Self:
        """Who names a server and no index wants the one there."""
        if "index" not in self.model_fields_set and (
            self.elasticsearch.url or self.elasticsearch.cloud_id
        ):
            self.index = "elasticsearch"
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags before environment before the YAML file that ``load`` names."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, cls.from_file)


def load(flags: dict[str, Any], config: Path | None = None) -> Settings:
    """Settings from the flags that were given, the environment and a YAML file.

    Args:
        flags: setting name to value; None means that the flag was not given.
        config: a YAML file of settings.

    Raises:
        ConfigurationError: a file that cannot be read, an unknown setting or a wrong value.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    for variable in sorted(os.environ):
        name = variable.removeprefix(PREFIX).lower().split("__")[0]
        if variable.startswith(PREFIX) and name not in Settings.model_fields:
            log.warning("there is no setting %r; %s has no effect", name, variable)

    class FromFile(Settings):
        from_file = {} if config is None else _read(config)

    try:
        settings = FromFile(**given)
    except ValidationError as error:
        raise ConfigurationError(_one_line(error)) from None
    except ValueError as error:  # pydantic-settings' own: an environment value that is no JSON
        field = re.search(r'field "(\w+)"', str(error))
        variable = f"{PREFIX}{field[1].upper()}" if field else str(error)
        reason = f'{variable} must be JSON, such as \'["a", "b"]\' ({error.__cause__})'
        raise ConfigurationError(reason) from None
    return Settings.model_construct(
        settings.model_fields_set,  # what was named, as opposed to a default
        **{name: getattr(settings, name) for name in Settings.model_fields},
    )


def _read(config: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(config.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"no configuration file at {config}") from None
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        reason = " ".join(str(error).split())
        raise ConfigurationError(f"cannot read {config}: {reason}") from None
    if not isinstance(content, dict | None):
        raise ConfigurationError(f"cannot read {config}: it must hold settings as `name: value`")
    return content or {}


def _one_line(error: ValidationError) -> str:
    parts = []
    for problem in error.errors(include_url=False, include_input=False):
        steps = 2 if problem["loc"][:1] in (("elasticsearch",), ("kibana",), ("stream",)) else 1
        name = ".".join(str(step) for step in problem["loc"][:steps])
        if problem["type"] == "extra_forbidden":
            parts.append(f"there is no setting {name!r}")
        else:
            reason = problem["msg"].removeprefix("Value error, ")
            parts.append(f"{name}: {reason.removeprefix(f'{name}: ')}")
    return "; ".join(dict.fromkeys(parts))
