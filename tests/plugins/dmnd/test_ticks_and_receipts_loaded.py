"""Scheduler and receipts' consumer as Lambda loads them: recorded events in, a real table changed."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demand_items import demand_item, event_item, notification_item, sale_item
from worker_runtime import Environment
from worker_runtime.loading import load
from worker_runtime.runtime import run
from worker_runtime.settings_files import merged_settings
from worker_runtime.testing import Context, RecordingSender
from workers_dmnd.items import pointer_item
from workers_dmnd.keys import notification_keys, parked_keys, sale_keys
from workers_dmnd.models import Pointer
from workers_dmnd.policy import instant
from workers_dmnd.rules import timestamp

if TYPE_CHECKING:
    from worker_runtime.clients.dynamodb import Table
    from worker_runtime.testing import SteppedClock

EVENTS = Path(__file__).parents[2] / "events"
NOON = instant("2026-02-03T12:00:00Z")


def invoke(worker: str, event: str, table: Table, folder: Path, *, sender: RecordingSender) -> Any:
    settings = folder / "settings.json"
    settings.write_text(json.dumps({"dmnd": merged_settings("workers_dmnd", config_env="dev")}))
    variables = {"WORKER_SETTINGS": str(settings), "DEMAND_TABLE": table.name}
    loaded = load(worker, environment=Environment.read(variables))
    with closing(loaded.services):
        return run(loaded, json.loads((EVENTS / event).read_text()), context=Context(), sender=sender)


def status_of(table: Table, notification_id: str) -> str:
    item = table.get(notification_keys(notification_id), consistent=True) or {}
    return str(item["status"]["id"])


def test_a_tick_has_all_that_is_due_go_on(table: Table, stepped: SteppedClock, tmp_path: Path) -> None:
    stepped.at = NOON - 600
    unclaimed = notification_item("unclaimed", status="CREATED", type="notification:asu")
    stepped.at = NOON
    for item in (
        event_item(timezone="Europe/Berlin"),
        event_item("e2", timezone="America/Los_Angeles"),
        sale_item(),
        demand_item("u2", optOut=True),
        notification_item("waiting"),
        notification_item("tried", attempts=1),
        notification_item("asleep", eventId="e2"),
        notification_item("unwanted", userId="u2"),
        notification_item("late", expiresAt=timestamp(NOON - 1)),
        notification_item("early", sendAt=timestamp(NOON + 1)),
        notification_item("dead", status="SENDING", leaseUntil=timestamp(NOON - 1)),
        notification_item("alive", status="SENDING"),
        unclaimed,
    ):
        table.put(item)
    sale = table.get(sale_keys("e1", "s1")) or {}

    reply = invoke(
        "dmnd.notificationScheduler", "dmnd_schedule_tick.json", table, tmp_path, sender=RecordingSender()
    )

    assert reply == {
        "salesDue": 1,
        "released": 2,
        "held": 1,
        "suppressed": 1,
        "expired": 1,
        "recovered": 2,
        "dueBacklog": 0,
    }
    assert {name: status_of(table, name) for name in ("waiting", "tried", "asleep", "unwanted", "late")} == {
        "waiting": "CREATED",
        "tried": "RETRY",
        "asleep": "PENDING",
        "unwanted": "SUPPRESSED",
        "late": "EXPIRED",
    }
    assert {name: status_of(table, name) for name in ("early", "dead", "alive", "unclaimed")} == {
        "early": "PENDING",
        "dead": "RETRY",
        "alive": "SENDING",
        "unclaimed": "CREATED",
    }
    assert sale["generation"]["id"] == "NONE"
    assert (table.get(sale_keys("e1", "s1"), consistent=True) or {})["generation"]["id"] == "DUE"


def test_receipts_close_their_notifications(table: Table, stepped: SteppedClock, tmp_path: Path) -> None:
    stepped.at = instant("2026-02-03T14:07:00Z")
    delivered, undelivered = "9f2c4a7be1d05388c6a0f4b1d2e37a90", "0b77d1c2a3e94f5f8e61d3c0a9b8f712"
    known = Pointer("SM90f2bb", undelivered, f"{undelivered}:0")
    table.put(notification_item(delivered, status="SENT"))
    table.put(notification_item(undelivered, status="SENT"))
    table.put(pointer_item(known, now=stepped.now(), correlation_id=None))
    sender = RecordingSender()

    reply = invoke("dmnd.smsStatusConsumer", "dmnd_sms_status_kinesis.json", table, tmp_path, sender=sender)

    assert reply == {"batchItemFailures": []}
    assert (status_of(table, delivered), status_of(table, undelivered)) == ("DELIVERED", "PENDING")
    assert [to for to, _ in sender.sent] == ["sms-status-dlq"]


def test_a_receipt_of_an_unknown_message_is_parked(
    table: Table, stepped: SteppedClock, tmp_path: Path
) -> None:
    stepped.at = instant("2026-02-03T14:07:00Z")

    invoke(
        "dmnd.smsStatusConsumer", "dmnd_sms_status_kinesis.json", table, tmp_path, sender=RecordingSender()
    )

    assert (table.get(parked_keys("SM7c1e0a")) or {})["status"] == "delivered"
