from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail

from transforms.elasticsearch.secret import is_reference, read_secret

SECRET = "hunter2"


class InMemory(KeyringBackend):
    """A keystore of the tests' own: a machine that runs tests may have none."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.entries[service, username]


@pytest.fixture
def keystore() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(InMemory())
    yield
    keyring.set_keyring(before)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("env:KEY", True),
        ("file:/run/key", True),
        ("keyring:search/ann", True),
        ("keyring:https://search:9200/ann", True),
        ("keyring:search", False),
        ("keyring:/ann", False),
        ("keyring:search/", False),
        ("env:", False),
        (SECRET, False),
    ],
)
def test_a_reference_is_told_from_a_secret(text: str, is_one: bool) -> None:
    assert is_reference(text) is is_one


def test_a_secret_is_read_from_where_it_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept = tmp_path / "secret"
    kept.write_text(f"{SECRET}\n")
    monkeypatch.setenv("KEY", SECRET)
    assert read_secret("env:KEY") == read_secret(f"file:{kept}") == SECRET


def test_a_secret_that_is_not_there_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("KEY", raising=False)
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(ValueError, match="environment variable KEY holds no secret"):
        read_secret("env:KEY")
    with pytest.raises(ValueError, match=r"missing: No such file"):
        read_secret(f"file:{tmp_path}/missing")
    with pytest.raises(ValueError, match="it is empty"):
        read_secret(f"file:{tmp_path}/empty")


@pytest.mark.usefixtures("keystore")
def test_a_keystore_is_read_by_service_and_name() -> None:
    keyring.set_password("https://search:9200", "ann", f"{SECRET}\n")
    assert read_secret("keyring:https://search:9200/ann") == SECRET


@pytest.mark.usefixtures("keystore")
def test_an_entry_that_is_not_there_is_said_with_what_puts_it_there() -> None:
    with pytest.raises(ValueError, match=r"as keyring:search/ann: `keyring set search ann`"):
        read_secret("keyring:search/ann")


@pytest.mark.usefixtures("keystore")
def test_a_machine_without_a_keystore_is_said() -> None:
    keyring.set_keyring(fail.Keyring())
    with pytest.raises(ValueError, match=r"cannot read .* keyring:search/ann: No recommended"):
        read_secret("keyring:search/ann")


def test_the_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ValueError, match=r"pip install 'docsluice\[keyring\]'"):
        read_secret("keyring:search/ann")
