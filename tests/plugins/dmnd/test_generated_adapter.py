from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from worker_runtime import Halt
from worker_runtime.clients.dynamodb import Table
from workers_dmnd.adapters.generated import GeneratedTable
from workers_dmnd.keys import notification_keys
from workers_dmnd.models import Notification, NotificationStatus, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker_runtime import Metrics
    from worker_runtime.testing import SteppedClock

AT = "2023-11-14T22:14:00.000Z"


def notification(number: int) -> Notification:
    return Notification(
        notification_id=f"n{number:04}",
        user_id=f"u{number}",
        event_id="e1",
        sale_id="s1",
        to="+12125550123",
        template_id="sale-open",
        send_at=AT,
        status=NotificationStatus(Status.PENDING, AT, "notificationGenerator"),
    )


@pytest.fixture
def generated(table: Table, stepped: SteppedClock, metrics: Metrics) -> GeneratedTable:  # noqa: ARG001 - times
    return GeneratedTable(table, metrics=metrics)


def test_new_notifications_are_put_with_all_that_an_item_has(generated: GeneratedTable, table: Table) -> None:
    unknown = generated.put([notification(1)], made_in=2)

    item = table.get(notification_keys("n0001"), consistent=True)
    assert unknown == []
    assert item == {
        "PK": "NTF#n0001",
        "SK": "NTF",
        "type": "notification",
        "id": "n0001",
        "pass": 2,
        "createdAt": AT,
        "updatedAt": AT,
        "version": 1,
        "schemaVersion": 1,
        "channel": "sms",
        "GSI1PK": item and item["GSI1PK"],
        "GSI1SK": AT,
        "GSI2PK": "USER#u1",
        "GSI2SK": f"NTF#{AT}",
        "notificationId": "n0001",
        "userId": "u1",
        "eventId": "e1",
        "saleId": "s1",
        "vars": {},
        "to": "+12125550123",
        "templateId": "sale-open",
        "sendAt": AT,
        "locale": "en-US",
        "attempts": 0,
        "epoch": 0,
        "resume": False,
        "status": {"id": "PENDING", "at": AT, "by": "notificationGenerator"},
    }
    assert item["GSI1PK"].startswith("NTFDUE#")


def test_many_are_put_and_found_again(generated: GeneratedTable) -> None:
    many = [notification(number) for number in range(260)]

    unknown = generated.put(many, made_in=1)
    present = generated.present([each.notification_id for each in many] + ["n9999"])

    assert unknown == []
    assert present == {each.notification_id: 1 for each in many}


def test_what_others_put_was_made_in_no_pass(generated: GeneratedTable, table: Table) -> None:
    table.put({**notification_keys("n1"), "type": "notification"})

    assert generated.present(["n1"]) == {"n1": None}


def test_nothing_to_put_and_nothing_to_find_asks_nobody(generated: GeneratedTable) -> None:
    assert generated.put([], made_in=1) == []
    assert generated.present([]) == {}


class FailingTable(Table):
    """A table whose batch writes fail as they are told to, call by call."""

    def __init__(self, table: Table, answers: Callable[[Sequence[Mapping[str, Any]]], list[Any]]) -> None:
        super().__init__(table.name)
        self._answers = answers

    def batch_put(
        self, items: Sequence[Mapping[str, Any]], *, unprocessed: Callable[[int], None] | None = None
    ) -> list[dict[str, Any]]:
        if unprocessed is not None:
            unprocessed(3)
        left = self._answers(items)
        super().batch_put([item for item in items if item not in left])
        return left


def test_what_is_not_known_to_be_written_is_named_and_repeats_are_counted(
    table: Table, metrics: Metrics
) -> None:
    failing = FailingTable(table, lambda items: [item for item in items if item["id"] in ("n0003", "n0030")])
    generated = GeneratedTable(failing, metrics=metrics)

    unknown = generated.put([notification(number) for number in range(50)], made_in=1)

    assert sorted(unknown) == ["n0003", "n0030"]
    assert msgspec.json.decode(metrics.flush() or "")["UnprocessedRetries"] == [6]


def test_a_call_that_is_refused_is_raised(table: Table, metrics: Metrics) -> None:
    def refuse(items: Sequence[Mapping[str, Any]]) -> list[Any]:
        if items[0]["id"] == "n0025":
            raise Halt("dynamodb: AccessDeniedException")
        return []

    generated = GeneratedTable(FailingTable(table, refuse), metrics=metrics)

    with pytest.raises(Halt):
        generated.put([notification(number) for number in range(60)], made_in=1)

    assert len(generated.present([f"n{number:04}" for number in range(60)])) == 35
