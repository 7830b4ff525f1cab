"""Delivers what is planned for later, at its time by the stage's clock: the SMS service's receipts.

What is planned is remembered until it is handed over.
"""

from __future__ import annotations

import heapq
import logging
import threading
from typing import TYPE_CHECKING, Final

import msgspec

from worker_runtime.local.stage.keeping.memory import Forgetful
from workers_dmnd.local.receipts import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.keeping.memory import Memory
    from worker_runtime.local.stage.threads.threads import Condition, Thread, Threads

    Deliver = Callable[[Sequence[Report]], None]
    Planned = tuple[float, int, Report]

LOOK_S: Final = 0.02  # of the machine's time: the clock may be moved by hand
AGAIN_S: Final = 0.2  # after a delivery that failed
AT_ONCE: Final = 500  # PutRecords, records a call
_KIND: Final = "receipt"

log = logging.getLogger(__name__)


class Postman:
    """Hands reports to ``deliver`` when they are due, each at least once, from ``start`` to ``stop``."""

    def __init__(self, *, clock: Clock) -> None:
        self.deliver: Deliver = _nowhere
        self._clock = clock
        self._last = 0
        self._memory: Memory = Forgetful()
        self._waiting: list[Planned] = []
        self._under_way = 0
        self._changed: Condition = threading.Condition()
        self._stopped = False
        self._thread: Thread | None = None

    @property
    def to_come(self) -> int:
        """How many reports are not handed over yet."""
        with self._changed:
            return len(self._waiting) + self._under_way

    def recall(self, memory: Memory) -> None:
        """Take on what ``memory`` has, and keep all that is planned there from now on."""
        if memory is self._memory:
            return
        kept = [(int(key), msgspec.json.decode(value, type=Report)) for key, value in memory.read(_KIND)]
        with self._changed:
            self._memory = memory
            for nth, report in kept:
                self._last = max(self._last, nth)
                heapq.heappush(self._waiting, (report.at, nth, report))
            self._changed.notify()

    def start(self, threads: Threads) -> None:
        """Begin to deliver, in one of these threads."""
        self._threads = threads
        self._stopped = False
        self._changed = threads.condition()
        self._thread = threads.thread(self._work, name="postman")
        self._thread.start()

    def stop(self) -> None:
        """Deliver no more; what is still to come stays with the postman."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def post(self, reports: Iterable[Report]) -> None:
        """Take reports to be delivered when each is due."""
        with self._memory.together(), self._changed:
            for report in reports:
                self._last = nth = self._last + 1
                self._memory.put(_KIND, f"{nth:09}", msgspec.json.encode(report))
                heapq.heappush(self._waiting, (report.at, nth, report))
            self._changed.notify()

    def _work(self) -> None:
        while (due := self._take_due()) is not None:
            try:
                self.deliver([report for _, _, report in due])
                self._forget(due)
            except Exception:  # whatever it was, a receipt is not lost for it
                log.exception("%d receipts could not be delivered yet", len(due))
                with self._changed:
                    for planned in due:
                        heapq.heappush(self._waiting, planned)
                    self._changed.wait(AGAIN_S)
            with self._changed:
                self._under_way = 0
            self._threads.news()

    def _forget(self, delivered: Iterable[Planned]) -> None:
        with self._memory.together():
            for _, nth, _ in delivered:
                self._memory.drop(_KIND, f"{nth:09}")

    def _take_due(self) -> list[Planned] | None:
        """Wait for reports that are due and take them; None once it is stopped."""
        with self._changed:
            while not self._stopped:
                due: list[Planned] = []
                while self._waiting and self._waiting[0][0] <= self._clock.now() and len(due) < AT_ONCE:
                    due.append(heapq.heappop(self._waiting))
                if due:
                    self._under_way = len(due)
                    return due
                self._changed.wait(self._until_next_s())
        return None

    def _until_next_s(self) -> float | None:
        """Tell for how long, of the machine's time, not to look: until the next is due, or a moment."""
        if not self._waiting:
            return None
        left_s = max(self._waiting[0][0] - self._clock.now(), 0) / self._clock.speed
        return min(left_s, LOOK_S)


def _nowhere(_: Sequence[Report]) -> None:
    """Deliver to nobody."""
