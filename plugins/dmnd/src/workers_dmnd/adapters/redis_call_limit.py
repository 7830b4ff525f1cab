"""The calls to Bitly that all workers make, counted in Redis by the minute."""

from __future__ import annotations

from math import ceil
from threading import Lock
from typing import TYPE_CHECKING, Final

from worker_runtime import clock
from workers_dmnd.rules import MINUTE_S, minute_end, minute_of, wait_for_turn_s

if TYPE_CHECKING:
    from redis import Redis as Connection

    from worker_runtime.clients.redis import Redis

BLOCK: Final = "rl:bitly:block"
COUNT_KEPT_S: Final = 2 * MINUTE_S
SHARE_ALONE: Final = 10  # without Redis each process takes a tenth, so ten may run


class RedisCallLimit:
    """Serves ``CallLimit``; while Redis is down each process counts for itself.

    A block is kept as the time at which it ends (epoch seconds of the workers' clock); its expiry in
    Redis only cleans up, since on a stage a minute may pass in seconds.
    """

    def __init__(self, redis: Redis, *, per_minute: int) -> None:
        self._redis = redis
        self._per_minute = per_minute
        self._lock = Lock()
        self._asked_here = (0, 0)  # in which minute, how often
        self._blocked_here = 0.0

    def take(self) -> float:
        """Take a call of this minute and return 0, or else the seconds after which to ask again."""
        now = clock.now()
        per_minute = self._per_minute
        asked, blocked_until = self._redis.write(lambda redis: _ask(redis, now), default=(0, 0.0))
        if not asked:
            per_minute = max(per_minute // SHARE_ALONE, 1)
            asked = self._ask_here(now)
        blocked_until = max(blocked_until, self._blocked_here)
        if asked == per_minute + 1 and blocked_until <= now:
            self._tell_all(minute_end(now))
        return wait_for_turn_s(asked, per_minute=per_minute, now=now, blocked_until=blocked_until)

    def block(self, *, for_s: float) -> None:
        """Allow no call for some seconds."""
        self._blocked_here = clock.now() + for_s  # should Redis not hear of it
        self._tell_all(self._blocked_here)

    def _tell_all(self, until: float) -> None:
        expires_s = max(ceil(until - clock.now()), 1)
        self._redis.write(lambda redis: redis.set(BLOCK, until, ex=expires_s), default=None)

    def _ask_here(self, now: float) -> int:
        with self._lock:
            minute, asked = self._asked_here
            asked = asked + 1 if minute == minute_of(now) else 1
            self._asked_here = (minute_of(now), asked)
            return asked


def _ask(redis: Connection, now: float) -> tuple[int, float]:
    """Count a caller; return how many asked in this minute, and until when all are blocked."""
    key = f"rl:bitly:{minute_of(now)}"
    together = redis.pipeline()  # one transaction: the last caller must not meet the block of the next
    together.incr(key)
    together.expire(key, COUNT_KEPT_S)
    together.get(BLOCK)
    asked, _, blocked_until = together.execute()
    return int(asked), float(blocked_until or 0)
