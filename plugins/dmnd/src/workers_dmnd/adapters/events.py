"""Events in the demand table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker_runtime import clock
from workers_dmnd.adapters.stored import stored
from workers_dmnd.keys import event_keys
from workers_dmnd.models import Event
from workers_dmnd.rules import timestamp

if TYPE_CHECKING:
    from worker_runtime.clients.dynamodb import Table

STILL_WANTED: Final = (
    "(attribute_not_exists(shortUrl) OR attribute_type(shortUrl, :null))"  # null is no link either
    " AND isSuppressed = :suppressed AND #url = :url"
)


class EventsTable:
    """Serves ``Events``: reads are consistent, a link is written only where it still belongs."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, event_id: str) -> Event | None:
        """Return the event as it is now; an item that is no event is Reject ``BAD_EVENT``."""
        return stored(self._table.get(event_keys(event_id), consistent=True), Event, code="BAD_EVENT")

    def save_short_url(self, event: Event, short_url: str) -> bool:
        """Save the link; False where the event has one, is suppressed or has another URL by now."""
        now = timestamp(clock.now())
        return self._table.update(
            event_keys(event.id),
            set={"shortUrl": short_url, "shortUrlAt": now, "updatedAt": now},
            add={"version": 1},
            condition=STILL_WANTED,
            values={"null": "NULL", "suppressed": False, "url": event.url},
        )
