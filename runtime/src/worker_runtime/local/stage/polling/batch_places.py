"""How many batches of one queue are in flight: fewer after errors, as Lambda backs off.

Between ``SqsPoller``, which takes a place before it receives, and ``QueueAttempts``, which tells how
each invocation ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker_runtime.local.stage.threads.real import REAL

if TYPE_CHECKING:
    from worker_runtime.local.stage.threads.threads import Threads

CONCURRENT_BATCHES: Final = 5
"""Batches in flight at first (Lambda developer guide, SQS scaling); the stage does not add to them."""


class BatchPlaces:
    """So many batches at once; for many threads.

    An error or a throttle halves the places, down to one, and each invocation that returns gives one
    back. Lambda says that it reduces the concurrency of such a mapping, and not by how much ("Backoff
    strategy for failed invocations").
    """

    def __init__(self, most: int, *, threads: Threads = REAL) -> None:
        self._most = most
        self._allowed = most
        self._taken = 0
        self._changed = threads.condition()

    def take(self, *, timeout_s: float) -> bool:
        """Take a place, waiting for it; False where there was none in time (the machine's seconds)."""
        with self._changed:
            if self._taken >= self._allowed:
                self._changed.wait(timeout_s)
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
            self._allowed = min(self._allowed + 1, self._most)
            self._changed.notify()
