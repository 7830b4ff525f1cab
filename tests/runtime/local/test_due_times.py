"""When a schedule is due: strictly later, fitting, none left out; by the clock of its time zone."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker_runtime import Schedule
from worker_runtime.local.stage.polling.cron_times import next_local
from worker_runtime.local.stage.polling.due_times import due_after
from worker_runtime.sources.cron import Cron, Dates, LastDate, Nearest, WeekdayOf, Weekdays, read_cron

if TYPE_CHECKING:
    from collections.abc import Collection

YEAR = 2026
START = datetime(YEAR, 1, 1, tzinfo=UTC)


def due(schedule: Schedule, *, after: datetime = START, count: int = 1, since: datetime = START) -> list[str]:
    """List the next times, as texts in the schedule's own time zone."""
    found: list[str] = []
    at = after.timestamp()
    zone = ZoneInfo(schedule.timezone or "UTC")
    while len(found) < count and (later := due_after(schedule, at, since=since.timestamp())) is not None:
        at = later
        found.append(datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d %H:%M"))
    return found


@pytest.mark.parametrize(
    ("cron", "times"),
    [
        ("0 10 * * ? *", ["2026-01-01 10:00", "2026-01-02 10:00"]),
        ("0 18 ? * MON-FRI *", ["2026-01-01 18:00", "2026-01-02 18:00", "2026-01-05 18:00"]),
        ("0 8 1 * ? *", ["2026-01-01 08:00", "2026-02-01 08:00"]),
        ("0/15 * * * ? *", ["2026-01-01 00:15", "2026-01-01 00:30"]),
        ("0/5 8-17 ? * MON-FRI *", ["2026-01-01 08:00", "2026-01-01 08:05"]),
        ("0/30 20,2 ? * MON-FRI *", ["2026-01-01 02:00", "2026-01-01 02:30", "2026-01-01 20:00"]),
        ("15 10 ? * 6L *", ["2026-01-30 10:15", "2026-02-27 10:15"]),
        ("0 0 ? * 3#2 *", ["2026-01-13 00:00", "2026-02-10 00:00"]),
        ("0 0 ? * MON#5 *", ["2026-03-30 00:00", "2026-06-29 00:00"]),
        ("0 0 ? * L *", ["2026-01-03 00:00", "2026-01-10 00:00"]),
        ("0 0 L * ? *", ["2026-01-31 00:00", "2026-02-28 00:00"]),
        ("0 0 LW * ? *", ["2026-01-30 00:00", "2026-02-27 00:00"]),
        ("0 0 3W * ? *", ["2026-01-02 00:00", "2026-02-03 00:00", "2026-03-03 00:00"]),
        ("0 0 1W 8 ? *", ["2026-08-03 00:00"]),
        ("0 0 31W 5 ? *", ["2026-05-29 00:00"]),
        ("0 0 29 2 ? *", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("0 0 ? 2 FRI#5 *", ["2036-02-29 00:00", "2064-02-29 00:00"]),
        ("0 0 1 1 ? 2030,2199", ["2030-01-01 00:00", "2199-01-01 00:00"]),
    ],
)
def test_a_cron_is_due_when_aws_says(cron: str, times: list[str]) -> None:
    assert due(Schedule(f"cron({cron})"), count=len(times)) == times


@pytest.mark.parametrize(
    "cron", ["0 0 30 2 ? *", "0 0 30W 2 ? *", "0 0 31 4,6,9,11 ? *", "0 0 * * ? 2025", "0 0 1 1 ? 2026"]
)
def test_a_cron_that_fits_no_day_any_more_is_never_due(cron: str) -> None:
    assert due(Schedule(f"cron({cron})")) == []


def test_a_rule_s_rate_is_due_after_each_interval_and_what_was_missed_is_not_made_up_for() -> None:
    rate = Schedule("rate(5 minutes)")
    late = START + timedelta(minutes=12, seconds=30)

    assert due(rate, count=2) == ["2026-01-01 00:05", "2026-01-01 00:10"]
    assert due(rate, after=late) == ["2026-01-01 00:15"]


def test_a_scheduler_s_rate_is_due_at_once() -> None:
    rate = Schedule("rate(5 minutes)", timezone="UTC")
    before = START - timedelta(microseconds=1)

    assert due(rate, after=before, count=2) == ["2026-01-01 00:00", "2026-01-01 00:05"]


def test_a_moment_is_due_once() -> None:
    once = Schedule("at(2026-05-01T09:00:00)", timezone="America/New_York")

    assert due(once, count=2) == ["2026-05-01 09:00"]
    assert due_after(once, START.timestamp(), since=0) == datetime(2026, 5, 1, 13, tzinfo=UTC).timestamp()


def test_a_moment_that_the_clocks_jump_over_never_comes() -> None:
    assert due(Schedule("at(2026-03-29T02:30:00)", timezone="Europe/Paris")) == []


def test_a_cron_goes_by_the_clock_of_its_time_zone() -> None:
    daily = Schedule("cron(0 9 * * ? *)", timezone="Europe/Paris")
    winter, summer = datetime(YEAR, 1, 10, tzinfo=UTC), datetime(YEAR, 7, 10, tzinfo=UTC)

    hours = [
        datetime.fromtimestamp(due_after(daily, each.timestamp(), since=0) or 0, UTC).hour
        for each in (winter, summer)
    ]

    assert hours == [8, 7]


def test_a_time_that_the_clocks_jump_over_is_skipped() -> None:
    night = Schedule("cron(30 2 * * ? *)", timezone="Europe/Paris")

    assert due(night, after=datetime(YEAR, 3, 28, tzinfo=UTC), count=2) == [
        "2026-03-28 02:30",
        "2026-03-30 02:30",
    ]


def test_a_time_that_comes_twice_counts_the_first_time() -> None:
    night = Schedule("cron(0/30 2 * * ? *)", timezone="Europe/Paris")
    before = datetime(YEAR, 10, 25, 0, 0, tzinfo=UTC) - timedelta(minutes=1)

    found = due(night, after=before, count=3)

    assert found == ["2026-10-25 02:00", "2026-10-25 02:30", "2026-10-26 02:00"]


ENTRIES = st.one_of(
    st.just("*"),
    st.builds("*/{}".format, st.integers(1, 11)),
    st.builds("{}".format, st.integers(1, 12)),
    st.builds("{}-{}/{}".format, st.integers(1, 6), st.integers(6, 12), st.integers(1, 4)),
    st.builds("{},{}".format, st.integers(1, 12), st.integers(1, 12)),
)
DATES = st.one_of(ENTRIES, st.sampled_from(["L", "LW", "31"]), st.builds("{}W".format, st.integers(1, 31)))
WEEKDAYS = st.one_of(
    st.sampled_from(["*", "L", "MON-FRI", "SUN,WED"]),
    st.builds("{}L".format, st.integers(1, 7)),
    st.builds("{}#{}".format, st.integers(1, 7), st.integers(1, 5)),
)
DAYS = st.one_of(st.tuples(DATES, st.just("?")), st.tuples(st.just("?"), WEEKDAYS))
YEARS = st.sampled_from(["*", "2026-2030", "2027/3", "2031", "2025"])
CRONS = st.builds(
    lambda minutes, hours, days, months, years: f"{minutes} {hours} {days[0]} {months} {days[1]} {years}",
    ENTRIES, ENTRIES, DAYS, ENTRIES, YEARS,
)  # fmt: skip
TIMES = st.datetimes(datetime(2026, 1, 1), datetime(2032, 12, 31))  # noqa: DTZ001 - local times


def is_day(cron: Cron, day: date) -> bool:
    """Whether a cron means a day."""
    return day.year in cron.years and day.month in cron.months and day.day in dates_meant(cron, day)


def dates_meant(cron: Cron, day: date) -> Collection[int]:
    """List the dates of a day's month that a cron means, by AWS's words and looking at the whole month."""
    last = calendar.monthrange(day.year, day.month)[1]
    weekday_of = {at: day.replace(day=at).isoweekday() % 7 + 1 for at in range(1, last + 1)}
    working = [at for at, weekday in weekday_of.items() if weekday not in (1, 7)]
    match cron.day:
        case Dates(dates=dates):
            return dates
        case LastDate(working=only_working):
            return working[-1:] if only_working else [last]
        case Nearest(date=near):
            return [min(working, key=lambda at: abs(at - near))] if near <= last else []
        case Weekdays(weekdays=weekdays):
            return [at for at, weekday in weekday_of.items() if weekday in weekdays]
        case WeekdayOf(weekday=wanted, nth=nth):
            named = [at for at, weekday in weekday_of.items() if weekday == wanted]
            return named[-1:] if nth is None else named[nth - 1 : nth]


def first_by_looking(cron: Cron, after: datetime) -> datetime | None:
    """Find the next time by looking at day after day."""
    for ahead in range(366 * 12):
        day = (after + timedelta(days=ahead)).date()
        if not is_day(cron, day):
            continue
        for hour in sorted(cron.hours):
            for minute in sorted(cron.minutes):
                at = datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001 - local time
                if at > after:
                    return at
    return None


@given(CRONS, TIMES)
def test_the_next_time_is_strictly_later_fits_and_is_the_first_that_does(text: str, after: datetime) -> None:
    cron = read_cron(text)

    found = next_local(cron, after)

    looked = first_by_looking(cron, after)
    assert found == looked or (looked is None and found is not None and found.year > after.year + 10)


@given(CRONS, TIMES, st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu"]))
def test_in_every_time_zone_the_next_time_is_strictly_later(text: str, after: datetime, zone: str) -> None:
    schedule = Schedule(f"cron({text})", timezone=zone)
    at = after.replace(tzinfo=UTC).timestamp()

    found = due_after(schedule, at, since=at)

    assert found is None or found > at


@given(
    st.integers(1, 10_000), st.sampled_from(["minute", "hour", "day"]), st.floats(1e9, 2e9), st.floats(0, 1e9)
)
def test_a_rate_s_next_time_is_strictly_later_and_at_most_one_interval_away(
    value: int, unit: str, since: float, passed: float
) -> None:
    every_s = value * {"minute": 60, "hour": 3_600, "day": 86_400}[unit]
    rate = Schedule(f"rate({value} {unit}{'s' if value > 1 else ''})")

    found = due_after(rate, since + passed, since=since)

    assert found is not None
    assert 0 < found - (since + passed) <= every_s + 1e-3
