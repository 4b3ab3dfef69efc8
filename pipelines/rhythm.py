"""When the next run is due: every so often, or by a crontab line; and how long failures wait.

Pure functions of time. APScheduler reads crontab lines; its scheduler is not used, for it drops a
run that falls due during another, where here a missed run is made up for once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from apscheduler.triggers.base import BaseTrigger

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
"""Seconds in each unit of a duration."""

_LONGEST = timedelta(days=366)
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = 5


class RhythmError(ValueError):
    """A duration, crontab line or time zone that cannot be used; one line for the user."""


class Rhythm(Protocol):
    """Tells when the next run is due."""

    def after(self, moment: datetime) -> datetime:
        """The first time later than ``moment`` at which a run is due, both with a time zone."""


@dataclass(frozen=True, slots=True)
class Every:
    """Due whenever a whole number of intervals has passed since ``start``."""

    interval: timedelta
    start: datetime

    def after(self, moment: datetime) -> datetime:
        """The first time later than ``moment`` at which a run is due."""
        return self.start + ((moment - self.start) // self.interval + 1) * self.interval


class Cron:
    """Due by a crontab line in a time zone.

    As in cron, days of the week count from Sunday, 0 or 7, and if neither the day of the month
    nor that of the week is ``*``, either will do (crontab(5)). A time that a clock change skips
    comes an hour later; one that it repeats comes twice.
    """

    def __init__(self, line: str, zone: tzinfo) -> None:
        """Read the line.

        Raises:
            RhythmError: it has other than five fields, or one that is not understood.
        """
        from apscheduler.triggers.combining import OrTrigger

        self._line, self._zone = line, zone
        fields = line.split()
        if len(fields) != _FIELDS:
            raise RhythmError(
                f"{line!r} has {len(fields)} fields; a crontab line has five: minute, hour, day "
                'of month, month, day of week, such as "*/15 * * * *"'
            )
        *time, day, month, weekday = fields
        either = not day.startswith("*") and not weekday.startswith("*")
        pairs = [(day, "*"), ("*", weekday)] if either else [(day, weekday)]
        self._trigger = OrTrigger([self._part([*time, d, month, w]) for d, w in pairs])

    def after(self, moment: datetime) -> datetime:
        """The first time later than ``moment`` at which a run is due.

        Raises:
            RhythmError: there is none, as for the 31st of February.
        """
        later = moment.astimezone(self._zone) + timedelta(microseconds=1)
        due: datetime | None = self._trigger.get_next_fire_time(None, later)
        if due is None:
            raise RhythmError(f"{self._line!r} names a day that never comes")
        return due

    def _part(self, fields: list[str]) -> BaseTrigger:
        from apscheduler.triggers.cron import CronTrigger

        minute, hour, day, month, weekday = fields
        try:
            return CronTrigger(
                minute=minute,
                hour=hour,
                day=day,
                month=month.lower(),
                day_of_week=",".join(map(_named_days, weekday.lower().split(","))),
                timezone=self._zone,
            )
        except ValueError as error:
            raise RhythmError(f"{self._line!r} is no crontab line: {error}") from None


def _named_days(days: str) -> str:
    """Days of the week by name, for APScheduler's numbers begin at Monday."""
    found = re.fullmatch(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?", days)
    if found is None:
        raise ValueError(f"{days!r} names no day of the week")
    first, last, step = found.groups()
    if first == "*" and not step:
        return "*"
    begin, end = (0, 6) if first == "*" else (_day(first), _day(last or first))
    if end < begin and end == 0:
        end = 7  # sun at the end of a range, as in fri-sun
    if end < begin or step == "0" or (step and first != "*" and not last):
        raise ValueError(f"{days!r} names no days of the week")
    return ",".join(_DAYS[day % 7] for day in range(begin, end + 1, int(step or 1)))


def _day(name: str) -> int:
    if name in _DAYS:
        return _DAYS.index(name)
    if name.isdecimal() and int(name) <= len(_DAYS):
        return int(name)
    raise ValueError(f"{name!r} is no day of the week")


def read_duration(text: str) -> timedelta:
    """A length of time such as ``90s``, ``15m``, ``2h`` or ``1d``; at least a second.

    Raises:
        RhythmError: it is not of that form, or out of bounds.
    """
    found = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,3})?)\s*([smhd])\s*", text.lower(), re.ASCII)
    if found is None:
        raise RhythmError(f"{text!r} is no length of time; write 90s, 15m, 2h or 1d")
    length = timedelta(seconds=float(found[1]) * UNITS[found[2]])
    if not timedelta(seconds=1) <= length <= _LONGEST:
        raise RhythmError(f"{text!r} is not between 1s and {_LONGEST.days}d")
    return length


def time_zone(name: str | None) -> tzinfo:
    """The time zone of this name, such as ``Europe/Paris``; this machine's if there is none.

    Raises:
        RhythmError: there is no such time zone.
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from tzlocal import get_localzone

    try:
        return get_localzone() if name is None else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise RhythmError(
            f"there is no time zone {name or 'of this machine'!r} here; write it as in "
            "Europe/Paris, or install the system's time zones (package tzdata)"
        ) from None


@dataclass(frozen=True, slots=True)
class BackOff:
    """How long to wait after failures: doubled from ``first`` with each, up to ``most``."""

    first: timedelta = timedelta(seconds=30)
    most: timedelta = timedelta(hours=1)

    def wait(self, failures: int) -> timedelta:
        """How long to wait after so many failures in succession, one at least."""
        doublings = min(failures - 1, 30)  # beyond, any wait is the longest
        return min(self.first * (1 << doublings), self.most)
