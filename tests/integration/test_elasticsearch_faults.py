"""Whatever a server does, each document ends up in the index once, or is a failure with a reason.

Faults meet the sink alone and a whole ``docsluice run``; a few, which are as others to a run, the
sink alone.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from tests.integration.conftest import forget, skipping
from tests.integration.fault_cases import CASES, NUMBER, Scene
from tests.integration.loads import Ended, Load, Target, by_run, records
from tests.integration.servers.elasticsearch import Elasticsearch as Server
from tests.integration.servers.exchange import Fault, Forward, Request, Response
from tests.integration.servers.fault_proxy import FaultProxy
from tests.integration.servers.faults import at
from tests.integration.servers.start import laid_out
from transforms.elasticsearch import ElasticsearchConfig


@pytest.fixture(scope="module")
def other_server() -> Iterator[Server]:
    """A server that may be stopped; all others of the tests go on."""
    with skipping():
        server = laid_out()
    with server:
        yield server


@pytest.fixture(scope="module", autouse=True)
def minute(
    elasticsearch_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Future[float]]:
    """How long a run took through an outage of a minute, which the other tests do not wait for."""
    with (
        FaultProxy(elasticsearch_url) as proxy,
        Elasticsearch(elasticsearch_url) as client,
        ThreadPoolExecutor(1) as thread,
    ):
        folder = tmp_path_factory.mktemp("minute")
        server = ElasticsearchConfig((elasticsearch_url,))
        target = Target(proxy.url, server, client, f"minute{time.time_ns()}", folder)
        proxy.inject(at(3, lambda: proxy.outage(60)))

        def load() -> float:
            began = time.monotonic()
            assert by_run(target, records(NUMBER)) == Ended()
            assert target.stored() == list(range(NUMBER))
            return time.monotonic() - began

        yield thread.submit(load)
        forget(client, target.alias)


@pytest.fixture
def scene(request: pytest.FixtureRequest, name: str, alias: str, tmp_path: Path) -> Iterator[Scene]:
    def restart() -> None:
        server.stop()
        server.start()

    if name == "a restart":
        server: Server = request.getfixturevalue("other_server")
        url = server.url
    else:
        url = request.getfixturevalue("elasticsearch_url")
    with FaultProxy(url) as proxy, Elasticsearch(url) as client:
        target = Target(proxy.url, ElasticsearchConfig((url,)), client, alias, tmp_path)
        yield Scene(target, proxy, restart)


def noted(arrived: list[str], fault: Fault) -> Fault:
    """The fault, with the path of each request that comes to it."""

    def note(request: Request, forward: Forward) -> Response:
        arrived.append(request.path)
        return fault(request, forward)

    return note


@pytest.mark.parametrize(
    ("name", "load"), [(name, load) for name, case in CASES.items() for load in case.loads]
)
def test_each_document_is_in_the_index_once_or_failed(name: str, load: Load, scene: Scene) -> None:
    case = CASES[name]
    target = replace(scene.target, settings=case.settings)
    if case.is_direct:
        target = replace(target, url=target.server.url[0])
    if case.template:
        target.client.cluster.put_component_template(
            name=f"{target.alias}@custom", template=case.template
        )
    given = list(records(case.number, dict.fromkeys(case.unfit, "in words"), case.texts()))
    arrived: list[str] = []
    scene.proxy.inject(noted(arrived, case.fault(scene)), case.path)
    ended = load(target, given)
    if case.error:
        assert re.search(case.error, ended.error), ended.error
        case.heals(scene)
        ended = load(target, given)
    assert ended.error == ""
    assert ended.failed == sorted(case.unfit)
    assert all(re.search(case.reason, reason) for reason in ended.reasons)
    assert target.stored() == sorted(set(range(case.number)) - case.unfit)
    if case.retries:
        to_documents = [path for path in arrived if path.endswith("/_bulk") and "act" not in path]
        assert len(to_documents) > case.number // target.config.batch_count


def test_an_outage_of_a_minute_is_waited_out(minute: Future[float]) -> None:
    assert minute.result() > 60
