"""What a notification is about, as it is now, and whether its fan is still to be told of it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from workers_dmnd.models import Demand, Event, Sale

if TYPE_CHECKING:
    from workers_dmnd.models import Notification
    from workers_dmnd.services import Demands, Events, Sales


class Occasion(Struct, frozen=True):
    """An event; where fans are told of a sale, that sale too, and what one of them wants of it."""

    event: Event | None
    sale: Sale | None = None
    demand: Demand | None = None

    def why_never(self) -> str | None:
        """Say why nobody is to be told any more; None where the fan is."""
        if self.event is None:
            return "the event is gone"
        if self.event.is_suppressed:
            return "the event is suppressed"
        if self.event.is_cancelled:
            return "the event is cancelled"
        if self.sale is not None and self.sale.is_cancelled:
            return "the sale is cancelled"
        if self.demand is not None and self.demand.opt_out:
            return "the fan has opted out"
        return None


class Occasions:
    """Finds what notifications are about; events and sales are read about once each."""

    def __init__(self, events: Events, sales: Sales, demands: Demands) -> None:
        self._event = cache(events.find)
        self._sale = cache(sales.find)
        self._demands = demands

    def of(self, notification: Notification) -> Occasion:
        """Find what one notification is about."""
        event_id, sale_id = notification.event_id, notification.sale_id
        event = self._event(event_id)
        if not sale_id:
            return Occasion(event)
        demand = self._demands.find(notification.user_id, event_id=event_id, sale_id=sale_id)
        return Occasion(event, self._sale(event_id, sale_id), demand)
