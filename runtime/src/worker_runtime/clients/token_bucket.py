"""A rate that all workers together keep to: tokens in Redis, in each process alone while Redis is down.

A take reserves its token, now or at the time when there will be one, so that waiting asks Redis once
and whoever came first goes first.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from worker_runtime import clock
from worker_runtime.clients.time_left import left_s

if TYPE_CHECKING:
    from worker_runtime.clients.redis import Redis

IDLE_S: Final = 10.0  # of the machine's time; a bucket is forgotten then, but never before it is full
SHARE: Final = 0.1  # of the rate, for a process that is on its own
RESERVE_S: Final = 0.25  # of the invocation, kept for its reply

SCRIPT: Final = """
local now, rate, burst, longest, idle_ms, speed = unpack(ARGV)
now, rate, burst, longest = tonumber(now), tonumber(rate), tonumber(burst), tonumber(longest)
local time = redis.call('TIME')
local here = time[1] + time[2] / 1000000
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'here')
local tokens, at = tonumber(kept[1]) or burst, tonumber(kept[2]) or now
if now < at then
    now = at + math.max(here - (tonumber(kept[3]) or here), 0) * speed
end
tokens = math.min(burst, tokens + (now - at) * rate)
local wait = 0
if tokens < 1 then
    wait = (1 - tokens) / rate
end
if wait <= longest then
    tokens = tokens - 1
end
local function text(number)
    return string.format('%.17g', number)
end
redis.call('HSET', KEYS[1], 'tokens', text(tokens), 'at', text(now), 'here', text(here))
redis.call('PEXPIRE', KEYS[1], idle_ms)
return text(wait)
"""
"""As ``_Bucket.reserve``, for clocks that differ: whoever is behind takes the bucket's time, and what Redis
says has passed since. Else only the clock that is ahead would bring tokens, and take them all itself.
%.17g because Lua's own text of a number loses tenths of a millisecond.
"""


class TokenBucket:
    """At most ``burst + rate_per_s * t`` takes in any ``t`` seconds, by whoever shares Redis and key.

    Time is the workers' clock, told by the callers; in the bucket it never goes back, so a clock
    that is behind gains nothing and loses nothing. While Redis is down each process takes a tenth by itself.
    """

    def __init__(self, redis: Redis, key: str, *, rate_per_s: float, burst: float) -> None:
        if rate_per_s <= 0 or burst < 1:
            raise ValueError(f"{key} would never give a token; say rate_per_s above 0 and burst=1 or more.")
        self._redis = redis
        self._key = key
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._own = _Bucket(rate_per_s=rate_per_s * SHARE, burst=max(burst * SHARE, 1))

    def take(self, *, within_s: float) -> bool:
        """Take a token, waiting up to ``within_s`` for it; False where there is none in time.

        It never waits beyond the invocation's end.
        """
        speed = clock.current().speed
        longest_s = min(within_s, (left_s() - RESERVE_S) * speed)
        if longest_s < 0:
            return False
        wait_s = self._reserve(longest_s)
        if wait_s > longest_s:
            return False
        clock.sleep(wait_s)
        return True

    def _reserve(self, longest_s: float) -> float:
        """Reserve the next token where it is there in time; return how long it takes until it is."""
        now = clock.now()
        full_again_s = clock.machine_s(self._burst / self._rate_per_s + longest_s)
        idle_ms = int(max(IDLE_S, full_again_s) * 1000)
        asked = (now, self._rate_per_s, self._burst, longest_s, idle_ms, clock.current().speed)
        answer: str | None = self._redis.write(
            lambda redis: redis.register_script(SCRIPT)(keys=[self._key], args=asked), default=None
        )
        return self._own.reserve(now, longest_s) if answer is None else float(answer)


class _Bucket:
    """The tokens of one process."""

    def __init__(self, *, rate_per_s: float, burst: float) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._tokens = burst
        self._at = float("-inf")
        self._lock = threading.Lock()

    def reserve(self, now: float, longest_s: float) -> float:
        with self._lock:
            if now > self._at:
                self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate_per_s)
                self._at = now
            missing = 1 - self._tokens
            wait_s = missing / self._rate_per_s if missing > 0 else 0.0
            if wait_s <= longest_s:
                self._tokens -= 1
            return wait_s
