from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from tests.transforms.index_contract import documents, entity
from transforms.document import SCHEMA
from transforms.elasticsearch.rows import to_rows


@pytest.fixture
def table() -> pa.Table:
    some = documents(
        *(
            {
                "id": str(n),
                "published_at": None if n % 3 else datetime(2024, 1, 1 + n % 7, tzinfo=UTC),
                "entities": [entity("Ada", "PER")] * (n % 4),
                "metadata": [("n", str(n))],
            }
            for n in range(1500)
        )
    )
    return pa.concat_tables([some, some.slice(700), some.slice(3, 1)])


def test_rows_are_those_of_arrow(table: pa.Table) -> None:
    assert list(to_rows(table)) == table.to_pylist()
    for batch in table.to_batches():
        assert list(to_rows(batch)) == batch.to_pylist()


def test_a_table_without_rows_has_none() -> None:
    assert list(to_rows(SCHEMA.empty_table())) == []
