"""A sale's fans and the notification that each has, some at a time; never all of them in memory."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from worker_runtime import concurrently
from workers_dmnd.keys import SHARDS, notification_keys
from workers_dmnd.new_notification import Announcement, notification_id
from workers_dmnd.policy import instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from worker_runtime.clients.dynamodb import Table
    from workers_dmnd.models import Demand, Sale
    from workers_dmnd.services import Recipients

GETS_A_CALL: Final = 100  # BatchGetItem
AT_ONCE: Final = 8


class Fan(NamedTuple):
    """A fan of a sale: whether they are to be told, whatever the campaign's audience, and what there is."""

    demand: Demand
    is_recipient: bool
    notification_id: str
    item: Mapping[str, Any] | None


class Fans:
    """Goes through a sale's fans, with the notification that the generator makes, or would make, for each."""

    def __init__(self, table: Table, recipients: Recipients) -> None:
        self._table = table
        self._recipients = recipients

    def of(self, sale: Sale) -> Iterator[list[Fan]]:
        """Yield the fans of a sale, hundreds at a time; what the indexes do not tell yet is left out."""
        announcement = Announcement(
            event_id=sale.event_id,
            sale_id=sale.sale_id,
            template_id=sale.template_id,
            vars={},
            notify_at=instant(sale.notify_at),
        )
        shards = (self._recipients.of(sale.sale_id, shard=shard, after=None) for shard in range(SHARDS))
        ours = (fan for fan in chain.from_iterable(shards) if fan.event_id == sale.event_id)
        while demands := list(islice(ours, GETS_A_CALL * AT_ONCE)):
            ids = [notification_id(announcement, demand.user_id) for demand in demands]
            items = self._items(ids)
            yield [
                Fan(demand, announcement.is_for(demand), made, item)
                for demand, made, item in zip(demands, ids, items, strict=True)
            ]

    def _items(self, ids: Sequence[str]) -> list[dict[str, Any] | None]:
        parts = [ids[start : start + GETS_A_CALL] for start in range(0, len(ids), GETS_A_CALL)]
        found: list[dict[str, Any] | None] = []
        for outcome in concurrently(self._part, parts, at_once=AT_ONCE):
            if isinstance(outcome, Exception):
                raise outcome
            found += outcome
        return found

    def _part(self, ids: Sequence[str]) -> list[dict[str, Any] | None]:
        return self._table.batch_get([notification_keys(each) for each in ids])
