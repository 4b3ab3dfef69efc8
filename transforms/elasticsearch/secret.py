"""Secrets by where they are kept: in the environment, in a file, in a keystore."""

from __future__ import annotations

import os
from pathlib import Path

SOURCES = "env:NAME (an environment variable), file:PATH or keyring:SERVICE/NAME"
"""What a reference may be, in words."""


def is_reference(text: str) -> bool:
    """Whether a text says where a secret is kept, and so is none itself."""
    scheme, _, name = text.partition(":")
    if scheme == "keyring":
        service, slash, entry = name.rpartition("/")
        return bool(service and slash and entry)
    return scheme in ("env", "file") and bool(name)


def read_secret(reference: str) -> str:
    """The secret that a reference names, without blanks around it.

    Args:
        reference: ``env:NAME``, ``file:PATH``, or ``keyring:SERVICE/NAME``: an entry of the
            keystore of the machine, as the library ``keyring`` reads it.

    Raises:
        ValueError: there is none; the message names the reference alone.
    """
    scheme, _, name = reference.partition(":")
    if scheme == "env":
        secret = os.environ.get(name, "").strip()
        if not secret:
            raise ValueError(f"the environment variable {name} holds no secret for Elasticsearch")
        return secret
    return _of_keyring(name) if scheme == "keyring" else _of_file(name)


def _of_file(name: str) -> str:
    try:
        secret = Path(name).expanduser().read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise ValueError(f"cannot read the secret for Elasticsearch in {name}: {why}") from None
    if not secret:
        raise ValueError(f"{name} holds no secret for Elasticsearch: it is empty")
    return secret


def _of_keyring(name: str) -> str:
    service, _, entry = name.rpartition("/")
    try:
        import keyring
        from keyring.errors import KeyringError
    except ModuleNotFoundError:
        raise ValueError(
            f"keyring:{name} needs the package keyring: pip install 'docsluice[keyring]'"
        ) from None
    try:
        secret: str | None = keyring.get_password(service, entry)
    except KeyringError as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(
            f"cannot read the secret for Elasticsearch in keyring:{name}: {why}"
        ) from None
    if not secret or not secret.strip():
        raise ValueError(
            f"the keystore holds no secret for Elasticsearch as keyring:{name}: "
            f"`keyring set {service} {entry}` puts it there"
        )
    return secret.strip()
