"""One of many callers makes what all of them miss in a cache; the others wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeVar
from uuid import uuid4

from worker_runtime import clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis import Redis as Connection

    from worker_runtime.clients.redis import Redis

T = TypeVar("T")
Turn = Literal["ours", "another's", "nobody's"]

LOOKS_EVERY_S: Final = 0.05
RELEASE: Final = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('del', KEYS[1]) or 0"
"""Deletes a lock that is still ours: it may have expired and be another's by now."""


class SingleFlight:
    """A lock in Redis beside what is cached there; without Redis everybody makes their own.

    Whoever waits does so for ``waits_s`` at most, of the workers' clock: then they make their own
    too. ``held_ms`` is of the machine's time; a holder that died blocks nobody for longer.
    """

    def __init__(self, redis: Redis, *, held_ms: int = 7_000, waits_s: float = 1.5) -> None:
        self._redis = redis
        self._held_ms = held_ms
        self._waits_s = waits_s

    def share(self, lock: str, *, seen: Callable[[], T | None], make: Callable[[], T]) -> T:
        """Return what ``seen`` finds once somebody has made it, or what ``make`` returns here.

        ``make`` has to put it where ``seen`` looks. What it raises is its caller's alone: the next one
        makes it anew.
        """
        token = uuid4().hex
        ends_at = clock.now() + self._waits_s
        while True:
            turn = self._ask(lock, token)
            try:
                if turn != "nobody's" and (found := seen()) is not None:  # even in our turn: made just before
                    return found
                if turn != "another's" or clock.now() >= ends_at:
                    return make()
            finally:
                if turn == "ours":
                    self._release(lock, token)
            clock.sleep(LOOKS_EVERY_S)

    def _ask(self, lock: str, token: str) -> Turn:
        """Take the lock, if it is free."""

        def ask(redis: Connection) -> Turn:
            return "ours" if redis.set(lock, token, nx=True, px=self._held_ms) else "another's"

        return self._redis.write(ask, default="nobody's")

    def _release(self, lock: str, token: str) -> None:
        self._redis.write(lambda redis: redis.eval(RELEASE, 1, lock, token), default=None)
