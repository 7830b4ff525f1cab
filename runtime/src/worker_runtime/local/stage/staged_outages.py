"""How the surroundings of a stage's workers fail, or take their time: AWS, outside services, Redis.

Each of it lasts for a number of calls or connections, which the seed decides; ``accidents`` decides when
it begins.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from worker_runtime.local.stage.lineage.happenings import Struck
from worker_runtime.local.stage.lineage.journal import NO_JOURNAL
from worker_runtime.local.stage.polling.stage_time import machine_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.gateway import Gateway
    from worker_runtime.local.stage.lineage.happenings import AccidentKind
    from worker_runtime.local.stage.lineage.journal import Journal
    from worker_runtime.local.stage.parts.redis_server import RedisServer
    from worker_runtime.local.stage.parts.stand_in import StandIn

    Happening = Callable[[], None]

_FAILED_CALLS: Final = (4, 12)
_REFUSED_CONNECTIONS: Final = (3, 8)
_SLOW_CALLS: Final = (3, 8)
_SLOW_S: Final = (0.5, 3.0)  # of the stage's time
_REDIS_SLOW_S: Final = 0.2  # of the machine's, at most: Redis keeps no other

_AWS_ERRORS: Final = (("ServiceUnavailable", 503), ("InternalServerError", 500))
_SERVICE_ERRORS: Final = (500, 502, 503)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragile:
    """All around the workers that can fail."""

    gateway: Gateway
    stand_ins: Mapping[str, StandIn]
    redis: RedisServer | None
    clock: Clock
    journal: Journal = NO_JOURNAL

    def outages(self, *, seed: int) -> list[Happening]:
        """List one outage of each kind, in the order in which they are to come."""
        chance = random.Random(seed)
        code, status = chance.choice(_AWS_ERRORS)
        outages: list[tuple[str, Happening]] = [
            (
                "AWS",
                partial(self.gateway.fail_next, chance.randint(*_FAILED_CALLS), code=code, status=status),
            ),
            ("AWS", partial(self.gateway.hang_up, chance.randint(*_REFUSED_CONNECTIONS))),
        ]
        for name, service in self.stand_ins.items():
            failed, unheard = chance.randint(*_FAILED_CALLS), chance.randint(*_REFUSED_CONNECTIONS)
            status = chance.choice(_SERVICE_ERRORS)
            outages += [
                (name, partial(service.fail_next, failed, status=status)),
                (name, partial(service.hang_up_next, unheard)),
            ]
        if self.redis is not None:
            outages += [("Redis", partial(_restart, self.redis)), ("Redis", self.redis.hang_up)]
        return self._in_any_order(outages, "outage", chance)

    def slowness(self, *, seed: int) -> list[Happening]:
        """List one time of slow answers of each, in the order in which they are to come."""
        chance = random.Random(f"{seed} latency")
        wait = partial(self.clock.sleep, chance.uniform(*_SLOW_S))
        slow: list[tuple[str, Happening]] = [
            ("AWS", partial(self.gateway.slow_next, chance.randint(*_SLOW_CALLS), wait=wait)),
            *(
                (
                    name,
                    partial(
                        service.slow_next,
                        chance.randint(*_SLOW_CALLS),
                        latency_s=chance.uniform(*_SLOW_S),
                    ),
                )
                for name, service in self.stand_ins.items()
            ),
        ]
        if self.redis is not None:
            for_s = min(machine_seconds(self.clock, chance.uniform(*_SLOW_S)), _REDIS_SLOW_S)
            slow.append(("Redis", partial(self.redis.pause, for_s=for_s)))
        return self._in_any_order(slow, "latency", chance)

    def _in_any_order(
        self, happenings: list[tuple[str, Happening]], kind: AccidentKind, chance: random.Random
    ) -> list[Happening]:
        chance.shuffle(happenings)
        return [partial(self._strike, kind, place, happening) for place, happening in happenings]

    def _strike(self, kind: AccidentKind, place: str, happening: Happening) -> None:
        self.journal.note(Struck(kind, place=place))
        happening()


def _restart(redis: RedisServer) -> None:
    redis.kill()
    redis.start()
