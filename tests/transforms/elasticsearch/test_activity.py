from __future__ import annotations

import json
from typing import Any, get_args

import orjson
import pytest

from transforms.document import OutcomeName
from transforms.elasticsearch.activity import dead_letter_action, run_action
from transforms.resources import resource

MANIFEST = {
    "run_id": "000001-20260102T030405Z",
    "docsluice": "0.1.0",
    "started_at": "2026-01-02T03:04:05+00:00",
    "committed_at": "2026-01-02T03:04:09+00:00",
    "seconds": 4.0,
    "source_bytes": 2048,
    "unchanged": 7,
    "outcomes": {"kept": 9, "duplicate": 1},
    "languages": {"en": 9},
    "settings": {"sources": ["seeds"]},
}
LETTER = {
    "id": "a",
    "source": "file:///a",
    "stage": "read",
    "error_type": "JSONDecodeError",
    "error": "cut off",
    "attempts": 1,
    "recorded_at": "2026-01-02T03:04:05+00:00",
    "payload": "secret",
}


def properties() -> dict[str, Any]:
    content = orjson.loads(resource("config/elasticsearch/activity.json").read_bytes())
    found: dict[str, Any] = content["mappings"]["properties"]
    return found


def body(action: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(action.body)
    return found


def test_a_run_is_told_by_its_manifest() -> None:
    action = run_action(MANIFEST)
    assert action.id == "run:000001-20260102T030405Z"
    assert body(action) == {
        "kind": "run",
        "run_id": "000001-20260102T030405Z",
        "recorded_at": "2026-01-02T03:04:05+00:00",
        "started_at": "2026-01-02T03:04:05+00:00",
        "committed_at": "2026-01-02T03:04:09+00:00",
        "seconds": 4.0,
        "documents": 10,
        "documents_per_second": 2.5,
        "source_bytes": 2048,
        "outcomes": {"kept": 9, "duplicate": 1},
        "docsluice": "0.1.0",
    }


def test_a_run_without_time_has_no_speed() -> None:
    assert "documents_per_second" not in body(run_action(MANIFEST | {"seconds": 0.0}))


def test_a_manifest_of_an_older_version_may_lack_fields() -> None:
    older = {"run_id": "1", "started_at": MANIFEST["started_at"]}
    assert body(run_action(older))["documents"] == 0


def test_a_letter_never_tells_its_payload() -> None:
    action = dead_letter_action("000001-x", "part-00000-000-read#1", LETTER)
    assert action.id == "dead-letter:000001-x/part-00000-000-read#1"
    assert body(action) == {
        "kind": "dead-letter",
        "run_id": "000001-x",
        "recorded_at": "2026-01-02T03:04:05+00:00",
        "id": "a",
        "source": "file:///a",
        "stage": "read",
        "error_type": "JSONDecodeError",
        "error": "cut off",
    }


@pytest.mark.parametrize(
    "action", [run_action(MANIFEST), dead_letter_action("1", "part#1", LETTER)]
)
def test_the_mapping_has_every_field_that_is_written(action: Any) -> None:
    assert set(body(action)) <= set(properties())


def test_the_mapping_has_every_outcome() -> None:
    assert set(properties()["outcomes"]["properties"]) == set(get_args(OutcomeName))
