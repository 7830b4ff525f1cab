"""What a delivery receipt does to its notification: for who consumes receipts and who finds one parked."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from worker_runtime import Retry
from workers_dmnd import transitions as rows
from workers_dmnd.moves import Move
from workers_dmnd.policy import instant
from workers_dmnd.rules import timestamp
from workers_dmnd.weight import reported_at

if TYPE_CHECKING:
    from worker_runtime import Metrics
    from workers_dmnd.models import Notification, SmsStatus
    from workers_dmnd.moves import Moves
    from workers_dmnd.services import Notifications

LOOKS: Final = 5
CODE_CHARS: Final = 64
UNDER_WAY: Final = frozenset((rows.SENT, rows.SENDING))
TO_BE_SENT: Final = frozenset((rows.PENDING, rows.CREATED, rows.RETRY))


class Standing(Enum):
    """Why a receipt moves nothing."""

    SETTLED = "the notification is past it"
    NOT_YET = "the notification does not know of this sending yet"


def apply_receipt(
    receipt: SmsStatus,
    sending: tuple[str, int],
    *,
    notifications: Notifications,
    moves: Moves,
    metrics: Metrics,
) -> bool:
    """Apply a receipt to the notification of a sending (its id and epoch) as 12 to 15 of ``transitions``.

    True where it is applied, or there is nothing to do any more; False where it has to be parked: the
    notification is not there, or does not know of this sending yet. ``queued`` and ``sent`` receipts
    have no place here. Raises Retry where others write faster than it can read.
    """
    notification_id, epoch = sending
    for _ in range(LOOKS):
        notification = notifications.find(notification_id)
        decided = decide(receipt, notification, epoch=epoch, moves=moves)
        if not isinstance(decided, Move):
            return decided is Standing.SETTLED
        if notifications.make(notification_id, decided):
            _measure(receipt, notification, metrics)
            return True
    raise Retry(reason=f"notification {notification_id} changed under each of {LOOKS} looks")


def decide(
    receipt: SmsStatus, notification: Notification | None, *, epoch: int, moves: Moves
) -> Move | Standing:
    """Say what the receipt of a notification's ``epoch``-th sending does to it as it is now."""
    if notification is None:
        return Standing.NOT_YET
    if receipt.status == "delivered":
        return _delivered(receipt, notification, moves)
    return _undelivered(receipt, notification, epoch, moves)


def _delivered(receipt: SmsStatus, notification: Notification, moves: Moves) -> Move | Standing:
    """Evidence of any sending wins, whatever became of it since."""
    if notification.status.id not in (*rows.DELIVER.sources, *rows.DELIVER_LATE.sources):
        return Standing.SETTLED
    at = timestamp(reported_at(receipt))
    return moves.deliver(notification, at=at, message_id=receipt.message_id)


def _undelivered(receipt: SmsStatus, notification: Notification, epoch: int, moves: Moves) -> Move | Standing:
    """Only the sending at hand can fail."""
    if epoch < notification.epoch:
        return Standing.SETTLED
    status = notification.status.id
    if epoch > notification.epoch or status in TO_BE_SENT:
        # The SMS service's answer was lost: this sending will be repeated, and answered as before.
        return Standing.NOT_YET
    if status not in UNDER_WAY:
        return Standing.SETTLED
    for_good = receipt.status == "failed" or not moves.policy.is_retryable(receipt.error_code)
    return moves.fail_delivery(notification, error=_error(receipt), for_good=for_good)


def _error(receipt: SmsStatus) -> str:
    """Word an error as verdicts do: the code first, where there is one."""
    if not receipt.error_code:
        return receipt.status
    return f"{receipt.error_code[:CODE_CHARS]}: {receipt.status}"


def _measure(receipt: SmsStatus, notification: Notification | None, metrics: Metrics) -> None:
    if receipt.status != "delivered":
        metrics.count("Undelivered")
        return
    metrics.count("Delivered")
    if notification is not None and notification.sent_at is not None:
        took_s = reported_at(receipt) - instant(notification.sent_at)
        metrics.observe_ms("DeliveryLatencyMs", max(took_s, 0.0) * 1000)
