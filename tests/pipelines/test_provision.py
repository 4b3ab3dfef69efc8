"""What becomes of Kibana, which is a stand-in here; Elasticsearch is in the integration tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from pipelines.dashboards import DASHBOARDS, dashboards
from pipelines.kibana_config import KibanaConfig
from pipelines.provision import provision_kibana
from pipelines.settings import ConfigurationError
from tests.kibana.stand_in import Answer, KibanaStandIn, Request


@pytest.fixture
def stand_in() -> Iterator[KibanaStandIn]:
    with KibanaStandIn() as server:
        yield server


def test_the_first_time_makes_all_and_the_second_changes_nothing(stand_in: KibanaStandIn) -> None:
    config = KibanaConfig(stand_in.url, "news")
    first = provision_kibana(config, "docsluice")
    assert (first.space, first.space_created, first.changed) == ("news", True, None)
    assert (first.version, first.objects) == ("8.19.21", len(dashboards("docsluice")))
    second = provision_kibana(config, "docsluice")
    assert second == replace(first, space_created=False, changed=False)
    assert first.dashboards == tuple(
        f"{stand_in.url}/s/news/app/dashboards#/view/{name}" for name in DASHBOARDS
    )


def test_what_a_person_has_changed_is_put_back(stand_in: KibanaStandIn) -> None:
    config = KibanaConfig(stand_in.url)
    provision_kibana(config, "docsluice")
    key = "dashboard", DASHBOARDS[0]
    stand_in.objects["default"][key]["attributes"]["title"] = "mine"
    assert provision_kibana(config, "docsluice").changed
    assert stand_in.objects["default"][key]["attributes"]["title"] == "docsluice: documents"


def test_objects_of_others_are_left_alone(stand_in: KibanaStandIn) -> None:
    own = {"type": "dashboard", "id": "mine", "attributes": {"title": "mine"}, "references": []}
    stand_in.objects["default"]["dashboard", "mine"] = own
    provision_kibana(KibanaConfig(stand_in.url), "docsluice")
    assert stand_in.objects["default"]["dashboard", "mine"] == own


def test_another_index_in_the_same_space_is_told(stand_in: KibanaStandIn) -> None:
    config = KibanaConfig(stand_in.url)
    assert provision_kibana(config, "docsluice").instead_of is None
    assert provision_kibana(config, "news").instead_of == "docsluice"
    assert provision_kibana(config, "news").instead_of is None
    view = stand_in.objects["default"]["index-pattern", DASHBOARDS[1]]
    assert view["attributes"]["title"] == "news-activity"


def test_the_address_has_the_id_that_kibana_gave(stand_in: KibanaStandIn) -> None:
    done = {"type": "dashboard", "id": DASHBOARDS[0], "destinationId": "other", "meta": {}}

    def renames(request: Request) -> Answer | None:
        if not request.path.endswith("_import"):
            return None
        return 200, {"success": True, "successCount": 1, "successResults": [done]}

    stand_in.fault = renames
    ready = provision_kibana(KibanaConfig(stand_in.url), "docsluice")
    assert ready.dashboards[0] == f"{stand_in.url}/app/dashboards#/view/other"


def test_nothing_is_written_to_a_kibana_of_a_wrong_version(stand_in: KibanaStandIn) -> None:
    stand_in.version = "7.17.0"
    with pytest.raises(RuntimeError, match=r"7\.17\.0"):
        provision_kibana(KibanaConfig(stand_in.url, "news"), "docsluice")
    assert [one.method for one in stand_in.requests] == ["GET"]


def test_a_secret_that_is_not_there_is_a_mistake_of_configuration() -> None:
    config = KibanaConfig("http://127.0.0.1:1", api_key="file:/nowhere")
    with pytest.raises(ConfigurationError, match=r"kibana: .*/nowhere"):
        provision_kibana(config, "docsluice")
