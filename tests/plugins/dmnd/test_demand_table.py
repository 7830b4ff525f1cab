"""The fakes themselves: that they fail and lag where they are told to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demand_table import FakeDueWork, FakeNotifications, FakeReceipts, FakeTable
from worker_runtime import Retry, clock
from workers_dmnd.models import Status
from workers_dmnd.moves import Moves, pointer
from workers_dmnd.policy import NotificationPolicy
from workers_dmnd.transitions import Writer

if TYPE_CHECKING:
    from worker_runtime.testing import SteppedClock

pytestmark = pytest.mark.usefixtures("stepped")


def moves(by: Writer = Writer.SCHEDULER) -> Moves:
    return Moves(NotificationPolicy(), now=clock.now(), by=by)


def test_a_move_is_made_once() -> None:
    table = FakeTable()
    notifications = FakeNotifications(table)
    table.put_notification()
    found = notifications.find("n1")
    assert found is not None
    release = moves().release(found)

    made = [notifications.make("n1", release), notifications.make("n1", release)]

    now = notifications.find("n1")
    assert made == [True, False]
    assert now is not None
    assert (now.status.id, now.version) == (Status.CREATED, 2)


def test_the_indexes_follow_an_item(stepped: SteppedClock) -> None:
    table = FakeTable()
    notifications, work = FakeNotifications(table), FakeDueWork(table)
    table.put_notification()
    found = notifications.find("n1")
    assert found is not None
    until = stepped.now() + 3600

    assert work.count_waiting(until=until) == 1
    notifications.make("n1", moves().release(found))

    assert work.count_waiting(until=until) == 0
    assert [each for shard in range(16) for each in work.overdue(shard, until=until)] == ["n1"]


def test_held_indexes_lag_behind() -> None:
    table = FakeTable()
    work = FakeDueWork(table)
    table.hold_indexes()
    table.put_notification()

    lagging = work.count_waiting(until=clock.now())
    table.heal()

    assert lagging == 0
    assert work.count_waiting(until=clock.now()) == 1


def test_writes_fail_where_told_to() -> None:
    table = FakeTable()
    notifications = FakeNotifications(table)
    table.put_notification()
    found = notifications.find("n1")
    assert found is not None
    table.fail_next(1, Retry(reason="down"))
    table_before = table.items()

    with pytest.raises(Retry):
        notifications.make("n1", moves().release(found))

    assert table.items() == table_before
    assert notifications.make("n1", moves().release(found))


def test_an_answer_is_lost_though_the_write_was_made() -> None:
    table = FakeTable()
    notifications = FakeNotifications(table)
    table.put_notification()
    found = notifications.find("n1")
    assert found is not None
    table.fail_next(1, Retry(reason="no answer"), though_written=True)

    with pytest.raises(Retry):
        notifications.make("n1", moves().release(found))

    assert len(table.writes) == 2


def test_somebody_may_go_first_between_a_read_and_its_write() -> None:
    table = FakeTable()
    notifications = FakeNotifications(table)
    table.put_notification()
    found = notifications.find("n1")
    assert found is not None

    def goes_first(_key: object) -> None:
        table.before_write = None
        assert notifications.make("n1", moves().suppress(found, reason="the event is suppressed"))

    table.before_write = goes_first

    made = notifications.make("n1", moves().release(found))

    assert not made


def test_a_move_and_its_pointer_are_written_together_or_not_at_all() -> None:
    table = FakeTable()
    notifications, receipts = FakeNotifications(table), FakeReceipts(table)
    table.put_notification(status="SENDING")
    found = notifications.find("n1")
    assert found is not None
    accept = moves(Writer.SENDER).accept(found, message_id="m1")

    made = notifications.make_known("n1", accept, pointer(found, message_id="m1"))
    again = notifications.make_known("n1", accept, pointer(found, message_id="m2"))

    assert (made, again) == (True, False)
    assert receipts.pointer("m1") is not None
    assert receipts.pointer("m2") is None
