from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demand_items import notification_item
from workers_dmnd.adapters.due_work import DueWorkIndex
from workers_dmnd.keys import SHARDS, shard16
from workers_dmnd.rules import timestamp

if TYPE_CHECKING:
    from worker_runtime.clients.dynamodb import Table
    from worker_runtime.testing import SteppedClock


@pytest.fixture
def work(table: Table, stepped: SteppedClock) -> DueWorkIndex:  # noqa: ARG001 - items count from its now
    return DueWorkIndex(table)


def ids_of_one_shard(shard: int, *, wanted: int) -> list[str]:
    numbered = (f"n{number}" for number in range(10_000))
    return [each for each in numbered if shard16(each) == shard][:wanted]


def test_what_waits_comes_in_the_order_of_its_time(
    work: DueWorkIndex, table: Table, stepped: SteppedClock
) -> None:
    one, two, three = ids_of_one_shard(5, wanted=3)
    for notification_id, after_s in {one: 0, two: -60, three: 1}.items():
        table.put(notification_item(notification_id, sendAt=timestamp(stepped.now() + after_s)))

    assert list(work.waiting(5, until=stepped.now())) == [two, one]
    assert list(work.waiting(6, until=stepped.now())) == []


def test_what_is_leased_is_overdue_when_its_time_has_come(
    work: DueWorkIndex, table: Table, stepped: SteppedClock
) -> None:
    claimed, released = ids_of_one_shard(5, wanted=2)
    table.put(notification_item(claimed, status="SENDING"))
    table.put(notification_item(released, status="CREATED"))

    overdue = [list(work.overdue(5, until=stepped.now() + after_s)) for after_s in (119, 120, 600)]

    assert overdue == [[], [claimed], [claimed, released]]


def test_all_that_waits_is_counted_over_the_shards(
    work: DueWorkIndex, table: Table, stepped: SteppedClock
) -> None:
    table.batch_put([notification_item(f"n{number}") for number in range(40)])
    table.put(notification_item("later", sendAt=timestamp(stepped.now() + 1)))
    table.put(notification_item("sent", status="SENT"))

    counted = work.count_waiting(until=stepped.now())

    waiting = [each for shard in range(SHARDS) for each in work.waiting(shard, until=stepped.now())]
    assert counted == 40
    assert sorted(waiting) == sorted(f"n{number}" for number in range(40))
