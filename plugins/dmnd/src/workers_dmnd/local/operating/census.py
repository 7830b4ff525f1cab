"""Sales and how many of their notifications are in which status."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from workers_dmnd.local.operating.accounts import spelled
from workers_dmnd.models import Generation, plain_item

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workers_dmnd.local.operating.fans import Fan
    from workers_dmnd.models import Sale

SCANNED: Final = ("type", "eventId", "saleId", "name", "notifyAt", "status", "generation")
"""What a census of the whole table reads of an item."""
SCANNED_TYPES: Final = ("sale", "notification", "notification:asu")


class Census(Struct, frozen=True, rename="camel", kw_only=True):
    """One sale's numbers; ``sale_id`` None stands for notifications of an event that are of no sale.

    Of ``recipients`` it is known only where the sale's fans were gone through: those who want to be told
    and can be reached. ``missing`` are those without a notification.
    """

    event_id: str
    sale_id: str | None
    name: str | None = None
    status: str | None = None
    notify_at: str | None = None
    generation: dict[str, Any] | None = None
    fans: int | None = None
    recipients: int | None = None
    missing: int | None = None
    notifications: dict[str, int]


def census_of(sale: Sale, fans: Iterable[Sequence[Fan]]) -> Census:
    """Count one sale's notifications, fan by fan."""
    statuses: Counter[str] = Counter()
    total = recipients = missing = 0
    for some in fans:
        total += len(some)
        recipients += sum(fan.is_recipient for fan in some)
        missing += sum(fan.is_recipient and fan.item is None for fan in some)
        statuses.update(_status(fan.item) for fan in some if fan.item is not None)
    return Census(
        event_id=sale.event_id,
        sale_id=sale.sale_id,
        name=sale.name,
        status=sale.status.id,
        notify_at=sale.notify_at,
        generation=plain_item(sale.generation),
        fans=total,
        recipients=recipients,
        missing=missing,
        notifications=dict(statuses),
    )


class WholeTable:
    """Counts the items of a table's scan."""

    def __init__(self) -> None:
        self._sales: dict[tuple[str, str | None], Mapping[str, Any]] = {}
        self._statuses: dict[tuple[str, str | None], Counter[str]] = {}

    def see(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Count some items."""
        for item in items:
            place = (str(item.get("eventId")), item.get("saleId"))
            if item["type"] == "sale":
                self._sales[place] = item
            else:
                self._statuses.setdefault(place, Counter())[_status(item)] += 1

    def censuses(self) -> list[Census]:
        """Return what was counted, by event and sale; also of sales that are there no more."""
        places = sorted({*self._sales, *self._statuses}, key=lambda place: (place[0], place[1] or ""))
        return [self._census(*place) for place in places]

    def _census(self, event_id: str, sale_id: str | None) -> Census:
        sale = self._sales.get((event_id, sale_id), {})
        said = sale.get("status")
        generation = sale.get("generation") if sale else None
        return Census(
            event_id=event_id,
            sale_id=sale_id,
            name=sale.get("name"),
            status=said.get("id") if isinstance(said, dict) else None,
            notify_at=sale.get("notifyAt"),
            generation=generation or (plain_item(Generation()) if sale else None),
            notifications=dict(self._statuses.get((event_id, sale_id), {})),
        )


def _status(item: Mapping[str, Any]) -> str:
    said = item.get("status")
    return spelled(said) if isinstance(said, dict) else "?"
