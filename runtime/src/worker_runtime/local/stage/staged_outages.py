"""How the surroundings of a stage's workers fail: AWS for some calls or all at once, services, Redis."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from worker_runtime.local.stage.gateway import Gateway
    from worker_runtime.local.stage.parts.redis_server import RedisServer
    from worker_runtime.local.stage.parts.stand_in import StandIn

_FAILED_CALLS = (4, 12)
_DOWN_S = 0.3  # of the machine's time


def outages_of(
    *, gateway: Gateway, stand_ins: Iterable[StandIn], redis: RedisServer | None, seed: int
) -> list[Callable[[], None]]:
    """List one outage of each kind; how long they last is decided by the seed."""
    chance = random.Random(seed)
    outages: list[Callable[[], None]] = [
        partial(gateway.fail_next, chance.randint(*_FAILED_CALLS)),
        *(partial(each.fail_next, chance.randint(*_FAILED_CALLS)) for each in stand_ins),
        *([] if redis is None else [partial(_restart, redis)]),
        partial(gateway.go_down, _DOWN_S),
    ]
    chance.shuffle(outages)
    return outages


def _restart(redis: RedisServer) -> None:
    redis.kill()
    redis.start()
