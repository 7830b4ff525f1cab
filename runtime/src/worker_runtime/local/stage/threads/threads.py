"""How the parts of a stage run side by side and wait: pollers take threads, flags and locks from here only.

Time-outs are seconds of the machine's time where threads are real; a part of the stage tells them
with ``machine_seconds``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


class Thread(Protocol):
    """Something that runs beside its starter."""

    def start(self) -> None:
        """Begin."""

    def join(self) -> None:
        """Wait for its end."""

    def is_alive(self) -> bool:
        """Whether it was started and has not ended."""


class Flag(Protocol):
    """``threading.Event``: set once, waited for by many."""

    def is_set(self) -> bool:
        """Whether it is set."""

    def set(self) -> None:
        """Set it; whoever waits goes on."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set or ``timeout`` is over; whether it is set."""


class Condition(Protocol):
    """``threading.Condition``: a lock, and waiting for what others change under it."""

    def __enter__(self) -> bool:
        """Take the lock."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Leave the lock."""

    def wait(self, timeout: float | None = None) -> bool:
        """Let go of the lock until somebody notifies or ``timeout`` is over; False where it is over."""

    def notify(self, n: int = 1) -> None:
        """Let ``n`` of those who wait go on."""

    def notify_all(self) -> None:
        """Let all who wait go on."""


class Places(Protocol):
    """``threading.BoundedSemaphore``: so many at once."""

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:  # noqa: FBT001, FBT002 - threading's own signature
        """Take a place, waiting for it; False where ``timeout`` is over."""

    def release(self, n: int = 1) -> None:
        """Give a place back."""


class Threads(Protocol):
    """Makes threads, and what they wait for."""

    def thread(self, target: Callable[[], None], *, name: str) -> Thread:
        """Make a thread that is not started yet; it does not keep the process alive."""

    def current(self) -> Thread:
        """Return the calling thread."""

    def flag(self) -> Flag:
        """Make a flag."""

    def condition(self) -> Condition:
        """Make a condition with a lock of its own."""

    def places(self, n: int) -> Places:
        """Make ``n`` places."""

    def look_again(self, quit: Flag, *, within_s: float, left_s: float | None = None) -> bool:  # noqa: A002 - what it is
        """Wait, having looked and found nothing, until it is worth looking again; whether ``quit`` is set.

        That is after ``within_s`` of the machine's time, or, where threads take turns, as soon as
        there is news; in either case after ``left_s`` at the latest.
        """

    def news(self) -> None:
        """Tell those who look again that something has happened which they may find."""
