"""Delivery receipts in, closed notifications out: the weightiest receipt of each message counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker_runtime import (
    Batch,
    Invocation,
    Kinesis,
    Metrics,
    Record,
    Reject,
    Retry,
    concurrently,
    puts,
    reads,
    updates,
    worker,
)
from workers_dmnd.inbox import Inbox
from workers_dmnd.models import SmsStatus
from workers_dmnd.policy import NotificationPolicy
from workers_dmnd.services import Notifications, Receipts
from workers_dmnd.stacks import DEMAND
from workers_dmnd.weight import reported_at, weight

if TYPE_CHECKING:
    from collections.abc import Iterable

AT_ONCE: Final = 16
LEAST_LEFT_S: Final = 5.0
"""What an invocation has to have left to begin with a receipt: four reads, two writes, and the reply."""
SAYS_NOTHING: Final = ("queued", "sent")


@worker(
    Kinesis("sms-status-stream", batch_size=1000, dead_letters="sms-status-dlq", on_failure="continue"),
    stack=DEMAND,
    grants=(reads("demand-table"), updates("demand-table"), puts("demand-table", keys=("MSG#*",))),
    timeout_s=60,
)
def apply_receipts(  # noqa: PLR0913 - the batch, two parts of the table, how, how long, and what was done
    batch: Batch[SmsStatus],
    *,
    notifications: Notifications,
    receipts: Receipts,
    policy: NotificationPolicy,
    invocation: Invocation,
    metrics: Metrics,
) -> None:
    """Note what became of sent notifications."""
    inbox = Inbox(notifications, receipts, policy, metrics)

    def deal_with(record: Record[SmsStatus]) -> None:
        if invocation.remaining_s < LEAST_LEFT_S:
            raise Retry(reason="the invocation is about to end")
        inbox.deal_with(record.body)

    telling = weightiest(batch)
    for record, error in zip(telling, concurrently(deal_with, telling, at_once=AT_ONCE), strict=True):
        if error is not None:
            batch.fail(record, error)


def weightiest(batch: Batch[SmsStatus]) -> list[Record[SmsStatus]]:
    """Return the records that tell something, the weightiest of each message; the others are marked."""
    by_message: dict[str, Record[SmsStatus]] = {}
    for record in _dated(batch):
        kept = by_message.setdefault(record.body.message_id, record)
        if kept is record:
            continue
        lighter, heavier = sorted((kept, record), key=_by_weight)
        by_message[record.body.message_id] = heavier
        batch.skip(lighter, "another receipt of the batch says more of the message")
    telling = []
    for record in by_message.values():
        if record.body.status in SAYS_NOTHING:
            batch.skip(record, "that the SMS service has it is known from its answer")
        else:
            telling.append(record)
    return telling


def _by_weight(record: Record[SmsStatus]) -> tuple[tuple[int, float], str, str]:
    """Order receipts so that it does not matter which came first, not even where they weigh the same."""
    receipt = record.body
    return weight(receipt), receipt.client_message_id or "", receipt.error_code or ""


def _dated(batch: Batch[SmsStatus]) -> Iterable[Record[SmsStatus]]:
    """Yield the records whose timestamp is one; the others are rejected."""
    for record in batch:
        try:
            reported_at(record.body)
        except Reject as error:
            batch.fail(record, error)
        else:
            yield record
