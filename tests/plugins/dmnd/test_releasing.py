"""Notifications whose time has come: what becomes of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from demand_seen import status_of, stored
from demand_table import FakeDemands, FakeEvents, FakeNotifications, FakeSales, FakeTable
from demand_ticks import NOON, QUIET, tick
from worker_runtime import Retry
from workers_dmnd.keys import shard16
from workers_dmnd.moves import Moves
from workers_dmnd.occasions import Occasions
from workers_dmnd.policy import NotificationPolicy, instant
from workers_dmnd.releasing import Releasing, Turns
from workers_dmnd.rules import timestamp
from workers_dmnd.transitions import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from demand_table import Key
    from worker_runtime import Metrics
    from worker_runtime.testing import SteppedClock

NIGHT = instant("2023-11-15T23:30:00Z")


@pytest.fixture
def table(stepped: SteppedClock) -> FakeTable:
    """Make a table with an event that is on, at noon."""
    stepped.at = NOON
    table = FakeTable()
    table.put_event()
    return table


def test_a_waiting_notification_is_released(table: FakeTable) -> None:
    table.put_notification()

    ticked = tick(table)

    item = stored(table)
    assert ticked.released == 1
    assert (item["status"]["id"], item["status"]["by"]) == ("CREATED", "notificationScheduler")
    assert item["GSI1PK"] == f"NTFLEASE#{shard16('n1')}"
    assert item["GSI1SK"] == timestamp(NOON + 600)


def test_one_that_was_tried_before_is_released_as_a_retry(table: FakeTable) -> None:
    table.put_notification(attempts=1)

    tick(table)

    assert (status_of(table), stored(table)["attempts"]) == ("RETRY", 1)


def test_one_whose_time_has_not_come_waits(table: FakeTable) -> None:
    table.put_notification(sendAt=timestamp(NOON + 0.001))

    assert tick(table) == QUIET


def test_one_that_nobody_would_want_any_more_expires(table: FakeTable) -> None:
    table.put_notification(expiresAt=timestamp(NOON - 1))

    ticked = tick(table)

    assert (ticked.expired, ticked.released) == (1, 0)
    assert status_of(table) == "EXPIRED"
    assert "GSI1PK" not in stored(table)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda table: table.put_event(isSuppressed="no"),
        lambda table: table.put_sale(templateId=7, GSI1PK=None),
        lambda table: table.put_demand(optOut="no"),
    ],
    ids=["event", "sale", "demand"],
)
def test_one_that_is_too_late_expires_though_nobody_can_read_what_it_is_of(
    table: FakeTable, spoil: Callable[[FakeTable], None]
) -> None:
    table.put_notification(expiresAt=timestamp(NOON - 1))
    spoil(table)

    assert tick(table).expired == 1


def releasing(table: FakeTable, *, turns: Turns) -> Releasing:
    return Releasing(
        FakeNotifications(table),
        Occasions(FakeEvents(table), FakeSales(table), FakeDemands(table)),
        moves=Moves(NotificationPolicy(), now=NOON, by=Writer.SCHEDULER),
        turns=turns,
    )


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda table: table.put_notification(eventId="e2"), "the event is gone"),
        (lambda table: table.put_event(isSuppressed=True), "the event is suppressed"),
        (lambda table: table.put_event(status={"id": "CANCELLED"}), "the event is cancelled"),
        (lambda table: table.put_sale(status="CANCELLED", GSI1PK=None), "the sale is cancelled"),
        (lambda table: table.put_demand(optOut=True), "the fan has opted out"),
    ],
    ids=["gone", "suppressed", "cancelled event", "cancelled sale", "opted out"],
)
def test_one_that_must_not_be_sent_is_suppressed(
    table: FakeTable, spoil: Callable[[FakeTable], None], reason: str
) -> None:
    table.put_notification()
    spoil(table)

    ticked = tick(table)

    item = stored(table)
    assert (ticked.suppressed, ticked.released) == (1, 0)
    assert (item["status"]["id"], item["status"]["reason"]) == ("SUPPRESSED", reason)
    assert "GSI1PK" not in item


def test_one_of_no_sale_asks_for_no_sale(table: FakeTable) -> None:
    table.put_notification(saleId=None)

    assert tick(table).released == 1


@pytest.mark.parametrize(
    ("zone", "now", "opens"),
    [
        ("UTC", "2023-11-15T08:59:59.999Z", "2023-11-15T09:00:00.000Z"),
        ("UTC", "2023-11-15T09:00:00Z", None),
        ("UTC", "2023-11-15T20:59:59.999Z", None),
        ("UTC", "2023-11-15T21:00:00Z", "2023-11-16T09:00:00.000Z"),
        ("America/Los_Angeles", "2023-11-15T12:00:00Z", "2023-11-15T17:00:00.000Z"),
        ("Pacific/Kiritimati", "2023-11-15T12:00:00Z", "2023-11-15T19:00:00.000Z"),
        ("America/New_York", "2024-03-10T04:00:00Z", "2024-03-10T13:00:00.000Z"),  # that night lacks an hour
        ("America/New_York", "2023-11-05T04:00:00Z", "2023-11-05T14:00:00.000Z"),  # that one has one more
        ("Mars/Olympus_Mons", "2023-11-15T08:00:00Z", "2023-11-15T09:00:00.000Z"),
        (None, "2023-11-15T08:00:00Z", "2023-11-15T09:00:00.000Z"),
    ],
)
def test_fans_are_not_woken_where_the_event_is(
    table: FakeTable, stepped: SteppedClock, zone: str | None, now: str, opens: str | None
) -> None:
    stepped.at = instant(now)
    table.put_event(timezone=zone)
    table.put_notification()

    ticked = tick(table)

    assert (ticked.released, ticked.held) == ((1, 0) if opens is None else (0, 1))
    assert status_of(table) == ("CREATED" if opens is None else "PENDING")
    if opens is not None:
        assert stored(table)["sendAt"] == stored(table)["GSI1SK"] == opens


def test_one_that_was_held_is_released_when_the_window_opens(table: FakeTable, stepped: SteppedClock) -> None:
    stepped.at = NIGHT
    table.put_notification()

    seen = []
    for at in (NIGHT, NIGHT + 60, instant("2023-11-16T09:00:00Z")):
        stepped.at = at
        seen.append((tick(table).held, status_of(table)))

    assert seen == [(1, "PENDING"), (0, "PENDING"), (0, "CREATED")]


def test_a_confirmation_waits_for_no_hour(table: FakeTable, stepped: SteppedClock) -> None:
    stepped.at = NIGHT
    table.put_notification(type="notification:asu", attempts=1)

    ticked = tick(table)

    assert (ticked.released, ticked.held) == (1, 0)


def test_no_more_are_released_a_tick_than_the_sms_service_takes(table: FakeTable) -> None:
    for at in range(300):
        table.put_notification(f"n{at}")
    policy = NotificationPolicy(max_per_tick=120)

    ticks = [tick(table, policy=policy) for _ in range(3)]

    assert [(each.released, each.due_backlog) for each in ticks] == [(120, 180), (120, 60), (60, 0)]


def test_a_backlog_is_measured(table: FakeTable, metrics: Metrics) -> None:
    for at in range(5):
        table.put_notification(f"n{at}")

    tick(table, policy=NotificationPolicy(max_per_tick=2), metrics=metrics)

    measured = json.loads(metrics.flush() or "")
    assert (measured["Released"], measured["DueBacklog"]) == ([2], [3])


def test_all_is_measured_even_where_it_is_nothing(table: FakeTable, metrics: Metrics) -> None:
    tick(table, metrics=metrics)

    measured = json.loads(metrics.flush() or "")
    names = ("Released", "Suppressed", "Expired", "StuckRecovered", "DueBacklog")
    assert [measured[name] for name in names] == [[0]] * 5


def test_what_is_not_released_takes_no_turn(table: FakeTable) -> None:
    for at in range(40):
        table.put_notification(f"n{at}")
        table.put_notification(f"old{at}", expiresAt=timestamp(NOON - 1))

    ticked = tick(table, policy=NotificationPolicy(max_per_tick=40))

    assert (ticked.released, ticked.expired, ticked.due_backlog) == (40, 40, 0)


def test_one_that_somebody_else_took_gives_its_turn_back(table: FakeTable) -> None:
    turns = Turns(1)
    deal_with = releasing(table, turns=turns).deal_with
    table.put_notification("taken")
    table.put_notification("n1")

    def overtake(_: Key) -> None:
        table.before_write = None
        table.put_notification("taken", status="SUPPRESSED")

    table.before_write = overtake

    assert [deal_with("taken"), deal_with("n1")] == [None, "Released"]
    assert not turns.were_refused


def test_one_whose_answer_was_lost_keeps_its_turn(table: FakeTable) -> None:
    turns = Turns(1)
    deal_with = releasing(table, turns=turns).deal_with
    table.put_notification("n1")
    table.put_notification("n2")
    table.fail_next(1, Retry(reason="timed out"), though_written=True)

    with pytest.raises(Retry):
        deal_with("n1")

    assert deal_with("n2") is None
    assert turns.were_refused


def test_every_shard_comes_first_some_minute(table: FakeTable, stepped: SteppedClock) -> None:
    by_shard: dict[int, list[str]] = {}
    for at in range(800):
        by_shard.setdefault(shard16(f"n{at}"), []).append(f"n{at}")
    assert len(by_shard) == 16
    for names in by_shard.values():
        for name in names[:20]:
            table.put_notification(name)

    for _ in range(16):
        tick(table, policy=NotificationPolicy(max_per_tick=5))
        stepped.sleep(60)

    released = {
        shard16(item["notificationId"])
        for item in table.items("notification")
        if item["status"]["id"] == "CREATED"
    }
    assert released == set(range(16))
