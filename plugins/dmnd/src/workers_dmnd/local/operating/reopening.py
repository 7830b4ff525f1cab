"""Failed notifications sent once more because a person says so: 16 of ``transitions``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct

from worker_runtime import Halt, Verdict
from workers_dmnd.models import Status

if TYPE_CHECKING:
    from workers_dmnd.models import Notification
    from workers_dmnd.moves import Moves
    from workers_dmnd.occasions import Occasions
    from workers_dmnd.services import Notifications

RETRIED: Final = "retried"
RETRIABLE: Final = "retriable"
LEFT: Final = "left"


class Retried(Struct, frozen=True, rename="camel"):
    """What became of one notification, or would (``retriable``), and ``why`` where it is left as it is."""

    notification_id: str
    result: Literal["retried", "retriable", "left"]
    why: str | None = None


class Reopening:
    """Reopens notifications one by one."""

    def __init__(
        self, notifications: Notifications, occasions: Occasions, *, moves: Moves, reason: str
    ) -> None:
        self._notifications = notifications
        self._occasions = occasions
        self._moves = moves
        self._reason = reason

    def reopen(self, notification_id: str, *, dry_run: bool) -> Retried:
        """Have a failed notification sent again, unless it is not failed or nobody is to be told any more.

        What its item or the table has against it leaves it as it is; only a Halt is raised.
        """
        try:
            why = self._reopened(notification_id, dry_run=dry_run)
        except Halt:
            raise
        except (Verdict, ValueError) as error:
            why = str(error)
        if why is not None:
            return Retried(notification_id, LEFT, why)
        return Retried(notification_id, RETRIABLE if dry_run else RETRIED)

    def _reopened(self, notification_id: str, *, dry_run: bool) -> str | None:
        """Reopen it and return None, or say why not."""
        found = self._notifications.find(notification_id)
        if found is None:
            return "there is no such notification"
        why_not = _why_not(found) or self._occasions.of(found).why_never()
        if why_not or dry_run:
            return why_not
        if self._notifications.make(notification_id, self._moves.reopen(found, reason=self._reason)):
            return None
        now = self._notifications.find(notification_id)
        if now is not None and now.epoch == found.epoch + 1:
            return None  # only 16 leads there, it may be our own first try
        return "it is gone" if now is None else f"meanwhile it is {now.status.id}"


def _why_not(found: Notification) -> str | None:
    return None if found.status.id is Status.FAILED else f"it is {found.status.id}, not FAILED"
