"""Who is to be told of a sale, from the collection of its fans."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from worker_runtime import Reject
from workers_dmnd.adapters.stored import stored
from workers_dmnd.keys import demand_index
from workers_dmnd.models import Demand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.clients.dynamodb import Table

log = logging.getLogger(__name__)


class RecipientsIndex:
    """Serves ``Recipients``; the index may be late, so a sale is gone through more than once."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def of(self, sale_id: str, *, shard: int, after: str | None) -> Iterator[Demand]:
        """Yield the demands of one shard by user id, from behind ``after``; pages are read as needed.

        An item that is no demand is left out with a warning: it is not to keep the sale's other fans.
        """
        place = demand_index("", sale_id=sale_id, shard=shard)
        asked = {"pk": place["GSI2PK"], "after": place["GSI2SK"] + (after or "")}
        for item in self._table.query("GSI2PK = :pk AND GSI2SK > :after", values=asked, index="GSI2"):
            try:
                demand = stored(item, Demand, code="BAD_DEMAND")
            except Reject as rejected:
                log.warning("%s of %s is left out: %s", item["SK"], item["PK"], rejected)
                continue
            if demand is not None:
                yield demand
