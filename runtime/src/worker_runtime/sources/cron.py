"""AWS's cron of six fields, read; when it is next due is ``local``'s to compute.

The grammar is Quartz's, which AWS documents in part: ``L``, ``W`` and ``#`` stand alone in their
field. Where AWS documents nothing and another spelling exists (ranges that wrap around, ``/`` among
weekdays) the spelling is refused, so that what is read here is taken there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from worker_runtime.errors import DeclarationError

MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
FIELDS: Final = ("minutes", "hours", "day-of-month", "month", "day-of-week", "year")
SATURDAY: Final = 7

_ITEM: Final = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/(\d{1,3}))?", re.ASCII)
_NEAR: Final = re.compile(r"(\d+)W", re.ASCII)
_OF_MONTH: Final = re.compile(r"(\d|[A-Z]{3})(?:L|#(\d))", re.ASCII)


class NoExpression(DeclarationError):
    """A schedule expression that AWS would refuse; its text says what, and the cure."""


@dataclass(frozen=True, slots=True)
class Dates:
    """These dates of a month."""

    dates: frozenset[int]


@dataclass(frozen=True, slots=True)
class LastDate:
    """A month's last day, or its last from Monday to Friday."""

    working: bool = False


@dataclass(frozen=True, slots=True)
class Nearest:
    """The day from Monday to Friday that is nearest to a date, in the same month."""

    date: int


@dataclass(frozen=True, slots=True)
class Weekdays:
    """These days of the week, 1 (SUN) to 7 (SAT)."""

    weekdays: frozenset[int]


@dataclass(frozen=True, slots=True)
class WeekdayOf:
    """A month's ``nth`` day of this name, its last where that is None."""

    weekday: int
    nth: int | None


Day = Dates | LastDate | Nearest | Weekdays | WeekdayOf


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """The local times at which something is due."""

    minutes: frozenset[int]
    hours: frozenset[int]
    day: Day
    months: frozenset[int]
    years: frozenset[int]


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name, its numbers, and their names where they have any."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    steps: bool = True

    def values(self, text: str) -> frozenset[int]:
        """Read a list of values, ranges, steps and ``*``."""
        return frozenset(value for item in text.split(",") for value in self._item(item))

    def value(self, text: str) -> int:
        """Read one number or name."""
        if text in self.names:
            return self.low + self.names.index(text)
        if text.isascii() and text.isdigit() and self.low <= (number := int(text)) <= self.high:
            return number
        named = f" or {self.names[0]}-{self.names[-1]}" if self.names else ""
        raise NoExpression(f"{self.name} is {text!r}; AWS takes {self.low}-{self.high}{named}")

    def _item(self, text: str) -> range:
        found = _ITEM.fullmatch(text)
        if not found or (found[3] and not self.steps):
            steps = " and /" if self.steps else ""
            raise NoExpression(f"{self.name} has {text!r}; AWS takes values, lists, ranges and *{steps}")
        first, last, step = found[1], found[2], int(found[3] or 1)
        if not 1 <= step <= self.high:
            raise NoExpression(f"{self.name} has the step {step}; say 1 to {self.high}")
        if first is None:
            return range(self.low, self.high + 1, step)
        low = self.value(first)
        high = self.value(last) if last else self.high if found[3] else low
        if high < low:
            raise NoExpression(f"{self.name} has {text!r}, which runs backwards; say two ranges")
        return range(low, high + 1, step)


MINUTES: Final = Field("minutes", 0, 59)
HOURS: Final = Field("hours", 0, 23)
DATE: Final = Field("day-of-month", 1, 31)
MONTH: Final = Field("month", 1, 12, MONTHS)
WEEKDAY: Final = Field("day-of-week", 1, 7, DAYS, steps=False)
NTH: Final = Field("day-of-week, behind #,", 1, 5)
YEAR: Final = Field("year", 1970, 2199)


def read_cron(text: str) -> Cron:
    """Read the six fields between the brackets of ``cron(...)``; raises NoExpression."""
    fields = text.upper().split()  # names of days and months may be written in any case
    if len(fields) != len(FIELDS):
        raise NoExpression(f"cron has {len(fields)} fields; it takes six: {', '.join(FIELDS)}")
    minutes, hours, date, month, weekday, year = fields
    if (date == "?") == (weekday == "?"):
        raise NoExpression("exactly one of day-of-month and day-of-week is ?; the other says the days")
    return Cron(
        minutes=MINUTES.values(minutes),
        hours=HOURS.values(hours),
        day=_date(date) if weekday == "?" else _weekday(weekday),
        months=MONTH.values(month),
        years=YEAR.values(year),
    )


def _date(text: str) -> Day:
    if text in ("L", "LW"):
        return LastDate(working=text == "LW")
    if found := _NEAR.fullmatch(text):
        return Nearest(DATE.value(found[1]))
    if "L" in text or "W" in text:
        raise NoExpression(f"day-of-month is {text!r}; L and W stand alone, as L, LW or 15W")
    return Dates(DATE.values(text))


def _weekday(text: str) -> Day:
    if text == "L":  # the last day of the week
        return Weekdays(frozenset((SATURDAY,)))
    if found := _OF_MONTH.fullmatch(text):
        return WeekdayOf(WEEKDAY.value(found[1]), NTH.value(found[2]) if found[2] else None)
    if "L" in text or "#" in text:
        raise NoExpression(f"day-of-week is {text!r}; L and # stand alone, as L, 6L or 6#3")
    return Weekdays(WEEKDAY.values(text))
