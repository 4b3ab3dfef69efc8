from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.dates import parse_date


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2024-05-03", datetime(2024, 5, 3, tzinfo=UTC)),
        ("2024/5/3", datetime(2024, 5, 3, tzinfo=UTC)),
        (" 2024-05-03T12:30:00+02:00 ", datetime(2024, 5, 3, 10, 30, tzinfo=UTC)),
        ("2024-05-03T12:30:00Z", datetime(2024, 5, 3, 12, 30, tzinfo=UTC)),
        ("2024-05-03 12:30", datetime(2024, 5, 3, 12, 30, tzinfo=UTC)),
        ("Fri, 03 May 2024 12:30:00 +0200", datetime(2024, 5, 3, 10, 30, tzinfo=UTC)),
        ("May 3, 2024", datetime(2024, 5, 3, tzinfo=UTC)),
        ("3 May 2024", datetime(2024, 5, 3, tzinfo=UTC)),
        (date(2024, 5, 3), datetime(2024, 5, 3, tzinfo=UTC)),
        (
            datetime(2024, 5, 3, 12, tzinfo=timezone(timedelta(hours=2))),
            datetime(2024, 5, 3, 10, tzinfo=UTC),
        ),
    ],
)
def test_complete_dates_are_read_in_utc(value: object, moment: datetime) -> None:
    assert parse_date(value) == moment


@pytest.mark.parametrize(
    "value", ["03/05/2024", "2024", "May 2024", "2024-13-40", "0001-01-01", "soon", "", None, 2024]
)
def test_ambiguous_and_broken_dates_are_none(value: object) -> None:
    assert parse_date(value) is None


@given(st.text(max_size=30))
def test_no_text_raises(value: str) -> None:
    found = parse_date(value)
    assert found is None or found.tzinfo is UTC


@given(st.datetimes(min_value=datetime(1000, 1, 2), max_value=datetime(2999, 12, 30)))
def test_iso_dates_survive_the_round_trip(moment: datetime) -> None:
    assert parse_date(moment.isoformat()) == moment.replace(tzinfo=UTC)
