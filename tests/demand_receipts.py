"""Receipts of the SMS service, and their consumer on a demand table in memory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from demand_table import FakeNotifications, FakeReceipts
from worker_runtime import clock
from worker_runtime.testing import kinesis_event, run_on
from workers_dmnd.models import Pointer
from workers_dmnd.policy import NotificationPolicy
from workers_dmnd.receipts import apply_receipts
from workers_dmnd.rules import timestamp
from workers_dmnd.services import Notifications, Receipts

if TYPE_CHECKING:
    from demand_table import FakeTable
    from worker_runtime.testing import RecordingSender


def said(status: str = "delivered", *, of: str = "m1", ago_s: float = 0, **more: Any) -> dict[str, Any]:
    """Make a receipt as it comes in the stream."""
    return {"messageId": of, "status": status, "timestamp": timestamp(clock.now() - ago_s), **more}


def put_sent(table: FakeTable, notification_id: str = "n1", *, message: str = "m1", **changed: Any) -> None:
    """Put a notification that the SMS service has, and what leads to it."""
    table.put_notification(notification_id, **{"status": "SENT", "messageId": message, **changed})
    sending = f"{notification_id}:{changed.get('epoch', 0)}"
    FakeReceipts(table).keep_pointer(Pointer(message, notification_id, sending))


def consume(
    table: FakeTable, event: Any, *, sender: RecordingSender | None = None, remaining_s: float = 60
) -> Any:
    """Run the consumer on an event and return its reply."""
    services: dict[type, Any] = {
        Notifications: FakeNotifications(table),
        Receipts: FakeReceipts(table),
        NotificationPolicy: NotificationPolicy(),
    }
    return run_on(apply_receipts, event, services=services, sender=sender, remaining_s=remaining_s)


def take(table: FakeTable, *receipts: Any, sender: RecordingSender | None = None) -> Any:
    """Run the consumer on a batch of these receipts."""
    return consume(table, kinesis_event(*receipts), sender=sender)


def checkpoint_at(event: Any, position: int) -> dict[str, Any]:
    """Make the reply after which Lambda goes on at a record."""
    sequence = event["Records"][position]["kinesis"]["sequenceNumber"]
    return {"batchItemFailures": [{"itemIdentifier": sequence}]}


def letters(sender: RecordingSender) -> list[tuple[str, str]]:
    """List queue and reason of what was dead-lettered."""
    return [(to, json.loads(letter.body)["code"]) for to, letter in sender.sent]
