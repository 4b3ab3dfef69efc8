from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.rhythm import BackOff, Cron, Every, RhythmError, read_duration, time_zone

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
moments = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86400), (" 1.5 M ", 90)]
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert read_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "15", "m", "-1m", "1w", "1m30s", "0s", "0.5s", "367d", "٣m"])
def test_what_is_no_duration_is_said(text: str) -> None:
    with pytest.raises(RhythmError, match=r"write 90s, 15m, 2h or 1d|between 1s and 366d"):
        read_duration(text)


@given(moments, st.timedeltas(timedelta(seconds=1), timedelta(days=366)))
def test_every_interval_is_later_by_at_most_one_and_on_the_grid(
    moment: datetime, interval: timedelta
) -> None:
    due = Every(interval, START).after(moment)
    assert timedelta(0) < due - moment <= interval
    assert (due - START) % interval == timedelta(0)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("*/15 * * * *", "2026-01-01 12:15"),
        ("0 12 * * *", "2026-01-02 12:00"),
        ("30 4 1 * *", "2026-02-01 04:30"),
        ("0 0 * JAN mon", "2026-01-05 00:00"),
        ("0 0 * * 0", "2026-01-04 00:00"),
        ("0 0 * * 7", "2026-01-04 00:00"),
        ("0 0 * * 1", "2026-01-05 00:00"),
        ("0 0 * * 5-7", "2026-01-02 00:00"),
        ("0 0 * * sat-sun", "2026-01-03 00:00"),
        ("0 0 * * 1-5/2", "2026-01-02 00:00"),
        ("0 0 * * 0,3", "2026-01-04 00:00"),
        ("0 0 * * */3", "2026-01-03 00:00"),
        ("0 0 20 * mon", "2026-01-05 00:00"),
        ("0 0 3 * mon", "2026-01-03 00:00"),
    ],
)
def test_a_crontab_line_means_what_it_means_to_cron(line: str, expected: str) -> None:
    assert f"{Cron(line, UTC).after(START):%Y-%m-%d %H:%M}" == expected


@given(moments)
def test_the_next_time_of_a_crontab_line_is_later(moment: datetime) -> None:
    due = Cron("*/20 * * * *", BERLIN).after(moment)
    assert timedelta(0) < due - moment <= timedelta(minutes=20)
    assert Cron("*/20 * * * *", BERLIN).after(due) - due == timedelta(minutes=20)


NO_LINES = """\
* * * *
* * * * * *
60 * * * *
* 24 * * *
* * 0 * *
* * * 13 *
* * * * 8
* * * * 5-2
* * * * */0
* * * * x
* * * * 1/2
* * * * -
x * * * *
*/0 * * * *
"""


@pytest.mark.parametrize("line", ["", *NO_LINES.splitlines()])
def test_what_is_no_crontab_line_is_said(line: str) -> None:
    with pytest.raises(RhythmError, match=r"crontab line"):
        Cron(line, UTC)


def test_a_day_that_never_comes_is_said() -> None:
    with pytest.raises(RhythmError, match="never comes"):
        Cron("0 0 31 2 *", UTC).after(START)


def test_a_time_that_a_clock_change_skips_comes_an_hour_later() -> None:
    due = Cron("30 2 * * *", BERLIN).after(datetime(2026, 3, 29, tzinfo=BERLIN))
    assert due.astimezone(UTC).astimezone(BERLIN).isoformat() == "2026-03-29T03:30:00+02:00"


def test_a_time_that_a_clock_change_repeats_comes_twice() -> None:
    cron = Cron("30 2 * * *", BERLIN)
    first = cron.after(datetime(2026, 10, 25, tzinfo=BERLIN))
    second = cron.after(first)
    assert (first.isoformat(), second.isoformat()) == (
        "2026-10-25T02:30:00+02:00",
        "2026-10-25T02:30:00+01:00",
    )


def test_a_time_zone_is_found_by_name_or_is_the_machines() -> None:
    assert time_zone("Europe/Berlin") == BERLIN
    assert datetime.now(time_zone(None)).utcoffset() == datetime.now().astimezone().utcoffset()
    for name in ("Middle/Earth", "", "../etc/passwd", "/etc/passwd"):
        with pytest.raises(RhythmError, match="there is no time zone"):
            time_zone(name)


@given(st.integers(1, 10_000))
def test_failures_wait_ever_longer_up_to_a_limit(failures: int) -> None:
    back_off = BackOff(timedelta(seconds=30), timedelta(hours=1))
    wait, longer = back_off.wait(failures), back_off.wait(failures + 1)
    assert longer == min(2 * wait, timedelta(hours=1))
    assert back_off.wait(1) == timedelta(seconds=30)
