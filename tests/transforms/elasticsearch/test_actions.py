from __future__ import annotations

from datetime import UTC, datetime
from itertools import chain

import orjson
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.index_contract import documents, entity
from transforms.document import SCHEMA
from transforms.elasticsearch.actions import (
    Action,
    Batcher,
    encode,
    to_action,
    to_document,
    to_lines,
)

ACTIONS = st.builds(
    Action,
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=40),
    st.integers(0, 2**63 - 1),
    st.none()
    | st.dictionaries(st.text(st.characters(codec="utf-8")), st.text(max_size=50)).map(encode),
)


def row(**fields: object) -> dict[str, object]:
    return dict(documents({"id": "a", **fields}).to_pylist()[0])


def test_a_document_has_its_columns_and_no_missing_values() -> None:
    document = to_document(row(title="Ada", published_at=datetime(1843, 7, 10, tzinfo=UTC)))
    assert document["title"] == "Ada"
    assert {"duplicate_of", "similarity", "title_entities"}.isdisjoint(document)
    assert set(document) <= {*SCHEMA.names, "mentions", "search"}
    assert orjson.loads(encode(document))["published_at"] == "1843-07-10T00:00:00Z"


def test_names_are_arrays_per_label_the_most_mentioned_first() -> None:
    found = to_document(
        row(
            title_entities=[entity("London", "LOC")],
            entities=[entity("Ada", "PER"), entity("Oxford", "LOC"), entity("London", "LOC")],
        )
    )
    assert found["entities"] == {"PER": ["Ada"], "LOC": ["London", "Oxford"]}
    assert found["mentions"] == {"PER": {"Ada": 1}, "LOC": {"London": 2, "Oxford": 1}}


def test_metadata_is_an_object() -> None:
    assert to_document(row(metadata=[("url", "u"), ("a.b", "c")]))["metadata"] == {
        "url": "u",
        "a.b": "c",
    }


def test_a_row_of_an_older_store_has_no_names_in_its_title() -> None:
    older = row(entities=[entity("Ada", "PER")])
    del older["title_entities"]
    assert to_document(older)["entities"] == {"PER": ["Ada"]}


def test_what_a_search_of_the_index_needs_is_there() -> None:
    document = to_document(row(text="À l'océan", entities=[entity("Ada Lovelace", "PER")]))
    assert document["search"] == {"words": "a l ocean", "PER": ["ada lovelace"]}


def test_the_version_is_the_one_given_or_the_time_of_the_run() -> None:
    moment = datetime(2024, 5, 31, 12, 0, 0, 1, tzinfo=UTC)
    assert to_action(row(), 7).version == 7
    assert to_action(row(), 0).version == 0
    assert to_action(row(ingested_at=moment)).version == 1_717_156_800_000_001


def test_every_type_of_the_schema_is_json() -> None:
    full = pa.Table.from_pylist([row(quality=["x"], similarity=0.5, duplicate_of="b")], SCHEMA)
    action = to_action(full.to_pylist()[0])
    assert action.body is not None
    read = orjson.loads(action.body)
    assert (action.id, read["id"], read["quality"], read["similarity"]) == ("a", "a", ["x"], 0.5)


@given(st.lists(ACTIONS))
def test_lines_can_be_read_back(actions: list[Action]) -> None:
    lines = iter(to_lines(actions))
    for action in actions:
        ((kind, target),) = orjson.loads(next(lines)).items()
        assert target == {
            "_id": action.id,
            "version": action.version,
            "version_type": "external_gte",
        }
        if kind == "index":
            assert next(lines) == action.body
        else:
            assert (kind, action.body) == ("delete", None)
    assert not list(lines)


@given(st.lists(ACTIONS), st.integers(1, 2000), st.integers(1, 5))
def test_batches_hold_all_actions_in_order_within_the_limits(
    actions: list[Action], max_bytes: int, max_count: int
) -> None:
    batcher = Batcher(max_bytes, max_count)
    batches = [batch for action in actions for batch in batcher.add(action)]
    batches += batcher.flush()
    assert list(chain.from_iterable(batches)) == actions
    for batch in batches:
        assert 1 <= len(batch) <= max_count
        assert len(batch) == 1 or sum(action.size for action in batch) <= max_bytes
    assert not list(batcher.flush())


@given(ACTIONS)
def test_the_size_is_about_that_of_the_lines(action: Action) -> None:
    assert abs(action.size - sum(map(len, to_lines([action])))) < 400
