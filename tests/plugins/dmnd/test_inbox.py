"""Receipts on a demand table in memory: whose each is, and what is done until that is known."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from demand_receipts import letters, put_sent, said, take
from demand_seen import status_of, stored
from demand_table import FakeNotifications, FakeReceipts, FakeTable
from worker_runtime import Metrics, clock
from worker_runtime.testing import RecordingSender, SteppedClock
from workers_dmnd.keys import parked_keys
from workers_dmnd.outbox import Outbox
from workers_dmnd.policy import NotificationPolicy

if TYPE_CHECKING:
    from demand_table import Key
    from workers_dmnd.models import Notification

QUARTER_S = 900


@pytest.fixture
def table(stepped: SteppedClock) -> FakeTable:
    assert clock.current() is stepped
    return FakeTable()


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


def claimed(table: FakeTable) -> Notification:
    table.put_notification(status="SENDING")
    notification = FakeNotifications(table).find("n1")
    assert notification is not None
    return notification


def an_outbox(table: FakeTable, metrics: Metrics) -> Outbox:
    return Outbox(FakeNotifications(table), FakeReceipts(table), NotificationPolicy(), metrics)


def test_a_parked_receipt_is_applied_by_the_sender(table: FakeTable, metrics: Metrics) -> None:
    sending = claimed(table)
    take(table, said())

    an_outbox(table, metrics).accept(sending, message_id="m1")

    assert (status_of(table), stored(table)["status"]["by"]) == ("DELIVERED", "notificationSend")


@pytest.mark.parametrize("said_of_it", ["delivered", "failed"])
@pytest.mark.parametrize("accesses", range(8))
def test_whenever_the_sender_notes_the_message_its_receipt_is_applied(
    table: FakeTable, metrics: Metrics, accesses: int, said_of_it: str
) -> None:
    sending, outbox, left = claimed(table), an_outbox(table, metrics), [accesses]

    def accept_in_the_end() -> None:
        table.before_read = table.before_write = None
        outbox.accept(sending, message_id="m1")

    def count_down(_: Key) -> None:
        left[0] -= 1
        if left[0] < 0:
            accept_in_the_end()

    table.before_read = table.before_write = count_down

    take(table, said(said_of_it))
    if table.before_read is not None:
        accept_in_the_end()

    assert status_of(table) == said_of_it.upper()


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
