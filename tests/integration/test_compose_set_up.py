"""What docker-compose.yml has done to a fresh server, done to a real one with TLS."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from pipelines.compose.set_up import set_up
from tests.conftest import SEEDS
from tests.integration.command import docsluice
from tests.integration.servers.elasticsearch import Elasticsearch
from transforms.elasticsearch import ElasticsearchAuthenticationError, ElasticsearchConfig

PASSWORDS = {"elastic": "", "kibana": "of-kibana-1", "reader": "of-reader-1"}
SCRIPTS = SEEDS.parent / "config" / "compose"
ALIAS = "docsluice-compose"


@dataclass(frozen=True)
class SetUp:
    """A server, and the directories that the set-up step has for it."""

    server: Elasticsearch
    secrets: Path
    keys: Path

    @property
    def config(self) -> ElasticsearchConfig:
        return ElasticsearchConfig(
            url=(self.server.url,),
            username=self.server.user,
            password=f"file:{self.secrets / 'elastic_password'}",
            ca_certs=str(self.server.ca_certificate),
        )

    def run(self, **options: float) -> None:
        set_up(self.config, self.secrets, self.keys, **options)

    def key(self, role: str) -> Path:
        return self.keys / role / "api_key"

    def as_user(self, name: str, password: str) -> httpx.Client:
        client = self.server.client()
        client.auth = httpx.BasicAuth(name, password)
        return client

    def as_key(self, role: str) -> httpx.Client:
        return self.server.client(self.key(role).read_text().strip())


@pytest.fixture
def done(secure_elasticsearch: Elasticsearch, tmp_path: Path) -> Iterator[SetUp]:
    for name, password in (PASSWORDS | {"elastic": secure_elasticsearch.password}).items():
        (tmp_path / f"{name}_password").write_text(password)
    for role in ("ingest", "provision"):
        (tmp_path / role).mkdir()
    made = SetUp(secure_elasticsearch, tmp_path, tmp_path)
    made.run()
    yield made
    secure_elasticsearch.request("DELETE", "/_security/user/reader")
    secure_elasticsearch.request("DELETE", "/_security/role/docsluice_reader")


def test_kibana_and_the_reader_get_their_passwords(done: SetUp) -> None:
    for user, secret in (("kibana_system", "kibana"), ("reader", "reader")):
        with done.as_user(user, PASSWORDS[secret]) as client:
            assert client.get("/_security/_authenticate").json()["username"] == user


def test_the_reader_reads_documents_and_nothing_else(done: SetUp) -> None:
    done.server.request("PUT", f"/{ALIAS}/_doc/1?refresh=true", {"text": "words"})
    done.server.request("PUT", "/others/_doc/1", {"text": "words"})
    with done.as_user("reader", PASSWORDS["reader"]) as reader:
        assert reader.get(f"/{ALIAS}/_search").json()["hits"]["total"]["value"] == 1
        assert reader.get("/others/_search").status_code == 403
        assert reader.put(f"/{ALIAS}/_doc/2", json={}).status_code == 403
        assert reader.get("/_cluster/settings").status_code == 403
    for index in (ALIAS, "others"):
        done.server.request("DELETE", f"/{index}")


def test_keys_are_kept_for_their_owner_alone_and_may_not_manage_security(done: SetUp) -> None:
    for role in ("ingest", "provision"):
        assert done.key(role).stat().st_mode & 0o777 == 0o600
        with done.as_key(role) as client:
            assert client.get("/_cluster/health").status_code == 200
            assert client.put("/others/_doc/1", json={}).status_code == 403
            assert client.get("/_security/user").status_code == 403
            assert client.post("/_security/api_key", json={"name": "x"}).status_code == 403


def test_only_who_provisions_has_rights_in_kibana(done: SetUp) -> None:
    wanted = {
        "application": [
            {
                "application": "kibana-.kibana",
                "privileges": ["space_all"],
                "resources": ["space:default"],
            }
        ]
    }
    for role, has in (("provision", True), ("ingest", False)):
        with done.as_key(role) as client:
            answer = client.post("/_security/user/_has_privileges", json=wanted)
        assert answer.json()["has_all_requested"] is has, answer.text


def test_the_keys_are_enough_for_what_the_services_do(done: SetUp, tmp_path: Path) -> None:
    shutil.copytree(SEEDS, tmp_path / "seeds")
    env = {
        "DOCSLUICE_ELASTICSEARCH__URL": done.server.url,
        "DOCSLUICE_ELASTICSEARCH__CA_CERTS": str(done.server.ca_certificate),
        "DOCSLUICE_ELASTICSEARCH__INDEX": ALIAS,
    }
    calls = (
        ("provision", "provision"),  # there is no Kibana here
        ("ingest", "run", "seeds"),
        ("ingest", "reindex", "--prune"),
        ("ingest", "search", "Macron", "--json"),
    )
    for role, *arguments in calls:
        key = {"DOCSLUICE_ELASTICSEARCH__API_KEY_FILE": str(done.key(role))}
        ended = docsluice(*arguments, cwd=tmp_path, env=env | key)
        assert ended.returncode == 0, ended.stderr
    assert "Macron" in ended.stdout
    for index in done.server.request("GET", f"/{ALIAS}*"):
        done.server.request("DELETE", f"/{index}")


def test_a_second_call_keeps_the_keys_and_takes_new_passwords(done: SetUp) -> None:
    before = {role: done.key(role).read_text() for role in ("ingest", "provision")}
    (done.secrets / "reader_password").write_text("of-reader-2\n")
    done.run()
    assert {role: done.key(role).read_text() for role in before} == before
    with done.as_user("reader", "of-reader-2") as client:
        assert client.get("/_security/_authenticate").status_code == 200


@pytest.mark.parametrize("left", ["", "no key at all", None])
def test_a_key_that_is_lost_is_replaced_and_the_old_one_is_void(
    done: SetUp, left: str | None
) -> None:
    old = done.key("ingest").read_text().strip()
    if left is None:
        done.key("ingest").unlink()
    else:
        done.key("ingest").write_text(left)
    done.run()
    with done.server.client(old) as client:
        assert client.get("/_cluster/health").status_code == 401
    with done.as_key("ingest") as client:
        assert client.get("/_cluster/health").status_code == 200


def test_a_wrong_password_is_said_once_it_was_waited(done: SetUp) -> None:
    (done.secrets / "elastic_password").write_text("wrong")
    with pytest.raises(ElasticsearchAuthenticationError, match="user elastic") as caught:
        done.run(wait_seconds=0)
    assert "wrong" not in str(caught.value).replace(str(done.secrets), "")


def test_the_module_takes_the_settings_of_the_environment(done: SetUp) -> None:
    # The directories of the container are not there: that is as far as it comes here.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DOCSLUICE_")}
    environment["DOCSLUICE_ELASTICSEARCH__URL"] = done.server.url
    command = [sys.executable, "-m", "pipelines.compose.set_up"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 3
    assert "/run/secrets/kibana_password" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.fixture
def health(done: SetUp) -> list[str]:
    return [
        str(SCRIPTS / "elasticsearch-health.sh"),
        done.server.url,
        str(done.server.ca_certificate),
    ]


@pytest.mark.parametrize(("password", "well"), [(None, True), ("wrong", False)])
def test_the_health_check_asks_with_the_password(
    done: SetUp, health: list[str], password: str | None, well: bool
) -> None:
    file = done.secrets / "elastic_password"
    if password:
        file.write_text(password)
    environment = os.environ | {"ELASTIC_PASSWORD_FILE": str(file)}
    ended = subprocess.run(health, env=environment, capture_output=True, text=True, timeout=60)
    assert (ended.returncode == 0) is well, ended.stderr


def test_the_health_check_fails_where_an_index_lacks_its_shards(
    done: SetUp, health: list[str]
) -> None:
    nowhere = {"settings": {"index.routing.allocation.require._name": "no-such-node"}}
    done.server.request("PUT", "/compose-red?wait_for_active_shards=0&timeout=1s", nowhere)
    try:
        environment = os.environ | {"ELASTIC_PASSWORD_FILE": str(done.secrets / "elastic_password")}
        ended = subprocess.run(health, env=environment, capture_output=True, timeout=60)
        assert ended.returncode != 0
    finally:
        done.server.request("DELETE", "/compose-red")
