"""Ticks on a demand table in memory: what is due goes on, whatever else there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from demand_seen import in_status, status_of, stored
from demand_table import FakeDueWork, FakeTable
from demand_ticks import NOON, QUIET, served_by, tick
from worker_runtime import Halt, Metrics, Retry, clock
from worker_runtime.testing import run_on, schedule_event
from workers_dmnd.keys import sale_keys, shard16
from workers_dmnd.rules import timestamp
from workers_dmnd.scheduling import Ticked, release_notifications

if TYPE_CHECKING:
    from collections.abc import Iterator

    from demand_table import Key
    from worker_runtime.testing import SteppedClock

RECORDED = Path(__file__).parents[2] / "events" / "dmnd_schedule_tick.json"


@pytest.fixture
def table(stepped: SteppedClock) -> FakeTable:
    """Make a table with an event that is on, at noon."""
    stepped.at = NOON
    table = FakeTable()
    table.put_event()
    return table


def test_a_sale_whose_time_has_come_is_to_be_generated(table: FakeTable) -> None:
    table.put_sale()

    ticked = tick(table)

    sale = table.item(sale_keys("e1", "s1")) or {}
    assert ticked.sales_due == 1
    assert sale["generation"]["id"] == "DUE"
    assert sale["GSI1PK"] == "GENDUE"


@pytest.mark.parametrize("state", ["DUE", "RUNNING", "DONE", "FAILED"])
def test_a_sale_that_is_being_generated_is_left_alone(table: FakeTable, state: str) -> None:
    before = table.put_sale(generation={"id": state, "written": 7, "skipped": 0})

    ticked = tick(table)

    assert ticked == QUIET
    assert table.item(sale_keys("e1", "s1")) == before


def test_a_sale_of_which_the_index_is_early_waits(table: FakeTable) -> None:
    table.put_sale(notifyAt=timestamp(NOON + 60), GSI1SK=timestamp(NOON))

    assert tick(table) == QUIET


def test_a_sale_that_two_ticks_see_is_marked_once(table: FakeTable) -> None:
    table.put_sale()
    table.hold_indexes()

    assert [tick(table).sales_due, tick(table).sales_due] == [1, 0]


def test_two_ticks_at_once_release_each_notification_once(table: FakeTable) -> None:
    for at in range(60):
        table.put_notification(f"n{at}")
    inner: list[Ticked] = []

    def let_another_tick_go_first(_: Key) -> None:
        if not inner:
            inner.append(QUIET)
            inner[0] = tick(table)

    table.before_write = let_another_tick_go_first

    outer = tick(table)

    assert outer.released + inner[0].released == 60
    assert all(stored(table, f"n{at}")["version"] == 2 for at in range(60))


def test_a_tick_ends_in_time_whatever_the_backlog(table: FakeTable, stepped: SteppedClock) -> None:
    for at in range(2000):
        table.put_notification(f"n{at}")
    table.put_notification("dead", status="SENDING", leaseUntil=timestamp(NOON - 1))
    table.before_write = lambda _: stepped.sleep(0.5)

    with clock.deadline(NOON + 60):
        ticked = tick(table)
        left_s = clock.remaining_s()

    assert 10 < left_s < 20
    assert 0 < ticked.released < 120
    assert ticked.due_backlog == 2000 - ticked.released
    assert ticked.recovered == 1


def test_a_tick_that_has_no_time_begins_with_nothing(table: FakeTable) -> None:
    table.put_sale()
    table.put_notification()
    before = table.items()

    with clock.deadline(NOON + 9):
        ticked = tick(table)

    assert (ticked.released, ticked.sales_due, ticked.due_backlog) == (0, 0, 1)
    assert table.items() == before


def test_one_that_cannot_be_read_is_told_and_keeps_none_of_the_others(
    table: FakeTable, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    table.put_notification("n1")
    table.put_notification("poison", attempts="three")
    table.put_notification("n2")

    tick(table, metrics=metrics)

    assert (status_of(table, "n1"), status_of(table, "n2")) == ("CREATED", "CREATED")
    assert json.loads(metrics.flush() or "")["Unreadable"] == [1]
    assert "poison has to be mended: BAD_NOTIFICATION" in caplog.text


@pytest.mark.parametrize(
    "changed",
    [
        {"expiresAt": "tomorrow"},
        {"sendAt": "2023", "expiresAt": None},
        {"status": "CREATED", "type": "notification:asu", "expiresAt": "tomorrow", "GSI1SK": "2023"},
        {"status": "SENDING", "leaseUntil": "2023"},
    ],
)
def test_one_whose_times_cannot_be_read_is_told_and_fails_no_tick(
    table: FakeTable, caplog: pytest.LogCaptureFixture, changed: dict[str, Any]
) -> None:
    table.put_notification("poison", **changed)

    tick(table)

    assert "poison has to be mended: BAD_TIME" in caplog.text


def test_a_sale_whose_time_cannot_be_read_is_for_the_generator_to_give_up(table: FakeTable) -> None:
    table.put_sale(notifyAt="2023-11-15 soon")

    assert tick(table).sales_due == 1


def test_an_outage_fails_what_it_hits_and_the_next_tick_does_the_rest(
    table: FakeTable, metrics: Metrics
) -> None:
    for at in range(30):
        table.put_notification(f"n{at}")
    table.fail_next(3, Retry(reason="dynamodb: throttled"), after=5)

    with pytest.raises(Retry, match=r"3 of what was due failed, first: n\d+: Retry dynamodb: throttled; n"):
        tick(table, metrics=metrics)
    first = json.loads(metrics.flush() or "")
    second = tick(table)

    assert first["Released"] == [27]
    assert second.released == 3
    assert in_status(table, "CREATED") == 30


def test_a_shard_of_the_index_that_does_not_answer_keeps_no_other(table: FakeTable) -> None:
    for at in range(64):
        table.put_notification(f"n{at}")
    mute = shard16("n0")

    class HalfDeaf(FakeDueWork):
        def waiting(self, shard: int, *, until: float) -> Iterator[str]:
            if shard == mute:
                raise Retry(reason="dynamodb Query: throttled")
            yield from super().waiting(shard, until=until)

    with pytest.raises(Retry, match="1 of what was due failed, first: the index: Retry dynamodb Query"):
        tick(table, due_work=HalfDeaf(table))

    held_back = sum(shard16(f"n{at}") == mute for at in range(64))
    assert (in_status(table, "PENDING"), in_status(table, "CREATED")) == (held_back, 64 - held_back)


def test_sales_that_cannot_be_read_keep_no_notification(table: FakeTable) -> None:
    table.put_sale(templateId=7)
    table.put_notification(saleId="s2")

    tick(table)

    assert status_of(table) == "CREATED"


def test_a_refused_table_ends_the_tick(table: FakeTable) -> None:
    table.put_notification()
    table.fail_next(1, Halt("dynamodb refuses the credentials"))

    with pytest.raises(Halt):
        tick(table)


def test_a_lost_answer_releases_nothing_twice(table: FakeTable) -> None:
    table.put_notification()
    table.fail_next(1, Retry(reason="timed out"), though_written=True)

    with pytest.raises(Retry):
        tick(table)
    again = tick(table)

    assert (again, stored(table)["version"]) == (QUIET, 2)


def test_the_event_and_the_sale_of_many_are_read_a_few_times(table: FakeTable) -> None:
    table.put_sale(GSI1PK=None)
    for at in range(200):
        table.put_notification(f"n{at}")
    reads: list[str] = []
    table.before_read = lambda key: reads.append(key.sk)

    tick(table)

    assert reads.count("EVENT") <= 16
    assert reads.count("SALE#s1") <= 16


def test_a_recorded_tick_answers_with_counts(table: FakeTable) -> None:
    table.put_sale()
    table.put_notification()

    reply = run_on(release_notifications, json.loads(RECORDED.read_text()), services=served_by(table))

    assert reply == {
        "salesDue": 1,
        "released": 1,
        "held": 0,
        "suppressed": 0,
        "expired": 0,
        "recovered": 0,
        "dueBacklog": 0,
    }


def test_a_tick_that_failed_is_raised_so_that_an_alarm_sees_it(table: FakeTable) -> None:
    table.put_notification()
    table.fail_next(1, Retry(reason="dynamodb: throttled"))

    with pytest.raises(Retry, match="throttled"):
        run_on(release_notifications, schedule_event(), services=served_by(table))
