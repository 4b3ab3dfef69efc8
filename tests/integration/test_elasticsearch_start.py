"""A server that cannot be used from the start: one line says why, and nothing is lost."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import forget
from tests.integration.loads import (
    RUN,
    Ended,
    Load,
    Target,
    by_run,
    by_sink,
    make_index,
    records,
    run,
)
from tests.integration.servers.elasticsearch import Elasticsearch as Server
from tests.integration.servers.elasticsearch import free_port
from tests.integration.servers.exchange import Fault, Response
from tests.integration.servers.fault_proxy import FaultProxy
from tests.integration.servers.faults import answered
from transforms.elasticsearch import ElasticsearchConfig, connect

NUMBER = 60


@dataclass(frozen=True)
class Scene:
    """A secure server, and a target there that is not told yet who it is."""

    server: Server
    target: Target
    proxy: FaultProxy

    def at(self, url: str) -> Target:
        return replace(self.target, url=url, settings={"total_seconds": 5})

    def through(self, fault: Fault) -> Target:
        """By a proxy that has this fault at the first contact."""
        self.proxy.inject(fault, path="/")
        return self.at(self.proxy.url)

    def with_key(self, *roles: dict[str, Any], expiration: str | None = None) -> Target:
        kept = self.target.folder / "key"
        role: dict[str, Any] = {"cluster": [], "indices": []}
        for more in roles:
            role = {name: [*role[name], *more.get(name, [])] for name in role}
        kept.write_text(self.server.api_key(role, expiration=expiration))
        return self._as(api_key=f"file:{kept}")

    def with_password(self, password: str) -> Target:
        kept = self.target.folder / "password"
        kept.write_text(password)
        return self._as(username=self.server.user, password=f"file:{kept}")

    def _as(self, **who: str) -> Target:
        trust = {"ca_certs": str(self.server.ca_certificate)}
        return replace(self.target, settings={"total_seconds": 5, **trust, **who})

    def writes(self, *privileges: str) -> dict[str, Any]:
        return {"indices": [{"names": [f"{self.target.alias}*"], "privileges": privileges}]}


ALL_OF_IT = {"cluster": ["monitor", "manage_index_templates"]}


def expired(scene: Scene) -> Target:
    target = scene.with_key(ALL_OF_IT, expiration="1ms")
    time.sleep(0.1)
    return target


UNUSABLE: dict[str, tuple[Callable[[Scene], Target], str]] = {
    "nobody there": (
        lambda scene: scene.at(f"http://127.0.0.1:{free_port()}"),
        r"no Elasticsearch answers at http://127\.0\.0\.1:\d+ \(Connection refused\): is it",
    ),
    "http for https": (
        lambda scene: scene.at(scene.server.url.replace("https", "http")),
        r"no Elasticsearch answers at http://127\.0\.0\.1:\d+ .*https or http",
    ),
    "a stranger's certificate": (
        lambda scene: scene.at(scene.server.url),
        r"no secure connection to https://.*certificate.*: name its CA \(ca_certs\)",
    ),
    "no credentials": (
        lambda scene: scene._as(),
        "rejects a client without credentials: missing authentication",
    ),
    "a wrong password": (
        lambda scene: scene.with_password("hunter2"),
        "rejects user elastic with the password of file:.*password: unable to authenticate",
    ),
    "an expired key": (expired, "rejects the API key of file:.*key: .*API key: api key is expired"),
    "a missing privilege": (
        lambda scene: scene.with_key(ALL_OF_IT, scene.writes("read")),
        r"API key .* lacks a privilege.*: \S+ needs one of the index privileges .*(index|manage)",
    ),
    "an older server": (
        lambda scene: scene.through(answered({"version": {"number": "7.17.9"}})),
        r"must be 8\.x and 9\.x; it is 7\.17\.9",
    ),
    "another product": (
        lambda scene: scene.through(
            lambda request, forward: Response(200, b"{}", {"Content-Type": "application/json"})
        ),
        "what answers at .* is no Elasticsearch",
    ),
}


@pytest.fixture
def scene(secure_elasticsearch: Server, tmp_path: Path) -> Iterator[Scene]:
    server = secure_elasticsearch
    (tmp_path / "admin").write_text(server.password)
    admin = ElasticsearchConfig(
        (server.url,),
        username=server.user,
        password=f"file:{tmp_path}/admin",
        ca_certs=str(server.ca_certificate),
    )
    with (
        connect(admin) as client,
        FaultProxy(server.url, ca_certificate=server.ca_certificate) as proxy,
    ):
        target = Target(server.url, admin, client, f"start{time.time_ns()}", tmp_path)
        yield Scene(server, target, proxy)
        forget(client, target.alias)


@pytest.mark.parametrize("load", [by_sink, by_run])
@pytest.mark.parametrize("name", UNUSABLE)
def test_what_is_wrong_is_said_in_one_line(name: str, load: Load, scene: Scene) -> None:
    make, error = UNUSABLE[name]
    target = make(scene)
    if load is by_sink:
        make_index(target)
    ended = load(target, records(NUMBER))
    assert re.search(error, ended.error), ended.error
    assert "hunter2" not in ended.error
    assert len(ended.error.splitlines()) == 1
    assert not list(target.folder.glob("store/runs/*.json"))


@pytest.mark.parametrize(
    ("load", "rights"), [(by_sink, ("index",)), (by_run, ("manage", "read", "write"))]
)
def test_a_key_with_the_rights_of_the_documentation_is_enough(
    load: Load, rights: tuple[str, ...], scene: Scene
) -> None:
    if load is by_sink:
        make_index(scene.target)
    roles = [ALL_OF_IT] if load is by_run else []
    target = scene.with_key(*roles, scene.writes(*rights))
    assert load(target, records(NUMBER)) == Ended()
    assert target.stored() == list(range(NUMBER))


def test_the_store_is_left_as_it_was_and_a_reindex_brings_it_to_the_server(scene: Scene) -> None:
    nowhere = scene.at(f"http://127.0.0.1:{free_port()}")
    assert "no Elasticsearch answers" in by_run(nowhere, records(NUMBER)).error
    assert run(nowhere, *RUN, "--index", "none").returncode == 0
    before = content(scene.target.folder / "store")
    assert "no Elasticsearch answers" in by_run(nowhere, records(NUMBER)).error
    assert run(nowhere, "reindex").returncode == 3
    assert content(scene.target.folder / "store") == before

    target = scene.with_key(ALL_OF_IT, scene.writes("manage", "read", "write"))
    done = run(target, "reindex")
    assert (done.returncode, done.stdout) == (
        0,
        f"{NUMBER} documents of 1 run in {target.alias} at {target.url}\n",
    )
    assert target.stored() == list(range(NUMBER))


def content(store: Path) -> dict[str, bytes]:
    paths = (path for path in store.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(store)): path.read_bytes() for path in paths}
