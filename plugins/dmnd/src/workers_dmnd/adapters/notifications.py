"""Notifications in the demand table: each move is one conditional write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker_runtime import clock, correlation_id
from worker_runtime.clients.dynamodb import Put, Update
from workers_dmnd.adapters.conditions import condition_of
from workers_dmnd.adapters.stored import stored
from workers_dmnd.items import pointer_item
from workers_dmnd.keys import notification_keys
from workers_dmnd.models import Notification

if TYPE_CHECKING:
    from worker_runtime.clients.dynamodb import Table
    from workers_dmnd.models import Pointer
    from workers_dmnd.moves import Move


class NotificationsTable:
    """Serves ``Notifications``: reads are consistent, a move is made where all its guards hold."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, notification_id: str) -> Notification | None:
        """Return the notification as it is now; an item that is none is Reject ``BAD_NOTIFICATION``."""
        item = self._table.get(notification_keys(notification_id), consistent=True)
        return stored(item, Notification, code="BAD_NOTIFICATION")

    def make(self, notification_id: str, move: Move) -> bool:
        """Make a move; False where a guard failed and nothing was written.

        False may also mean one's own first try, where its answer was lost.
        """
        return self._table.update(notification_keys(notification_id), **_parts(move))

    def make_known(self, notification_id: str, move: Move, pointer: Pointer) -> bool:
        """Make a move and put the pointer, both or neither; False where a guard failed."""
        known = pointer_item(pointer, now=clock.now(), correlation_id=correlation_id())
        return self._table.transact([Update(notification_keys(notification_id), **_parts(move)), Put(known)])


def _parts(move: Move) -> dict[str, Any]:
    """Return the parts of the one update that a move is."""
    condition, values = condition_of(move.guards)
    return {
        "set": move.sets,
        "add": {"version": 1},
        "remove": move.removes,
        "condition": condition,
        "values": values,
    }
