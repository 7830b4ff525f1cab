"""Schedule expressions: all that AWS documents is read, all else is refused with what and the cure."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker_runtime.errors import DeclarationError
from worker_runtime.sources.cron import (
    Cron,
    Dates,
    Day,
    LastDate,
    Nearest,
    WeekdayOf,
    Weekdays,
)
from worker_runtime.sources.schedule_expressions import At, Rate, read_expression

ALL_DATES = Dates(frozenset(range(1, 32)))


def cron(text: str) -> Cron:
    read = read_expression(f"cron({text})")
    assert isinstance(read, Cron)
    return read


def of(*numbers: int) -> frozenset[int]:
    return frozenset(numbers)


@pytest.mark.parametrize(
    ("text", "every"),
    [
        ("rate(1 minute)", timedelta(minutes=1)),
        ("rate(5 minutes)", timedelta(minutes=5)),
        ("rate(1 hour)", timedelta(hours=1)),
        ("rate(36 hours)", timedelta(hours=36)),
        ("rate(1 day)", timedelta(days=1)),
        ("rate(100 days)", timedelta(days=100)),
    ],
)
def test_a_rate_is_a_number_of_minutes_hours_or_days(text: str, every: timedelta) -> None:
    assert read_expression(text) == Rate(every)


def test_a_moment_is_local_and_without_a_zone() -> None:
    assert read_expression("at(2026-05-01T09:00:30)") == At(datetime.fromisoformat("2026-05-01T09:00:30"))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("0 10 * * ? *", (of(0), of(10), ALL_DATES)),
        ("15 12 * * ? *", (of(15), of(12), ALL_DATES)),
        ("0 18 ? * MON-FRI *", (of(0), of(18), Weekdays(of(2, 3, 4, 5, 6)))),
        ("0 8 1 * ? *", (of(0), of(8), Dates(of(1)))),
        ("0/15 * * * ? *", (of(0, 15, 30, 45), of(*range(24)), ALL_DATES)),
        ("0/10 * ? * MON-FRI *", (of(*range(0, 60, 10)), of(*range(24)), Weekdays(of(2, 3, 4, 5, 6)))),
        ("0/5 8-17 ? * MON-FRI *", (of(*range(0, 60, 5)), of(*range(8, 18)), Weekdays(of(2, 3, 4, 5, 6)))),
        ("0/30 20,2 ? * MON-FRI *", (of(0, 30), of(2, 20), Weekdays(of(2, 3, 4, 5, 6)))),
        ("15 10 ? * 6L 2022-2023", (of(15), of(10), WeekdayOf(6, None))),
    ],
)
def test_the_examples_of_aws_are_read(text: str, read: tuple[frozenset[int], frozenset[int], Day]) -> None:
    found = cron(text)

    assert (found.minutes, found.hours, found.day) == read


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("1,15", Dates(of(1, 15))),
        ("1-5,30", Dates(of(1, 2, 3, 4, 5, 30))),
        ("5/10", Dates(of(5, 15, 25))),
        ("*/10", Dates(of(1, 11, 21, 31))),
        ("10-20/4", Dates(of(10, 14, 18))),
        ("07", Dates(of(7))),
        ("L", LastDate()),
        ("LW", LastDate(working=True)),
        ("3W", Nearest(3)),
        ("31W", Nearest(31)),
    ],
)
def test_days_of_a_month_have_wildcards_of_their_own(text: str, day: Day) -> None:
    assert cron(f"0 0 {text} * ? *").day == day


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("1", Weekdays(of(1))),
        ("SUN,wed", Weekdays(of(1, 4))),
        ("2-6", Weekdays(of(2, 3, 4, 5, 6))),
        ("*", Weekdays(of(1, 2, 3, 4, 5, 6, 7))),
        ("L", Weekdays(of(7))),
        ("5L", WeekdayOf(5, None)),
        ("FRIL", WeekdayOf(6, None)),
        ("3#2", WeekdayOf(3, 2)),
        ("TUE#5", WeekdayOf(3, 5)),
    ],
)
def test_days_of_a_week_have_wildcards_of_their_own_and_begin_with_sunday(text: str, day: Day) -> None:
    assert cron(f"0 0 ? * {text} *").day == day


def test_months_have_names_and_years_are_a_field() -> None:
    found = cron("0 0 1 JAN,mar-MAY/2,12 ? 2026/2")

    assert found.months == of(1, 3, 5, 12)
    assert found.years == of(*range(2026, 2200, 2))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "AWS does not know it"),
        ("1 minute", "AWS does not know it"),
        ("rate(0 minutes)", "AWS does not know it"),
        ("rate(-1 minutes)", "AWS does not know it"),
        ("rate(1.5 hours)", "AWS does not know it"),
        ("rate(30 seconds)", "AWS does not know it"),
        ("rate(1  minute)", "AWS does not know it"),
        ("Rate(1 minute)", "AWS does not know it"),
        ("rate(٣ minutes)", "AWS does not know it"),
        (" rate(1 minute)", "AWS does not know it"),
        ("rate(1 minute)\n", "AWS does not know it"),
        ("rate(1 minutes)", "AWS says 1 minute"),
        ("rate(2 hour)", "AWS says 2 hours"),
        ("rate(1000000000 days)", "AWS does not know it"),
        ("at(2026-05-01)", "AWS does not know it"),
        ("at(2026-05-01T09:00:00Z)", "AWS does not know it"),
        ("at(2026-02-30T09:00:00)", "there is no such moment: day is out of range for month"),
        ("at(0000-01-01T00:00:00)", "there is no such moment"),
        ("cron()", "cron has 0 fields; it takes six: minutes, hours, day-of-month, month, day-of-week, year"),
        ("cron(0 9 * * ?)", "cron has 5 fields; it takes six"),
        ("cron(0 0 9 * * ? *)", "cron has 7 fields; it takes six"),
        ("cron(0 9 * * * *)", "exactly one of day-of-month and day-of-week is ?"),
        ("cron(0 9 ? * ? *)", "exactly one of day-of-month and day-of-week is ?"),
        ("cron(0 9 1 * MON *)", "exactly one of day-of-month and day-of-week is ?"),
        ("cron(60 9 * * ? *)", "minutes is '60'; AWS takes 0-59"),
        ("cron(0 24 * * ? *)", "hours is '24'; AWS takes 0-23"),
        ("cron(0 0 0 * ? *)", "day-of-month is '0'; AWS takes 1-31"),
        ("cron(0 0 32W * ? *)", "day-of-month is '32'; AWS takes 1-31"),
        ("cron(0 0 1 13 ? *)", "month is '13'; AWS takes 1-12 or JAN-DEC"),
        ("cron(0 0 ? * 0 *)", "day-of-week is '0'; AWS takes 1-7 or SUN-SAT"),
        ("cron(0 0 ? * 8L *)", "day-of-week is '8'; AWS takes 1-7 or SUN-SAT"),
        ("cron(0 0 ? * MOD *)", "day-of-week is 'MOD'; AWS takes 1-7 or SUN-SAT"),
        ("cron(0 0 ? * 2#6 *)", "day-of-week, behind #, is '6'; AWS takes 1-5"),
        ("cron(0 0 ? * 2#1,3#1 *)", "day-of-week is '2#1,3#1'; L and # stand alone, as L, 6L or 6#3"),
        ("cron(0 0 ? * 2/2 *)", "day-of-week has '2/2'; AWS takes values, lists, ranges and *"),
        ("cron(0 0 L,15 * ? *)", "day-of-month is 'L,15'; L and W stand alone, as L, LW or 15W"),
        ("cron(0 0 1-5W * ? *)", "day-of-month is '1-5W'; L and W stand alone"),
        ("cron(? 0 * * ? *)", "minutes has '?'; AWS takes values, lists, ranges and * and /"),
        ("cron(0 0 * * ? 1969)", "year is '1969'; AWS takes 1970-2199"),
        ("cron(0 0 * * ? 2200)", "year is '2200'; AWS takes 1970-2199"),
        ("cron(*/0 0 * * ? *)", "minutes has the step 0; say 1 to 59"),
        ("cron(*/60 0 * * ? *)", "minutes has the step 60; say 1 to 59"),
        ("cron(30-10 0 * * ? *)", "minutes has '30-10', which runs backwards; say two ranges"),
        ("cron(0 0 ? * FRI-MON *)", "day-of-week has 'FRI-MON', which runs backwards; say two ranges"),
        ("cron(,0 0 * * ? *)", "minutes has ''; AWS takes values"),
        ("cron(٣ 0 * * ? *)", "minutes has '٣'; AWS takes values"),
    ],
)
def test_what_aws_does_not_take_is_refused_with_what_it_takes(text: str, why: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        read_expression(text)

    assert why in str(refused.value)


@given(st.text(st.sampled_from("cronrateatLW0123456789 ()?*,-/#:TMON"), max_size=40))
def test_any_text_is_read_or_refused_by_name(text: str) -> None:
    for expression in (text, f"cron({text})", f"rate({text})", f"at({text})"):
        try:
            read = read_expression(expression)
        except DeclarationError:
            continue
        assert isinstance(read, Rate | Cron | At)
