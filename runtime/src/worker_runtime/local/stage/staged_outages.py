"""How the surroundings of a stage's workers fail: AWS for some calls or all at once, services, Redis."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING

from worker_runtime.local.stage.lineage.happenings import Struck
from worker_runtime.local.stage.lineage.journal import NO_JOURNAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker_runtime.local.stage.gateway import Gateway
    from worker_runtime.local.stage.lineage.journal import Journal
    from worker_runtime.local.stage.parts.redis_server import RedisServer
    from worker_runtime.local.stage.parts.stand_in import StandIn

_FAILED_CALLS = (4, 12)
_REFUSED_CONNECTIONS = (3, 8)


def outages_of(
    *,
    gateway: Gateway,
    stand_ins: Mapping[str, StandIn],
    redis: RedisServer | None,
    seed: int,
    journal: Journal = NO_JOURNAL,
) -> list[Callable[[], None]]:
    """List one outage of each kind; how long they last is decided by the seed."""
    chance = random.Random(seed)
    outages: list[tuple[str, Callable[[], None]]] = [
        ("AWS", partial(gateway.fail_next, chance.randint(*_FAILED_CALLS))),
        *(
            (name, partial(each.fail_next, chance.randint(*_FAILED_CALLS)))
            for name, each in stand_ins.items()
        ),
        *([] if redis is None else [("Redis", partial(_restart, redis))]),
        ("AWS", partial(gateway.hang_up, chance.randint(*_REFUSED_CONNECTIONS))),
    ]
    chance.shuffle(outages)
    return [partial(_noted, outage, place, journal) for place, outage in outages]


def _noted(outage: Callable[[], None], place: str, journal: Journal) -> None:
    journal.note(Struck("outage", place=place))
    outage()


def _restart(redis: RedisServer) -> None:
    redis.kill()
    redis.start()
