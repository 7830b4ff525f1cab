"""The table's side of a sending: a notification is claimed, then accepted, put back or given up.

Every step is one conditional write of ``moves``; a step that is refused was somebody else's to make.
Where it is the first one, they may have died before their last: that is made up for then, since nobody
comes back to a notification that is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from worker_runtime import Metrics, Skip, clock
from workers_dmnd.models import Status
from workers_dmnd.moves import Moves, client_message_id, moved, pointer, sending_of
from workers_dmnd.policy import NotificationPolicy
from workers_dmnd.receiving import apply_receipt
from workers_dmnd.services import Notifications, Receipts
from workers_dmnd.transitions import GIVE_UP, Writer

if TYPE_CHECKING:
    from workers_dmnd.models import Notification
    from workers_dmnd.moves import Move


class Outbox(Struct, frozen=True):
    """Where a sender keeps what became of its notifications."""

    notifications: Notifications
    receipts: Receipts
    policy: NotificationPolicy
    metrics: Metrics

    def is_expired(self, notification: Notification) -> bool:
        """Say whether it is too late to send a notification."""
        return self._moves().is_expired(notification)

    def expire(self, notification: Notification) -> None:
        """Let it never be sent; raises Skip, as the next two, where it is not as the change says any more."""
        self._begin(notification, self._moves().expire(notification))

    def put_off(self, notification: Notification, *, reason: str) -> None:
        """Let the scheduler release it again in a while; no attempt is spent."""
        self._begin(notification, self._moves().put_off(notification, reason=reason))

    def claim(self, notification: Notification) -> Notification:
        """Take it for as long as the lease lasts."""
        move = self._moves().claim(notification)
        self._begin(notification, move)
        return moved(notification, move)

    def accept(self, claimed: Notification, *, message_id: str) -> bool:
        """Note that the SMS service has it, and apply the receipt that may have come before.

        False where the notification has moved on meanwhile: by a receipt that was faster, or by
        somebody who resumed it. The message is known from here on either way.
        """
        known = pointer(claimed, message_id=message_id)
        move = self._moves().accept(claimed, message_id=message_id)
        is_noted = self.notifications.make_known(claimed.notification_id, move, known)
        if not is_noted:
            self.receipts.keep_pointer(known)
        self._apply_parked(message_id, client_message_id(claimed))
        return is_noted

    def fail(self, claimed: Notification, *, error: str, for_good: bool) -> bool:
        """Note that the SMS service does not have it; True where it is given up, False where it is not."""
        move = self._moves().fail_attempt(claimed, error=error, for_good=for_good)
        self.notifications.make(claimed.notification_id, move)
        return move.transition is GIVE_UP

    def _begin(self, notification: Notification, move: Move) -> None:
        """Make the first step of a sending, or look for the last one of who was faster and raise Skip."""
        if not self.notifications.make(notification.notification_id, move):
            self.metrics.count("ClaimConflicts")
            self._catch_up(notification.notification_id)
            raise Skip("somebody else has it, or had it")

    def _catch_up(self, notification_id: str) -> None:
        """Finish what a sender left that died between noting a message and looking for its receipt."""
        found = self.notifications.find(notification_id)
        is_sent = found is not None and found.status.id is Status.SENT
        if found is not None and is_sent and found.message_id and found.client_message_id:
            self._apply_parked(found.message_id, found.client_message_id)

    def _apply_parked(self, message_id: str, sending: str) -> None:
        """Apply the receipt that came before its message was known.

        The consumer parks first and looks for the pointer afterwards, so one of the two sees the other.
        """
        receipt, whose = self.receipts.parked(message_id), sending_of(sending)
        if receipt is not None and whose is not None:
            apply_receipt(
                receipt,
                whose,
                notifications=self.notifications,
                moves=self._moves(),
                metrics=self.metrics,
            )

    def _moves(self) -> Moves:
        return Moves(self.policy, now=clock.now(), by=Writer.SENDER)
