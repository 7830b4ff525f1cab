"""Real threads, side by side: the stage as it runs where nobody asks for a run that can be repeated."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker_runtime.local.stage.threads.threads import Condition, Flag, Places, Thread


class RealThreads:
    """``Threads`` that are Python's own."""

    def thread(self, target: Callable[[], None], *, name: str) -> Thread:
        """Make a daemon thread."""
        return threading.Thread(target=target, name=name, daemon=True)

    def current(self) -> Thread:
        """Return the calling thread."""
        return threading.current_thread()

    def flag(self) -> Flag:
        """Make an event."""
        return threading.Event()

    def condition(self) -> Condition:
        """Make a condition."""
        return threading.Condition()

    def places(self, n: int) -> Places:
        """Make a semaphore."""
        return threading.BoundedSemaphore(n)

    def look_again(self, quit: Flag, *, within_s: float, left_s: float | None = None) -> bool:  # noqa: A002 - what it is
        """Wait for ``within_s`` or ``left_s``, the shorter, or for ``quit``."""
        return quit.wait(within_s if left_s is None else min(within_s, left_s))

    def news(self) -> None:
        """Do nothing: who looks again does so soon."""


REAL: Final = RealThreads()
