"""Which notifications want something done, from the sharded index of due work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from workers_dmnd.items import notification_id_of
from workers_dmnd.keys import SHARDS, due_shard, lease_shard
from workers_dmnd.rules import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.clients.dynamodb import Table

DUE: Final = "GSI1PK = :shard AND GSI1SK <= :until"


class DueWorkIndex:
    """Serves ``DueWork``; what the index says may be late."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def waiting(self, shard: int, *, until: float) -> Iterator[str]:
        """Yield the ids of a shard's notifications whose time to be released has come, in that order."""
        return self._ids(due_shard(shard), until=until)

    def overdue(self, shard: int, *, until: float) -> Iterator[str]:
        """Yield the ids of a shard's notifications that somebody should have dealt with by now."""
        return self._ids(lease_shard(shard), until=until)

    def count_waiting(self, *, until: float) -> int:
        """Count all notifications whose time to be released has come."""
        return sum(
            self._table.count(DUE, values=_asked(due_shard(shard), until=until), index="GSI1")
            for shard in range(SHARDS)
        )

    def _ids(self, partition: str, *, until: float) -> Iterator[str]:
        found = self._table.query(DUE, values=_asked(partition, until=until), index="GSI1")
        return map(notification_id_of, found)


def _asked(partition: str, *, until: float) -> dict[str, Any]:
    return {"shard": partition, "until": timestamp(until)}
