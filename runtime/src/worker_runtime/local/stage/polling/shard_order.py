"""Which shards are polled and when: a shard that continues others waits for their end.

The rule alone, so that records of one partition key keep their order through splits and merges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker_runtime.local.stage.polling.feeds import HORIZON, LATEST

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from worker_runtime.local.stage.polling.feeds import Position, ShardInfo
    from worker_runtime.sources.streams import Start


def beginnings(
    listed: Sequence[ShardInfo], *, start: Start, checkpoint: Callable[[str], Position | None]
) -> dict[str, Position | None]:
    """Say where each shard begins when a poller starts; None where it waits for those before it.

    What was closed before a poller of the latest records came is left out.
    """
    begun: dict[str, Position | None] = {}
    for shard in listed:
        if (kept := checkpoint(shard.id)) is not None:
            begun[shard.id] = kept
        elif any(parent in begun for parent in shard.parents):
            begun[shard.id] = None
        elif start == "TRIM_HORIZON" or any(checkpoint(parent) is not None for parent in shard.parents):
            begun[shard.id] = HORIZON
        elif shard.is_open:
            begun[shard.id] = LATEST
    return begun


def ready(
    listed: Sequence[ShardInfo],
    *,
    polled: Collection[str],
    ended: Collection[str],
    passed_over: Collection[str],
) -> list[str]:
    """Name the shards whose turn has come: none of those that they continue is still to be worked off."""
    waiting = {shard.id for shard in listed}.difference(polled, passed_over)
    unfinished = waiting.union(polled).difference(ended)
    return [shard.id for shard in listed if shard.id in waiting and unfinished.isdisjoint(shard.parents)]
