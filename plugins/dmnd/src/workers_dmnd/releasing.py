"""What becomes of a notification whose time has come: it is released, held, suppressed or too late."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

from workers_dmnd import transitions as rows
from workers_dmnd.policy import TRANSACTIONAL, instant

if TYPE_CHECKING:
    from workers_dmnd.models import Notification
    from workers_dmnd.moves import Move, Moves
    from workers_dmnd.occasions import Occasion, Occasions
    from workers_dmnd.services import Notifications

RELEASED, HELD, SUPPRESSED, EXPIRED = "Released", "Held", "Suppressed", "Expired"
DID: Final = {
    rows.RELEASE: RELEASED,
    rows.RELEASE_AGAIN: RELEASED,
    rows.HOLD: HELD,
    rows.SUPPRESS: SUPPRESSED,
    rows.EXPIRE: EXPIRED,
}


def is_waiting(notification: Notification | None, *, now: float) -> bool:
    """Say whether it is so as the index says, which may be late."""
    return (
        notification is not None
        and notification.status.id is rows.PENDING
        and instant(notification.send_at) <= now
    )


def fate(notification: Notification, *, occasion: Occasion, moves: Moves) -> Move:
    """Say what becomes of a waiting notification that is not too late: 3 to 5 of ``transitions``."""
    reason = occasion.why_never()
    if reason is not None:
        return moves.suppress(notification, reason=reason)
    zone = None if occasion.event is None else occasion.event.timezone
    opens_at = moves.policy.opens_at(moves.now, timezone=zone)
    if opens_at is not None and notification.type != TRANSACTIONAL:
        return moves.hold(notification, until=opens_at)
    return moves.release(notification)


class Turns:
    """How many notifications a tick may release, whichever of its threads does it."""

    def __init__(self, turns: int) -> None:
        self._left = turns
        self._lock = Lock()
        self.were_refused = False

    def take(self) -> bool:
        """Take a turn; False where none is left."""
        with self._lock:
            if self._left == 0:
                self.were_refused = True
                return False
            self._left -= 1
            return True

    def give_back(self) -> None:
        """Let somebody else have a turn that released nothing."""
        with self._lock:
            self._left += 1


class Releasing:
    """Deals with waiting notifications in one tick."""

    def __init__(
        self, notifications: Notifications, occasions: Occasions, *, moves: Moves, turns: Turns
    ) -> None:
        self._notifications = notifications
        self._occasions = occasions
        self._moves = moves
        self._turns = turns

    def deal_with(self, notification_id: str) -> str | None:
        """Do what is to be done to a notification and name it; None where there is nothing to do."""
        notification = self._notifications.find(notification_id)
        if notification is None or not is_waiting(notification, now=self._moves.now):
            return None
        move = self._fate(notification)
        is_release = DID[move.transition] == RELEASED
        if is_release and not self._turns.take():
            return None
        if self._notifications.make(notification_id, move):
            return DID[move.transition]
        if is_release:
            self._turns.give_back()
        return None

    def _fate(self, notification: Notification) -> Move:
        """Say what becomes of it; one that is too late ends so, even where nobody can read what it is of."""
        if self._moves.is_expired(notification):
            return self._moves.expire(notification)
        return fate(notification, occasion=self._occasions.of(notification), moves=self._moves)
