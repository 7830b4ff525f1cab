"""What becomes of a notification whose time has come: it is released, held, suppressed or too late."""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Final

from workers_dmnd import transitions as rows
from workers_dmnd.policy import TRANSACTIONAL, instant

if TYPE_CHECKING:
    from workers_dmnd.models import Demand, Event, Notification, Sale
    from workers_dmnd.moves import Move, Moves
    from workers_dmnd.services import Demands, Events, Notifications, Sales

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


def fate(
    notification: Notification, *, event: Event | None, sale: Sale | None, demand: Demand | None, moves: Moves
) -> Move:
    """Say what becomes of a waiting notification that is not too late: 3 to 5 of ``transitions``."""
    reason = why_never(event=event, sale=sale, demand=demand)
    if reason is not None:
        return moves.suppress(notification, reason=reason)
    zone = None if event is None else event.timezone
    opens_at = moves.policy.opens_at(moves.now, timezone=zone)
    if opens_at is not None and notification.type != TRANSACTIONAL:
        return moves.hold(notification, until=opens_at)
    return moves.release(notification)


def why_never(*, event: Event | None, sale: Sale | None, demand: Demand | None) -> str | None:
    """Say why nobody is to be told any more; None where the fan is."""
    if event is None:
        return "the event is gone"
    if event.is_suppressed:
        return "the event is suppressed"
    if event.is_cancelled:
        return "the event is cancelled"
    if sale is not None and sale.is_cancelled:
        return "the sale is cancelled"
    if demand is not None and demand.opt_out:
        return "the fan has opted out"
    return None


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
    """Deals with waiting notifications in one tick, which reads events and sales about once each."""

    def __init__(  # noqa: PLR0913 - what a fate depends on, and how it is brought about
        self,
        notifications: Notifications,
        events: Events,
        sales: Sales,
        demands: Demands,
        *,
        moves: Moves,
        turns: Turns,
    ) -> None:
        self._notifications = notifications
        self._event = cache(events.find)
        self._sale = cache(sales.find)
        self._demands = demands
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
        event_id, sale_id = notification.event_id, notification.sale_id
        return fate(
            notification,
            event=self._event(event_id),
            sale=self._sale(event_id, sale_id) if sale_id else None,
            demand=self._demands.find(notification.user_id, event_id=event_id, sale_id=sale_id)
            if sale_id
            else None,
            moves=self._moves,
        )
