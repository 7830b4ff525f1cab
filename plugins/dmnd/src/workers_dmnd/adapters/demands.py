"""Single fans' demands in the demand table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers_dmnd.adapters.stored import stored
from workers_dmnd.keys import demand_keys
from workers_dmnd.models import Demand

if TYPE_CHECKING:
    from worker_runtime.clients.dynamodb import Table


class DemandsTable:
    """Serves ``Demands``: reads are consistent."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, user_id: str, *, event_id: str, sale_id: str) -> Demand | None:
        """Return the demand as it is now; an item that is no demand is Reject ``BAD_DEMAND``."""
        keys = demand_keys(user_id, event_id=event_id, sale_id=sale_id)
        return stored(self._table.get(keys, consistent=True), Demand, code="BAD_DEMAND")
