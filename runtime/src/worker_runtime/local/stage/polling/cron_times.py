"""The next local time that fits a cron, computed by cronsim.

All but two things that cronsim has no notion of: years, and the weekday nearest to a date (``15W``);
days that these rule out are skipped here. Of the parsers written for AWS's grammar none was exact:
they fail on ``LW``, or give up before a rare day comes.
"""

from __future__ import annotations

import calendar
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from cronsim import CronSim, CronSimError

from worker_runtime.sources.cron import Cron, Dates, LastDate, Nearest, WeekdayOf, Weekdays

if TYPE_CHECKING:
    from collections.abc import Iterable

MINUTE: Final = timedelta(minutes=1)
NEIGHBOURS: Final = 2  # a weekday is at most two days from any date of its month
LAST_DATE: Final = 31


def next_local(cron: Cron, after: datetime) -> datetime | None:
    """Find the next local time that fits, strictly ``after``; None where none does any more."""
    days, weekdays = _days(cron)
    text = f"{_listed(cron.minutes)} {_listed(cron.hours)} {days} {_listed(cron.months)} {weekdays}"
    latest = max(cron.years)
    try:
        while (found := next(CronSim(text, after), None)) is not None and found.year <= latest:
            if found.year not in cron.years:
                after = _before_next_year(cron, found)
            elif not _is_day(cron, found):
                after = found.replace(hour=23, minute=59)
            else:
                return found
    except CronSimError:  # no month has such a date
        return None
    return None


def nearest_weekday(year: int, month: int, date: int) -> int | None:
    """Find the date from Monday to Friday nearest to one of a month; None where it has no such date."""
    last = calendar.monthrange(year, month)[1]
    if date > last:
        return None
    match calendar.weekday(year, month, date):
        case calendar.SATURDAY:
            return date - 1 if date > 1 else date + 2
        case calendar.SUNDAY:
            return date + 1 if date < last else date - 2
        case _:
            return date


def _is_day(cron: Cron, moment: datetime) -> bool:
    """Whether it is the very day, where cronsim was only told about which."""
    if not isinstance(cron.day, Nearest):
        return True
    return nearest_weekday(moment.year, moment.month, cron.day.date) == moment.day


def _days(cron: Cron) -> tuple[str, str]:
    """Say a cron's days in cronsim's words: dates, and weekdays from 0 (SUN)."""
    match cron.day:
        case Dates(dates=dates):
            return _listed(dates), "*"
        case LastDate(working=working):
            return "LW" if working else "L", "*"
        case Nearest(date=date):
            around = range(max(date - NEIGHBOURS, 1), min(date + NEIGHBOURS, LAST_DATE) + 1)
            return _listed(around), "*"
        case Weekdays(weekdays=weekdays):
            return "*", _listed(weekday - 1 for weekday in weekdays)
        case WeekdayOf(weekday=weekday, nth=nth):
            return "*", f"{weekday - 1}L" if nth is None else f"{weekday - 1}#{nth}"


def _listed(numbers: Iterable[int]) -> str:
    return ",".join(map(str, sorted(numbers)))


def _before_next_year(cron: Cron, moment: datetime) -> datetime:
    """Jump to the last minute before the next year that counts; there is one."""
    year = min(year for year in cron.years if year > moment.year)
    return datetime(year, 1, 1) - MINUTE  # noqa: DTZ001 - local time, of a zone that the caller knows
