from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.index_contract import documents
from transforms.elasticsearch.actions import to_action
from transforms.elasticsearch.load import last_of_each_id, latest_time

TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


@settings(deadline=None)  # the first call imports much
@given(st.lists(TIMES, min_size=1))
def test_no_document_has_a_later_version_of_its_own(times: list[datetime]) -> None:
    table = documents(*({"id": str(n), "ingested_at": when} for n, when in enumerate(times)))
    assert latest_time(table) == max(to_action(row).version for row in table.to_pylist())


def test_no_documents_have_no_time() -> None:
    assert latest_time(documents({"id": "a"}).slice(1)) == 0


def test_of_documents_with_one_id_the_last_is_left_in_its_place() -> None:
    table = documents(*({"id": identity, "text": str(n)} for n, identity in enumerate("abac")))
    for given_ in (table, table.to_batches()[0]):
        assert last_of_each_id(given_)["text"].to_pylist() == ["1", "2", "3"]
    assert last_of_each_id(table.slice(1)).num_rows == 3
