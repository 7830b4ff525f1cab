"""What threads that take turns wait for: flags, conditions, places."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


class Turner(Protocol):
    """Lets others run until a wait is over."""

    def wait(self, over: Callable[[], bool], *, timeout: float | None) -> None:
        """Return when ``over``, or when ``timeout`` (the machine's seconds) has passed."""


class TurnFlag:
    """Set once, waited for by many."""

    def __init__(self, turns: Turner) -> None:
        self._turns = turns
        self._set = False

    def is_set(self) -> bool:
        """Whether it is set."""
        return self._set

    def set(self) -> None:
        """Set it."""
        self._set = True

    def wait(self, timeout: float | None = None) -> bool:
        """Let others run until it is set or ``timeout`` is over; whether it is set."""
        self._turns.wait(self.is_set, timeout=timeout)
        return self._set


class TurnCondition:
    """A lock, which keeps out threads that take no turns, and waiting for what others change."""

    def __init__(self, turns: Turner) -> None:
        self._turns = turns
        self._lock = threading.Lock()
        self._asleep: list[TurnFlag] = []

    def __enter__(self) -> bool:
        return self._lock.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Let others run until somebody notifies or ``timeout`` is over; False where it is over."""
        woken = TurnFlag(self._turns)
        self._asleep.append(woken)
        self._lock.release()
        try:
            return woken.wait(timeout)
        finally:
            self._lock.acquire()
            if woken in self._asleep:
                self._asleep.remove(woken)

    def notify(self, n: int = 1) -> None:
        """Wake those that have waited longest."""
        for woken in self._asleep[:n]:
            woken.set()
        del self._asleep[:n]

    def notify_all(self) -> None:
        """Wake all."""
        self.notify(len(self._asleep))


class TurnPlaces:
    """So many at once."""

    def __init__(self, turns: Turner, n: int) -> None:
        self._turns = turns
        self._free = n

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:  # noqa: FBT001, FBT002 - threading's own signature
        """Take a place, waiting for it; False where there was none in time."""
        if blocking:
            self._turns.wait(lambda: self._free > 0, timeout=timeout)
        if not self._free:
            return False
        self._free -= 1
        return True

    def release(self, n: int = 1) -> None:
        """Give a place back."""
        self._free += n
