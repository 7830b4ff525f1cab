"""Receipts on a demand table in memory: whose each is, and what is done until that is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from demand_receipts import letters, put_sent, said, take
from demand_table import FakeReceipts, FakeTable
from worker_runtime import clock
from worker_runtime.testing import RecordingSender, SteppedClock
from workers_dmnd.keys import notification_keys, parked_keys

if TYPE_CHECKING:
    from demand_table import Key

RECORDED = Path(__file__).parents[2] / "events" / "dmnd_sms_status_kinesis.json"
QUARTER_S = 900


@pytest.fixture
def table(stepped: SteppedClock) -> FakeTable:
    assert clock.current() is stepped
    return FakeTable()


def stored(table: FakeTable, notification_id: str = "n1") -> dict[str, Any]:
    item = table.item(notification_keys(notification_id))
    assert item is not None
    return item


def status_of(table: FakeTable, notification_id: str = "n1") -> str:
    return str(stored(table, notification_id)["status"]["id"])


def test_a_receipt_finds_its_notification_by_the_pointer(table: FakeTable) -> None:
    put_sent(table)

    reply = take(table, said())

    assert reply == {"batchItemFailures": []}
    assert status_of(table) == "DELIVERED"


def test_a_receipt_finds_its_notification_by_our_own_name(table: FakeTable) -> None:
    table.put_notification(status="SENT", messageId="m1")

    take(table, said(clientMessageId="n1:0"))

    assert status_of(table) == "DELIVERED"


def test_a_name_that_is_none_of_ours_is_not_believed(table: FakeTable) -> None:
    put_sent(table)

    take(table, said(clientMessageId="somebody-elses"))

    assert status_of(table) == "DELIVERED"


def test_a_late_failure_of_an_earlier_sending_is_ignored(table: FakeTable) -> None:
    put_sent(table, message="m2", epoch=1, attempts=2)

    take(table, said("failed", of="m1", clientMessageId="n1:0"))

    assert (status_of(table), stored(table)["version"]) == ("SENT", 1)


def test_a_late_delivery_cancels_the_next_attempt(table: FakeTable) -> None:
    put_sent(table)
    take(table, said("undelivered", errorCode="30003"))
    waiting = stored(table)

    take(table, said("delivered"))

    assert (waiting["status"]["id"], waiting["epoch"]) == ("PENDING", 1)
    assert status_of(table) == "DELIVERED"
    assert "GSI1PK" not in stored(table)


def test_a_delivery_wins_over_a_failure(table: FakeTable) -> None:
    put_sent(table, status="FAILED", attempts=3)

    take(table, said("delivered"))

    assert status_of(table) == "DELIVERED"


def test_a_receipt_that_comes_too_early_is_parked(table: FakeTable) -> None:
    table.put_notification(status="SENDING")

    reply = take(table, said())

    parked = FakeReceipts(table).parked("m1")
    assert reply == {"batchItemFailures": []}
    assert parked is not None
    assert parked.status == "delivered"
    assert status_of(table) == "SENDING"


def test_the_weightiest_early_receipt_stays_parked(table: FakeTable) -> None:
    for status in ("undelivered", "delivered", "failed"):
        take(table, said(status))

    assert (table.item(parked_keys("m1")) or {})["status"] == "delivered"


def test_a_receipt_whose_sender_is_faster_than_the_parking_is_applied(table: FakeTable) -> None:
    table.put_notification(status="SENDING")

    def accept_meanwhile(key: Key) -> None:
        if key.sk == "RECEIPT":
            table.before_write = None
            put_sent(table)

    table.before_write = accept_meanwhile

    take(table, said())

    assert status_of(table) == "DELIVERED"


def test_a_failure_whose_sending_is_to_be_repeated_is_parked_at_any_age(table: FakeTable) -> None:
    table.put_notification(status="PENDING", attempts=1)  # the SMS service's answer was lost
    sender = RecordingSender()

    take(table, said("failed", ago_s=3600, clientMessageId="n1:0"), sender=sender)

    assert sender.sent == []
    assert FakeReceipts(table).parked("m1") is not None
    assert status_of(table) == "PENDING"


def test_a_receipt_of_nobodys_message_is_an_orphan_after_a_quarter_of_an_hour(table: FakeTable) -> None:
    sender = RecordingSender()

    reply = take(
        table,
        said(of="old", ago_s=QUARTER_S + 1),
        said(of="young", ago_s=QUARTER_S - 1),
        said(of="unknown", ago_s=3600, clientMessageId="n9:0"),
        sender=sender,
    )

    assert reply == {"batchItemFailures": []}
    assert sorted(
        json.loads(letter.body)["record"]["kinesis"]["sequenceNumber"][-1] for _, letter in sender.sent
    ) == ["0", "2"]
    assert letters(sender) == [("sms-status-dlq", "ORPHAN_RECEIPT")] * 2
    assert FakeReceipts(table).parked("young") is not None
