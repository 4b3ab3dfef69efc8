"""Users, a role and API keys in a fresh Elasticsearch: ``python -m pipelines.compose.set_up``.

May run again at any time: passwords are set to what the secrets say, roles to what
``config/compose/roles.json`` says, and a key that the server still knows is kept.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import typer
from elasticsearch import ApiError, AuthenticationException, Elasticsearch, TransportError
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from pipelines.console import command
from pipelines.elasticsearch import elasticsearch_config
from pipelines.settings import load
from transforms.elasticsearch import ElasticsearchConfig, connect
from transforms.elasticsearch.errors import (
    ElasticsearchAuthenticationError,
    ElasticsearchUnreachableError,
    explain,
)
from transforms.resources import resource

SECRETS = Path("/run/secrets")
KEYS = Path("/keys")

READER = "reader"
READER_ROLE = "docsluice_reader"
KEY_ROLES = ("ingest", "provision")

_USERS = ("kibana", READER)
_WAIT_SECONDS = 60.0
# A fresh server opens its index of users after it answers; until then passwords come and go.
_PASSING = {401, 429, 500, 503}


def set_up(
    config: ElasticsearchConfig,
    secrets: Path = SECRETS,
    keys: Path = KEYS,
    wait_seconds: float = _WAIT_SECONDS,
) -> None:
    """Bring the server to what the other services count on.

    Args:
        config: how to reach it, as a user who may manage security.
        secrets: directory with the passwords to set: ``kibana_password``, ``reader_password``.
        keys: directory; the encoded key of role ROLE is kept in ``ROLE/api_key``.
        wait_seconds: how long a server is waited for that is not ready yet.

    Raises:
        ElasticsearchError: the server did not become ready, or it refuses.
        OSError: a secret cannot be read, or a key not written.
    """
    passwords = {name: (secrets / f"{name}_password").read_text().strip() for name in _USERS}
    attempts = Retrying(
        retry=retry_if_exception(_is_passing),
        stop=stop_after_delay(wait_seconds),
        wait=wait_fixed(1),
        reraise=True,
    )
    try:
        attempts(_set_up_once, config, passwords, keys)
    except (ApiError, TransportError) as error:
        raise explain(error, config.where, config.credentials) from None


def _set_up_once(config: ElasticsearchConfig, passwords: dict[str, str], keys: Path) -> None:
    roles: dict[str, dict[str, Any]] = orjson.loads(
        resource("config/compose/roles.json").read_bytes()
    )
    with connect(config) as client:
        client.security.change_password(username="kibana_system", password=passwords["kibana"])
        client.security.put_role(name=READER_ROLE, **roles[READER])
        client.security.put_user(username=READER, password=passwords[READER], roles=[READER_ROLE])
        for role in KEY_ROLES:
            ensure_key(client, f"docsluice-{role}", roles[role], keys / role / "api_key")


def ensure_key(client: Elasticsearch, name: str, role: dict[str, Any], file: Path) -> None:
    """See to it that ``file`` holds a key of this role; one that is valid gets the role anew."""
    if known := _id_of(client, file):
        client.security.update_api_key(id=known, role_descriptors={name: role})
        return
    client.security.invalidate_api_key(name=name, owner=True)
    made = client.security.create_api_key(name=name, role_descriptors={name: role})
    _write_private(file, made["encoded"])


def _id_of(client: Elasticsearch, file: Path) -> str | None:
    """The id of the key that the file holds; None where it holds none that the server takes."""
    if not file.exists() or not (key := file.read_text().strip()):
        return None
    try:
        return str(client.options(api_key=key).security.authenticate()["api_key"]["id"])
    except AuthenticationException:
        return None


def _write_private(file: Path, text: str) -> None:
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_text(f"{text}\n")
    new.replace(file)


def _is_passing(error: BaseException) -> bool:
    if isinstance(error, ApiError):
        return error.meta.status in _PASSING
    return isinstance(
        error,
        (TransportError, ElasticsearchAuthenticationError, ElasticsearchUnreachableError),
    )


def main() -> None:
    """Set up the server that the settings in the environment name."""
    with command(commits=False):
        set_up(elasticsearch_config(load({})))


if __name__ == "__main__":
    typer.run(main)
