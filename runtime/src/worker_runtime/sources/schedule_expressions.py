"""Schedule expressions, read when a worker is declared and when the stage runs it; never in Lambda."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from worker_runtime.errors import DeclarationError
from worker_runtime.sources.cron import Cron, NoExpression, read_cron

UNITS: Final = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}

_RATE: Final = re.compile(r"rate\(([1-9]\d{0,8}) (minute|hour|day)(s?)\)", re.ASCII)
_AT: Final = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)", re.ASCII)
_CRON: Final = re.compile(r"cron\(([^()]*)\)")


@dataclass(frozen=True, slots=True)
class Rate:
    """Every ``every``, counted from when the schedule was made."""

    every: timedelta


@dataclass(frozen=True, slots=True)
class At:
    """Once, at this local time."""

    moment: datetime


Expression = Rate | Cron | At


def read_expression(text: str) -> Expression:
    """Read ``rate(...)``, ``cron(...)`` or ``at(...)``; raises NoExpression."""
    if found := _RATE.fullmatch(text):
        return _rate(int(found[1]), found[2], plural=bool(found[3]))
    if found := _CRON.fullmatch(text):
        return read_cron(found[1])
    if found := _AT.fullmatch(text):
        try:
            return At(datetime.fromisoformat(found[1]))
        except ValueError as error:
            raise NoExpression(f"there is no such moment: {error}") from error
    raise NoExpression(
        "AWS does not know it; say rate(5 minutes), cron(0 9 ? * MON-FRI *) or at(2026-05-01T09:00:00)"
    )


def check_expression(who: str, text: object, *, timezone: object) -> None:
    """Refuse an expression, or the name of a time zone, that AWS would refuse."""
    if not isinstance(text, str):
        raise DeclarationError(f"{who} is no text; say the expression as one.")
    try:
        read_expression(text)
    except NoExpression as error:
        raise DeclarationError(f"{who}: {error}.") from error
    if timezone is not None:
        _check_timezone(who, timezone)


def _check_timezone(who: str, timezone: object) -> None:
    from zoneinfo import available_timezones  # noqa: PLC0415 - only schedules with a time zone pay

    known = available_timezones()
    if known and timezone not in known:  # a bare container may have no database of time zones
        raise DeclarationError(f"{who} timezone is {timezone!r}; say a name of IANA's, as 'Europe/Paris'.")


def _rate(value: int, unit: str, *, plural: bool) -> Rate:
    if plural == (value == 1):
        raise NoExpression(f"AWS says {value} {unit}{'' if value == 1 else 's'}")
    return Rate(value * UNITS[unit])
