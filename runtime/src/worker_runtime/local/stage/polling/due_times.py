"""When a schedule is due: a rate since it was made, a cron or a moment by the clock of its time zone."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from worker_runtime.local.stage.polling.cron_times import next_local
from worker_runtime.sources.schedule_expressions import At, Rate, read_expression

if TYPE_CHECKING:
    from datetime import tzinfo

    from worker_runtime.sources.cron import Cron
    from worker_runtime.sources.schedule import Schedule


def due_after(schedule: Schedule, after: float, *, since: float) -> float | None:
    """Tell when a schedule made at ``since`` is due next, strictly ``after``; None where never again.

    All are epoch seconds. A rule's rate is first due one interval after it was made, a Scheduler's
    at once.
    """
    zone = UTC if schedule.timezone is None else ZoneInfo(schedule.timezone)
    match read_expression(schedule.expression):
        case Rate(every=every):
            first = 0 if schedule.of_scheduler else 1
            return _by_rate(every.total_seconds(), after, since=since, first=first)
        case At(moment=moment):
            at = _epoch(moment, zone)
            return at if at is not None and at > after else None
        case cron:
            return _by_clock(cron, after, zone=zone)


def _by_rate(every_s: float, after: float, *, since: float, first: int) -> float:
    nth = max(math.floor((after - since) / every_s) + 1, first)
    while (due := since + nth * every_s) <= after:  # by the last bit of a large number
        nth += 1
    return due


def _by_clock(cron: Cron, after: float, *, zone: tzinfo) -> float | None:
    """Find the next local time that exists; one that comes twice counts the first time, as AWS says."""
    local: datetime | None = datetime.fromtimestamp(after, zone).replace(tzinfo=None, fold=0)
    while local is not None:
        local = next_local(cron, local)
        at = None if local is None else _epoch(local, zone)
        if at is not None and at > after:
            return at
    return None


def _epoch(local: datetime, zone: tzinfo) -> float | None:
    """Read a local time as epoch seconds; None where the clocks jump over it."""
    at = local.replace(tzinfo=zone).timestamp()
    return at if datetime.fromtimestamp(at, zone).replace(tzinfo=None, fold=0) == local else None
