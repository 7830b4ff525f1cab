"""What becomes of a notification that somebody should have dealt with by now: it goes on, or is too late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from workers_dmnd import transitions as rows
from workers_dmnd.moves import Moves
from workers_dmnd.policy import instant
from workers_dmnd.services import Notifications

if TYPE_CHECKING:
    from workers_dmnd.models import Notification
    from workers_dmnd.moves import Move

RECOVERED: Final = "StuckRecovered"
EXPIRED: Final = "Expired"


def next_step(notification: Notification, *, moves: Moves) -> Move | None:
    """Say how a notification goes on: 6, 11 or 11a of ``transitions``; None where nobody is late."""
    if notification.status.id is rows.SENDING:
        until = notification.lease_until
        is_dead = until is not None and instant(until) < moves.now
        return moves.resume(notification) if is_dead else None
    if notification.status.id not in rows.NUDGE.sources:
        return None
    if moves.is_expired(notification):
        return moves.expire(notification)
    return moves.nudge(notification) if _is_unclaimed(notification, moves=moves) else None


def _is_unclaimed(notification: Notification, *, moves: Moves) -> bool:
    """Say whether its time to be claimed is over: the index may not know yet that it was written again."""
    since = notification.status.at
    return since is None or instant(since) + moves.policy.unclaimed_seconds <= moves.now


class Sweep(Struct, frozen=True):
    """Deals with overdue notifications in one tick."""

    notifications: Notifications
    moves: Moves

    def deal_with(self, notification_id: str) -> str | None:
        """Have a notification go on, and name what was done; None where there is nothing to do."""
        notification = self.notifications.find(notification_id)
        move = None if notification is None else next_step(notification, moves=self.moves)
        if move is None or not self.notifications.make(notification_id, move):
            return None
        return EXPIRED if move.transition is rows.EXPIRE else RECOVERED
