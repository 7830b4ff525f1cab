from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from demand_items import notification_item
from demand_table import is_met
from worker_runtime import Reject
from workers_dmnd.adapters.conditions import condition_of
from workers_dmnd.adapters.notifications import NotificationsTable
from workers_dmnd.adapters.receipts import ReceiptsTable
from workers_dmnd.keys import notification_keys
from workers_dmnd.models import Notification, Pointer, Status
from workers_dmnd.moves import Guard, Moves, pointer
from workers_dmnd.policy import NotificationPolicy
from workers_dmnd.transitions import Writer

if TYPE_CHECKING:
    from worker_runtime.clients.dynamodb import Table
    from worker_runtime.testing import SteppedClock


@pytest.fixture
def notifications(table: Table, stepped: SteppedClock) -> NotificationsTable:  # noqa: ARG001 - times are written
    return NotificationsTable(table)


@pytest.fixture
def moves(stepped: SteppedClock) -> Moves:
    return Moves(NotificationPolicy(), now=stepped.now(), by=Writer.SENDER)


def found(notifications: NotificationsTable, table: Table, status: str, **changed: Any) -> Notification:
    table.put(notification_item(status=status, **changed))
    notification = notifications.find("n1")
    assert notification is not None
    return notification


def item(table: Table) -> dict[str, Any]:
    stored = table.get(notification_keys("n1"), consistent=True)
    assert stored is not None
    return stored


def test_a_notification_is_found_as_it_stands_in_the_table(
    notifications: NotificationsTable, table: Table
) -> None:
    notification = found(notifications, table, "scheduled", attempts=2, lastError="30001")

    assert (notification.notification_id, notification.status.id) == ("n1", Status.CREATED)
    assert (notification.attempts, notification.last_error) == (2, "30001")


def test_a_notification_that_is_not_there_is_none(notifications: NotificationsTable) -> None:
    assert notifications.find("n1") is None


@pytest.mark.parametrize(
    "wrong", [{"to": None}, {"attempts": "two"}, {"status": {"id": "LOST"}}, {"vars": []}]
)
def test_an_item_that_is_no_notification_is_rejected(
    notifications: NotificationsTable, table: Table, wrong: dict[str, Any]
) -> None:
    table.put({name: value for name, value in (notification_item() | wrong).items() if value is not None})

    with pytest.raises(Reject) as rejected:
        notifications.find("n1")

    assert rejected.value.code == "BAD_NOTIFICATION"
    assert "+12125550123" not in str(rejected.value)


def test_a_move_sets_removes_and_adds_one_to_the_version(
    notifications: NotificationsTable, table: Table, moves: Moves
) -> None:
    notification = found(notifications, table, "RETRY", resume=True, attempts=1)
    before = item(table)

    made = notifications.make("n1", moves.claim(notification))

    until = "2023-11-14T22:16:00.000Z"
    del before["resume"]
    assert made
    assert item(table) == {
        **before,
        "status": {"id": "SENDING", "at": "2023-11-14T22:14:00.000Z", "by": "notificationSend"},
        "updatedAt": "2023-11-14T22:14:00.000Z",
        "attempts": 1,
        "clientMessageId": "n1:0",
        "leaseUntil": until,
        "GSI1PK": before["GSI1PK"],
        "GSI1SK": until,
        "version": 2,
    }


def test_a_move_whose_guard_fails_changes_nothing(
    notifications: NotificationsTable, table: Table, moves: Moves
) -> None:
    notification = found(notifications, table, "CREATED")
    claim = moves.claim(notification)
    assert notifications.make("n1", claim)
    before = item(table)

    made = notifications.make("n1", claim)

    assert not made
    assert item(table) == before


def test_a_move_does_not_bring_a_removed_notification_back(
    notifications: NotificationsTable, table: Table, moves: Moves
) -> None:
    notification = found(notifications, table, "CREATED", notificationId="n2")

    made = notifications.make("n2", moves.expire(notification))

    assert not made
    assert notifications.find("n2") is None


def test_a_notification_is_known_together_with_its_pointer(
    notifications: NotificationsTable, table: Table, moves: Moves
) -> None:
    claimed = found(notifications, table, "SENDING")
    accept = moves.accept(claimed, message_id="m1")

    made = notifications.make_known("n1", accept, pointer(claimed, message_id="m1"))
    again = notifications.make_known("n1", accept, pointer(claimed, message_id="m2"))

    receipts = ReceiptsTable(table)
    assert (made, again) == (True, False)
    assert (item(table)["status"]["id"], item(table)["messageId"]) == ("SENT", "m1")
    assert receipts.pointer("m1") == Pointer("m1", "n1", "n1:0")
    assert receipts.pointer("m2") is None


@pytest.mark.parametrize(
    ("guard", "holds"),
    [
        (Guard("text", "=", "b"), True),
        (Guard("text", "=", "a"), False),
        (Guard("text", "<", "c"), True),
        (Guard("text", "<", "b"), False),
        (Guard("text", "<=", "b"), True),
        (Guard("text", "<", 3), False),
        (Guard("number", "=", 2), True),
        (Guard("number", "=", "2"), False),
        (Guard("flag", "=", 1), False),
        (Guard("map.inner", "in", ("x", "y")), True),
        (Guard("map.inner", "in", ("y", "z")), False),
        (Guard("map.gone", "absent"), True),
        (Guard("map.inner", "absent"), False),
        (Guard("text.inner", "absent"), True),
        (Guard("gone", "=", "b"), False),
        (Guard("gone", "<", "b"), False),
        (Guard("nothing", "absent"), False),
    ],
)
def test_a_guard_is_a_condition_of_the_table_and_the_fake_judges_alike(
    table: Table, guard: Guard, holds: bool
) -> None:
    stored = {
        "PK": "P",
        "SK": "S",
        "text": "b",
        "number": 2,
        "flag": True,
        "nothing": None,
        "map": {"inner": "x"},
    }
    table.put(stored)
    condition, values = condition_of((Guard("PK", "=", "P"), guard))

    done = table.update({"PK": "P", "SK": "S"}, set={"seen": 1}, condition=condition, values=values)

    assert done is holds
    assert is_met(guard, stored) is holds
