"""Released notifications in, SMS out: each sending reaches the SMS service once, whatever is repeated.

A record is done whatever the SMS service says: what is to be tried again waits in the table, so that
a failing service never blocks a shard. Only a table that does not answer has records come again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from worker_runtime import (
    Change,
    Defer,
    Invocation,
    Metrics,
    Reject,
    Retry,
    Skip,
    TableStream,
    assumes,
    cache,
    clock,
    puts,
    reads,
    updates,
    worker,
)
from workers_dmnd.models import Notification, Status
from workers_dmnd.moves import client_message_id
from workers_dmnd.outbox import Outbox
from workers_dmnd.policy import NotificationPolicy, instant
from workers_dmnd.services import Notifications, Receipts, SendRate, Sms, Texts
from workers_dmnd.stacks import DEMAND

if TYPE_CHECKING:
    from worker_runtime import Verdict

RELEASED: Final = {
    "eventName": ["INSERT", "MODIFY"],
    "dynamodb": {
        "NewImage": {
            "type": {"S": ["notification", "notification:asu"]},
            "status": {"M": {"id": {"S": ["CREATED", "RETRY"]}}},
        }
    },
}

TURN_WITHIN_S: Final = 2.0
LEAST_LEFT_S: Final = 10.0
"""What an invocation has to have left to begin a sending: an HTTP call with its retries, and a write."""

log = logging.getLogger(__name__)


@worker(
    TableStream(
        "demand-table",
        kinesis="dmnd-table-stream",
        batch_size=1000,
        dead_letters="notification-send-dlq",
        enhanced_fan_out=True,
        filters=(RELEASED,),
    ),
    stack=DEMAND,
    grants=(
        reads("demand-table"),
        updates("demand-table"),
        puts("demand-table", keys=("MSG#*",)),
        assumes("sms"),
        cache("dmnd"),
    ),
    timeout_s=60,
    concurrency=32,
)
def send_notification(  # noqa: PLR0913 - a sending takes the table, a turn, a text and the service
    change: Change[Notification],
    *,
    notifications: Notifications,
    receipts: Receipts,
    sms: Sms,
    rate: SendRate,
    texts: Texts,
    policy: NotificationPolicy,
    invocation: Invocation,
    metrics: Metrics,
) -> None:
    """Send a released notification to its fan."""
    notification = _released(change)
    outbox = Outbox(notifications, receipts, policy, metrics)
    if outbox.is_expired(notification):
        outbox.expire(notification)
        return
    if obstacle := _obstacle(sms, rate, invocation):
        outbox.put_off(notification, reason=obstacle)
        return
    claimed = outbox.claim(notification)
    try:
        message_id = _hand_over(claimed, sms=sms, texts=texts)
    except (Retry, Reject) as verdict:
        _fail(claimed, verdict, outbox=outbox, metrics=metrics)
        return
    _accept(claimed, message_id, outbox=outbox, metrics=metrics)


def _released(change: Change[Notification]) -> Notification:
    """Return what the change released, else raise Skip; Reject what nobody could tell when to send."""
    notification = change.new
    if notification is None:
        raise Skip("the notification is gone")
    if notification.status.id not in (Status.CREATED, Status.RETRY):
        raise Skip(f"the notification is {notification.status.id}")
    for text in (notification.send_at, notification.expires_at or notification.send_at):
        instant(text, code="BAD_NOTIFICATION")
    return notification


def _obstacle(sms: Sms, rate: SendRate, invocation: Invocation) -> str | None:
    """Say what keeps a notification from being sent now; a turn is only taken where nothing else does."""
    if invocation.remaining_s < LEAST_LEFT_S:
        return "the invocation is about to end"
    if not sms.is_reachable():
        return "the SMS service is not reachable"
    if not rate.take(within_s=TURN_WITHIN_S):
        return "no turn to send was free"
    return None


def _hand_over(claimed: Notification, *, sms: Sms, texts: Texts) -> str:
    """Have the SMS service take the text and return its message id.

    A Halt, and a Defer for want of a call, leave the claim as it is: once its lease has expired the
    scheduler has the same sending resumed, and no attempt is lost.
    """
    body = texts.text(claimed)
    try:
        return sms.send(claimed, client_message_id=client_message_id(claimed), body=body)
    except Defer as never_called:
        raise Skip(str(never_called)) from never_called


def _accept(claimed: Notification, message_id: str, *, outbox: Outbox, metrics: Metrics) -> None:
    metrics.count("SmsAccepted")
    metrics.observe_ms("SendLatencyMs", max(clock.now() - instant(claimed.send_at), 0) * 1000)
    log.info("accepted by the SMS service", extra=_named(claimed))
    if not outbox.accept(claimed, message_id=message_id):
        raise Skip("it moved on while the SMS service was asked")


def _fail(claimed: Notification, verdict: Verdict, *, outbox: Outbox, metrics: Metrics) -> None:
    is_given_up = outbox.fail(claimed, error=str(verdict), for_good=isinstance(verdict, Reject))
    metrics.count("SmsRejected" if is_given_up else "SmsRetried")
    what = "given up" if is_given_up else "to be tried again"
    log.warning("%s: %s", what, verdict, extra=_named(claimed))


def _named(claimed: Notification) -> dict[str, object]:
    """Name a sending in logs, by nothing that leads to the fan."""
    return {
        "notification_id": claimed.notification_id,
        "send_attempt": claimed.attempts,
        "template_id": claimed.template_id,
    }
