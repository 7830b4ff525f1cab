"""The clock of threads that take turns: it stands still while one runs and jumps where all wait."""

from __future__ import annotations

import time
from bisect import bisect_right
from typing import TYPE_CHECKING

from worker_runtime.clock import ScaledClock

if TYPE_CHECKING:
    from collections.abc import Callable

_MS = 0.001


class JumpingClock:
    """``Clock`` that is moved by ``jump`` alone; sleeping waits by ``wait``, which gets stage seconds.

    It remembers when it jumped: what the emulator stamps with the machine's milliseconds can be told
    on this clock.
    """

    def __init__(self, speed: float, *, origin: float, wait: Callable[[float], None]) -> None:
        self.speed = speed
        self.origin = origin
        self._at = origin
        self._wait = wait
        self._jumped_at = [0.0]  # the machine's time
        self._to = [origin]

    def __str__(self) -> str:
        """Word a clock for another process that shows this one's time and goes on from it."""
        return str(ScaledClock(self.speed, origin=self._at, began=time.time()))

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._at

    def sleep(self, seconds: float) -> None:
        """Wait ``seconds`` of this clock's time, which takes the machine none."""
        self._wait(max(seconds, 0))

    def jump(self, to: float) -> None:
        """Move on; never back."""
        if to <= self._at:
            return
        self._jumped_at.append(_next_millisecond())
        self._to.append(to)
        self._at = to

    def shown_at(self, machine_s: float) -> float:
        """Tell what it showed at a moment of the machine's time, known to the millisecond."""
        return self._to[max(bisect_right(self._jumped_at, machine_s + _MS / 10) - 1, 0)]


def _next_millisecond() -> float:
    """Wait for a millisecond in which nothing has been stamped yet."""
    begins_at = (int(time.time() / _MS) + 1) * _MS
    while time.time() < begins_at:
        time.sleep(_MS / 10)
    return begins_at
