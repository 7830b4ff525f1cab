"""Batches of receipts on a demand table in memory: what becomes of records and notifications."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demand_receipts import checkpoint_at, consume, letters, put_sent, said, take
from demand_seen import status_of, stored
from demand_table import FakeTable
from worker_runtime import Batch, Halt, Record, Retry, clock
from worker_runtime.testing import RecordingSender, SteppedClock, kinesis_event
from workers_dmnd.models import SmsStatus
from workers_dmnd.receipts import weightiest
from workers_dmnd.rules import timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from demand_table import Key

RECORDED = Path(__file__).parents[2] / "events" / "dmnd_sms_status_kinesis.json"


@pytest.fixture
def table(stepped: SteppedClock) -> FakeTable:
    assert clock.current() is stepped
    return FakeTable()


@pytest.mark.parametrize("status", ["queued", "sent"])
def test_what_is_known_already_is_skipped(table: FakeTable, status: str) -> None:
    put_sent(table)
    before = table.items()

    reply = take(table, said(status))

    assert reply == {"batchItemFailures": []}
    assert table.items() == before


def test_of_several_receipts_of_a_message_the_weightiest_counts(table: FakeTable) -> None:
    put_sent(table)

    take(table, said("delivered", ago_s=9), said("queued"), said("failed"), said("sent"))

    assert status_of(table) == "DELIVERED"
    assert stored(table)["version"] == 2


def test_delivered_before_sent_stays_delivered(table: FakeTable) -> None:
    put_sent(table)

    take(table, said("delivered"))
    take(table, said("sent"))

    assert status_of(table) == "DELIVERED"


def test_poison_in_the_middle_of_a_batch_harms_no_other(table: FakeTable) -> None:
    put_sent(table, "n1", message="m1")
    put_sent(table, "n2", message="m2")
    sender = RecordingSender()

    reply = take(
        table,
        said(of="m1"),
        b"\x00 no JSON",
        {"messageId": "m3", "status": "read", "timestamp": 0},
        said(of="m4") | {"timestamp": "yesterday"},
        said(of="m2"),
        sender=sender,
    )

    assert reply == {"batchItemFailures": []}
    assert letters(sender) == [
        ("sms-status-dlq", "UNDECODABLE"),
        ("sms-status-dlq", "UNDECODABLE"),
        ("sms-status-dlq", "BAD_RECEIPT"),
    ]
    assert (status_of(table, "n1"), status_of(table, "n2")) == ("DELIVERED", "DELIVERED")


def test_a_receipt_of_a_name_that_no_sending_has_is_poison(table: FakeTable) -> None:
    sender = RecordingSender()

    reply = take(
        table, said(clientMessageId="n1:" + "1" * 5_000), sender=sender
    )  # more digits than int() reads

    assert reply == {"batchItemFailures": []}
    assert [to for to, _ in letters(sender)] == ["sms-status-dlq"]


def test_a_notification_that_nobody_can_read_has_its_receipt_kept_for_people(table: FakeTable) -> None:
    put_sent(table, attempts="three")
    sender = RecordingSender()

    take(table, said(), sender=sender)

    assert letters(sender) == [("sms-status-dlq", "BAD_NOTIFICATION")]


def test_an_outage_fails_only_what_it_hit_and_the_checkpoint_is_the_lowest(table: FakeTable) -> None:
    names = [f"n{at}" for at in range(40)]
    for name in names:
        put_sent(table, name, message=f"m-{name}")
    struck = {"NTF#n7", "NTF#n23"}

    def throttle(key: Key) -> None:
        if key.pk in struck:
            raise Retry(reason="dynamodb: throttled")

    table.before_write = throttle
    event = kinesis_event(*(said(of=f"m-{name}") for name in names))

    reply = consume(table, event)
    table.before_write = None
    again = consume(table, {"Records": event["Records"][7:]})

    assert reply == checkpoint_at(event, 7)
    assert again == {"batchItemFailures": []}
    assert [stored(table, name)["version"] for name in names] == [2] * 40
    assert all(status_of(table, name) == "DELIVERED" for name in names)


def test_an_orphan_behind_a_failure_is_dead_lettered_once_it_comes_again(table: FakeTable) -> None:
    put_sent(table, "n0", message="m0")
    put_sent(table, "n1", message="m1")
    event = kinesis_event(said(of="m0"), said(of="m1"), said(of="m2", ago_s=3600))
    senders = RecordingSender(), RecordingSender()
    table.before_read = lambda key: _throttle(key, "MSG#m1")

    consume(table, event, sender=senders[0])
    table.before_read = None
    consume(table, {"Records": event["Records"][1:]}, sender=senders[1])

    assert [letters(sender) for sender in senders] == [[], [("sms-status-dlq", "ORPHAN_RECEIPT")]]


def _throttle(key: Key, pk: str) -> None:
    if key.pk == pk:
        raise Retry(reason="dynamodb: throttled")


def test_refused_credentials_are_not_dead_letters(table: FakeTable) -> None:
    put_sent(table)
    table.fail_next(1, Halt("dynamodb refuses the credentials"))
    sender = RecordingSender()
    event = kinesis_event(said("queued", of="m0"), said())

    reply = consume(table, event, sender=sender)

    assert reply == checkpoint_at(event, 1)
    assert sender.sent == []


def test_what_cannot_be_begun_in_time_comes_again(table: FakeTable) -> None:
    put_sent(table)
    event = kinesis_event(said("queued", of="m0"), said())

    reply = consume(table, event, remaining_s=4)

    assert reply == checkpoint_at(event, 1)
    assert status_of(table) == "SENT"


def test_a_batch_that_comes_twice_changes_nothing_the_second_time(table: FakeTable) -> None:
    put_sent(table, "n1", message="m1")
    put_sent(table, "n2", message="m2")
    event = kinesis_event(said(of="m1"), said("undelivered", of="m2", errorCode="timeout"))

    consume(table, event)
    once = [stored(table, name) for name in ("n1", "n2")]
    consume(table, event)

    assert [stored(table, name) for name in ("n1", "n2")] == once


def test_what_is_told_is_measured(table: FakeTable, capsys: pytest.CaptureFixture[str]) -> None:
    put_sent(table, "n1", message="m1", sentAt=timestamp(clock.now() - 3))
    put_sent(table, "n2", message="m2")

    take(table, said(of="m1"), said("failed", of="m2"), said(of="m3", ago_s=3600))

    measured = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (measured["Delivered"], measured["Undelivered"], measured["OrphanReceipts"]) == ([1], [1], [1])
    assert measured["DeliveryLatencyMs"] == [3000]


def test_the_recorded_event_is_understood(table: FakeTable) -> None:
    recorded = json.loads(RECORDED.read_text())
    put_sent(table, "9f2c4a7be1d05388c6a0f4b1d2e37a90", message="SM7c1e0a", epoch=0)
    put_sent(table, "0b77d1c2a3e94f5f8e61d3c0a9b8f712", message="SM90f2bb", epoch=0)
    sender = RecordingSender()

    reply = consume(table, recorded, sender=sender)

    assert reply == {"batchItemFailures": []}
    assert letters(sender) == [("sms-status-dlq", "UNDECODABLE")]
    assert status_of(table, "9f2c4a7be1d05388c6a0f4b1d2e37a90") == "DELIVERED"
    assert status_of(table, "0b77d1c2a3e94f5f8e61d3c0a9b8f712") == "PENDING"


RECEIPTS = st.builds(
    SmsStatus,
    message_id=st.sampled_from(["m1", "m2", "m3"]),
    status=st.sampled_from(["queued", "sent", "undelivered", "failed", "delivered"]),
    timestamp=st.integers(1_700_000_000, 1_700_000_003),
    error_code=st.sampled_from([None, "30003", "30006"]),
)


def a_batch(receipts: Sequence[SmsStatus]) -> Batch[SmsStatus]:
    return Batch([Record(str(at), receipt, {}) for at, receipt in enumerate(receipts)])


@given(st.lists(RECEIPTS, max_size=12), st.randoms(use_true_random=False))
def test_whatever_their_order_the_same_receipts_count(receipts: list[SmsStatus], random: Random) -> None:
    shuffled = random.sample(receipts, len(receipts))

    telling = [weightiest(a_batch(each)) for each in (receipts, shuffled)]

    assert {record.body.message_id: record.body for record in telling[0]} == {
        record.body.message_id: record.body for record in telling[1]
    }


@given(st.lists(RECEIPTS, max_size=12))
def test_each_record_is_dealt_with_or_skipped(receipts: list[SmsStatus]) -> None:
    batch = a_batch(receipts)

    telling = weightiest(batch)

    assert len({each.body.message_id for each in telling}) == len(telling)
    assert all((batch.outcome(record) is None) == (record in telling) for record in batch)


@given(
    st.lists(st.sampled_from(["queued", "sent", "undelivered", "failed"]), max_size=6),
    st.integers(0, 6),
    st.integers(1, 7),
)
def test_a_delivery_wins_however_the_receipts_are_cut_into_batches(
    others: list[str], delivered_at: int, size: int
) -> None:
    statuses = [*others[:delivered_at], "delivered", *others[delivered_at:]]
    table = FakeTable()
    put_sent(table)

    for start in range(0, len(statuses), size):
        take(table, *(said(each, errorCode="30003") for each in statuses[start : start + size]))

    assert status_of(table) == "DELIVERED"
