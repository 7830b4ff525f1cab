"""Real threads, side by side: the stage as it runs where nobody asks for a run that can be repeated."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from worker_runtime.local.stage.threads.threads import Condition, Flag, Places, Thread


class RealThreads:
    """``Threads`` that are Python's own."""

    def thread(self, target: Callable[[], None], *, name: str) -> Thread:
        """Make a daemon thread."""
        return threading.Thread(target=target, name=name, daemon=True)

    def current(self) -> object:
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

    def look_again(self, quit: Flag, *, within_s: float) -> bool:  # noqa: A002 - what it is
        """Wait for ``within_s`` or for ``quit``."""
        return quit.wait(within_s)

    def aside(self) -> AbstractContextManager[None]:
        """Do nothing: others run anyway."""
        return nullcontext()
