"""The table's side of a receipt: whose it is is found out, then it is applied, parked or an orphan.

A receipt may come before it is stored whose message it is. It is parked then: sender and consumer each
write first and look afterwards, so one of them always sees what the other wrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker_runtime import Metrics, Reject, clock
from workers_dmnd.moves import Moves, sending_of
from workers_dmnd.policy import NotificationPolicy
from workers_dmnd.receiving import apply_receipt
from workers_dmnd.services import Notifications, Receipts
from workers_dmnd.transitions import Writer
from workers_dmnd.weight import reported_at

if TYPE_CHECKING:
    from workers_dmnd.models import SmsStatus

ORPHANED_AFTER_S: Final = 15 * 60
"""By when a sender has stored whose message it is, or never will."""


class Inbox(Struct, frozen=True):
    """Where receipts come in: each is applied to the sending that it is of, or kept until that is known."""

    notifications: Notifications
    receipts: Receipts
    policy: NotificationPolicy
    metrics: Metrics

    def deal_with(self, receipt: SmsStatus) -> None:
        """Apply a receipt, or park it until its sending is known; Reject ``ORPHAN_RECEIPT`` too old a one."""
        sending = self._sending(receipt)
        if sending is not None and self._apply(receipt, sending):
            return
        if _age_s(receipt) > ORPHANED_AFTER_S and not self._is_known(sending):
            self.metrics.count("OrphanReceipts")
            raise Reject("ORPHAN_RECEIPT", "nobody knows whose message it is")
        self.receipts.park(receipt)
        sending = self._sending(receipt)  # the sender may have been at it meanwhile, and not seen it parked
        if sending is not None:
            self._apply(receipt, sending)

    def _sending(self, receipt: SmsStatus) -> tuple[str, int] | None:
        """Return notification id and epoch: by our own name for the sending, else by the pointer."""
        ours = sending_of(receipt.client_message_id or "")
        if ours is not None:
            return ours
        pointer = self.receipts.pointer(receipt.message_id)
        return None if pointer is None else sending_of(pointer.client_message_id)

    def _apply(self, receipt: SmsStatus, sending: tuple[str, int]) -> bool:
        moves = Moves(self.policy, now=clock.now(), by=Writer.RECEIPTS)
        return apply_receipt(
            receipt, sending, notifications=self.notifications, moves=moves, metrics=self.metrics
        )

    def _is_known(self, sending: tuple[str, int] | None) -> bool:
        return sending is not None and self.notifications.find(sending[0]) is not None


def _age_s(receipt: SmsStatus) -> float:
    return clock.now() - reported_at(receipt)
