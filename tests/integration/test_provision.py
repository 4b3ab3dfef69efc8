"""``docsluice provision`` with a real Elasticsearch and a stand-in for Kibana."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch as Client

from pipelines.dashboards import DASHBOARDS, dashboards
from pipelines.lock import writer_lock
from tests.conftest import SEEDS
from tests.integration.command import docsluice
from tests.integration.servers.elasticsearch import Elasticsearch, free_port
from tests.integration.test_elasticsearch_runs import variables
from tests.kibana.stand_in import KibanaStandIn


def test_what_is_said_to_a_person(elasticsearch_url: str, tmp_path: Path) -> None:
    env = variables(elasticsearch_url, "test-said")
    first = docsluice("provision", cwd=tmp_path, env=env)
    assert first.returncode == 0
    lines = first.stdout.splitlines()
    assert lines[0].startswith(f"Elasticsearch at {elasticsearch_url}: alias test-said, whose ")
    assert lines[0].endswith("is new and empty; templates put")
    assert lines[1:] == [
        "test-said-activity: 0 runs",
        "Kibana: none is named (--kibana-url), so there are no dashboards",
    ]
    assert not list(tmp_path.iterdir())
    with KibanaStandIn() as kibana:
        env |= {"DOCSLUICE_KIBANA__URL": kibana.url}
        second = docsluice("provision", cwd=tmp_path, env=env)
        third = docsluice("provision", cwd=tmp_path, env=env)
        other = docsluice(
            "provision", cwd=tmp_path, env=env | {"DOCSLUICE_ELASTICSEARCH__INDEX": "test-other"}
        )
    assert "is there; templates unchanged" in second.stdout
    objects = f"Kibana at {kibana.url}: {len(dashboards('x'))} objects in the space default"
    assert f"{objects}\n" in second.stdout
    assert f"{objects}, unchanged\n" in third.stdout
    address = f"Open: {kibana.url}/app/dashboards#/view/{DASHBOARDS[0]}"
    assert address in third.stdout.splitlines()
    assert "Note: the dashboards showed test-said until now" in other.stdout
    assert "Note" not in third.stdout


def test_the_first_run_takes_the_index_that_was_provisioned(
    elasticsearch_url: str, tmp_path: Path
) -> None:
    env = variables(elasticsearch_url, "test-first")
    ready = json.loads(docsluice("provision", "--json", cwd=tmp_path, env=env).stdout)
    assert ready["kibana"] is None
    assert docsluice("run", SEEDS, "--quiet", cwd=tmp_path, env=env).returncode == 0
    with Client(elasticsearch_url) as client:
        assert list(client.indices.get_alias(name="test-first")) == [
            ready["elasticsearch"]["index"]
        ]
        assert client.count(index="test-first")["count"] == 3


def test_a_run_that_may_make_the_same_index_is_waited_for_by_the_user(
    elasticsearch_url: str, tmp_path: Path
) -> None:
    (tmp_path / "store").mkdir()
    env = variables(elasticsearch_url, "test-busy")
    with writer_lock(str(tmp_path / "store")):
        failed = docsluice("provision", cwd=tmp_path, env=env)
    assert (failed.returncode, failed.stdout) == (3, "")
    assert "another run is writing to store" in failed.stderr
    assert docsluice("provision", cwd=tmp_path, env=env).returncode == 0
    with writer_lock(str(tmp_path / "store")):
        assert docsluice("provision", cwd=tmp_path, env=env).returncode == 0


def test_without_elasticsearch_kibana_is_not_touched(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with KibanaStandIn() as kibana:
        failed = docsluice(
            "provision", "--kibana-url", kibana.url, cwd=tmp_path, env=variables(url, "x")
        )
    assert (failed.returncode, failed.stdout) == (3, "")
    assert failed.stderr.startswith(f"docsluice: no Elasticsearch answers at {url}")
    assert len(failed.stderr.splitlines()) == 1
    assert kibana.requests == []


def test_without_kibana_elasticsearch_is_ready_all_the_same(
    elasticsearch_url: str, tmp_path: Path
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    env = variables(elasticsearch_url, "test-no-kibana")
    failed = docsluice("provision", "--kibana-url", url, cwd=tmp_path, env=env)
    assert (failed.returncode, failed.stdout) == (3, "")
    assert failed.stderr.startswith(f"docsluice: no Kibana answers at {url} (Connection refused)")
    assert len(failed.stderr.splitlines()) == 1
    with Client(elasticsearch_url) as client:
        assert client.indices.exists_alias(name="test-no-kibana")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--space", "Has Blanks", "--kibana-url", "http://a"], "cannot name a space"),
        (["--kibana-url", "localhost:5601"], "kibana: url must be like https://host:5601"),
        (["--kibana-url", "http://ann:hush@a:5601"], "kibana.url: holds a password"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_done(
    tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    failed = docsluice("provision", *arguments, cwd=tmp_path)
    assert (failed.returncode, failed.stdout) == (2, "")
    assert complaint in failed.stderr
    assert "hush" not in failed.stderr


def test_a_limited_key_is_enough_and_what_it_lacks_is_named(
    secure_elasticsearch: Elasticsearch, tmp_path: Path
) -> None:
    indices = [{"names": ["docsluice*"], "privileges": ["manage", "read", "write"]}]
    role: dict[str, object] = {
        "cluster": ["monitor", "manage_index_templates"],
        "indices": indices,
    }
    env = {
        "DOCSLUICE_ELASTICSEARCH__URL": secure_elasticsearch.url,
        "DOCSLUICE_ELASTICSEARCH__CA_CERTS": str(secure_elasticsearch.ca_certificate),
    }
    key = secure_elasticsearch.api_key(role)
    with KibanaStandIn(keys={key}) as kibana:
        asked = ["provision", "--kibana-url", kibana.url, "--json"]
        done = docsluice(*asked, cwd=tmp_path, env=env | {"DOCSLUICE_ELASTICSEARCH__API_KEY": key})
        assert (done.returncode, done.stderr) == (0, "")
        assert kibana.requests[0].headers["authorization"] == f"ApiKey {key}"
        lesser = secure_elasticsearch.api_key(role | {"cluster": ["monitor"]})
        lacking = docsluice(
            *asked, cwd=tmp_path, env=env | {"DOCSLUICE_ELASTICSEARCH__API_KEY": lesser}
        )
    assert lacking.returncode == 3
    assert "manage_index_templates" in lacking.stderr
    assert len(lacking.stderr.splitlines()) == 1
