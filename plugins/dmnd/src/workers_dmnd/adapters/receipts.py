"""Messages of the SMS service in the demand table: whose they are, and receipts that came too early."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker_runtime import clock, correlation_id
from workers_dmnd.adapters.stored import stored
from workers_dmnd.items import parked_item, pointer_item
from workers_dmnd.keys import parked_keys, pointer_keys
from workers_dmnd.models import Pointer, SmsStatus

if TYPE_CHECKING:
    from worker_runtime.clients.dynamodb import Table

SAYS_LESS: Final = "attribute_not_exists(PK) OR #rank < :rank OR (#rank = :rank AND #at < :at)"


class ReceiptsTable:
    """Serves ``Receipts``: reads are consistent, since sender and consumer look for each other's words."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def pointer(self, message_id: str) -> Pointer | None:
        """Return whose message it is, as it is known now."""
        return stored(self._table.get(pointer_keys(message_id), consistent=True), Pointer, code="BAD_POINTER")

    def keep_pointer(self, pointer: Pointer) -> None:
        """Keep whose message it is."""
        self._table.put(pointer_item(pointer, now=clock.now(), correlation_id=correlation_id()))

    def park(self, receipt: SmsStatus) -> None:
        """Keep a receipt for a day, unless one that says more is kept."""
        item = parked_item(receipt, now=clock.now(), correlation_id=correlation_id())
        self._table.put(item, condition=SAYS_LESS, values={"rank": item["rank"], "at": item["at"]})

    def parked(self, message_id: str) -> SmsStatus | None:
        """Return the receipt that is kept of a message."""
        item = self._table.get(parked_keys(message_id), consistent=True)
        return stored(item, SmsStatus, code="BAD_RECEIPT")
