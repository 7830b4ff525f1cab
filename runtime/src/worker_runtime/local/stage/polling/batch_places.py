"""How many batches of one queue are in flight: more while messages wait, fewer after errors, as in Lambda.

Between ``SqsPoller``, which takes a place before it receives, and ``QueueAttempts``, which tells how
each invocation ended.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from worker_runtime.local.stage.polling.stage_time import machine_seconds
from worker_runtime.local.stage.threads.real import REAL

if TYPE_CHECKING:
    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.threads.threads import Threads

CONCURRENT_BATCHES: Final = 5
"""Batches in flight at first (Lambda developer guide, SQS scaling)."""

MORE_A_S: Final = 300 / 60
"""Batches that are added while messages wait (as above: up to 300 a minute)."""

_DUST: Final = 1e-6  # what rounding may leave of a place


class BatchPlaces:
    """So many batches at once, ``most`` in the end; for many threads.

    While messages wait places are added by the stage's clock. An error or a throttle halves them, down to
    one, and each invocation that returns gives one back; until all are back none is added. Lambda says
    that it reduces the concurrency of such a mapping, and not by how much ("Backoff strategy for failed
    invocations").
    """

    def __init__(self, most: int, *, clock: Clock, threads: Threads = REAL) -> None:
        self._most = most
        self._reached = float(min(CONCURRENT_BATCHES, most))
        self._allowed = self._whole
        self._taken = 0
        self._clock = clock
        self._wanted_since: float | None = None
        self._changed = threads.condition()

    def take(self, *, timeout_s: float, wanted: bool) -> bool:
        """Take a place, waiting for it; False where there was none in time (the machine's seconds).

        ``wanted`` says that messages wait, as far as the queue has told.
        """
        with self._changed:
            self._grow(wanted=wanted)
            if self._taken >= self._allowed:
                self._changed.wait(min(timeout_s, self._next_s()))
                self._grow(wanted=wanted)
            if self._taken >= self._allowed:
                return False
            self._taken += 1
            return True

    def give_back(self) -> None:
        """Free a place."""
        with self._changed:
            self._taken -= 1
            self._changed.notify()

    def slow_down(self) -> None:
        """Note an invocation that raised, or that was throttled."""
        with self._changed:
            self._allowed = max(self._allowed // 2, 1)

    def speed_up(self) -> None:
        """Note an invocation that returned, whatever its reply lists."""
        with self._changed:
            self._allowed = min(self._allowed + 1, self._whole)
            self._changed.notify()

    @property
    def _whole(self) -> int:
        return int(self._reached + _DUST)

    def _grow(self, *, wanted: bool) -> None:
        """Add the places that are due; none while errors keep them down."""
        now = self._clock.now()
        if self._wanted_since is not None and self._allowed == self._whole:
            self._reached = min(self._reached + (now - self._wanted_since) * MORE_A_S, self._most)
            self._allowed = self._whole
        self._wanted_since = now if wanted else None

    def _next_s(self) -> float:
        """Tell in how many of the machine's seconds the next place is due, if none is given back before."""
        if self._wanted_since is None or self._whole >= self._most or self._allowed < self._whole:
            return math.inf
        return machine_seconds(self._clock, (self._whole + 1 - self._reached) / MORE_A_S)
