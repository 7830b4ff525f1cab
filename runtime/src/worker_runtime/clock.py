"""The only clock: now, sleep and the time an invocation has left.

Real time in Lambda; scaled by the stage, stepped by tests. The clock in force is a context
variable, so that invocations side by side in one process may each have their own.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Clock(Protocol):
    """Tells the time and lets it pass, ``speed`` times as fast as the machine's."""

    @property
    def speed(self) -> float:
        """Seconds of this clock a second of the machine's."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def sleep(self, seconds: float) -> None:
        """Wait ``seconds`` of this clock's time."""


class RealClock:
    """The machine's own time."""

    speed = 1.0
    now = staticmethod(time.time)  # the loop over a batch asks before each record: spare it a call

    def sleep(self, seconds: float) -> None:
        """Wait ``seconds``."""
        time.sleep(max(seconds, 0))


class ScaledClock:
    """Runs ``speed`` times as fast as the machine's time, from ``origin`` (epoch seconds) on.

    It showed ``origin`` when the machine's clock showed ``began``: the same, where nobody says. Two
    processes of one machine that are given the same numbers agree on the time.
    """

    def __init__(self, speed: float, *, origin: float, began: float | None = None) -> None:
        self.speed = speed
        self.origin = origin
        self.began = origin if began is None else began

    def __str__(self) -> str:
        return f"{self.speed!r}@{self.origin!r}" + ("" if self.began == self.origin else f"/{self.began!r}")

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.origin + (time.time() - self.began) * self.speed

    def shown_at(self, machine_s: float) -> float:
        """Tell what it showed at a moment of the machine's time; before it began, that time itself."""
        if machine_s < self.began:
            return min(machine_s, self.origin)
        return self.origin + (machine_s - self.began) * self.speed

    def sleep(self, seconds: float) -> None:
        """Wait ``seconds`` of this clock's time."""
        time.sleep(max(seconds, 0) / self.speed)


class SteppedClock:
    """Stands still until a sleep or a test moves it; sleeping takes no real time."""

    speed = 1.0

    def __init__(self, at: float = 1_700_000_000.0) -> None:
        self.at = at

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.at

    def sleep(self, seconds: float) -> None:
        """Move on by ``seconds``."""
        self.at += max(seconds, 0)


REAL_TIME: Final[Clock] = RealClock()
_clock: ContextVar[Clock] = ContextVar("clock", default=REAL_TIME)
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def now() -> float:
    """Seconds since the epoch."""
    return _clock.get().now()


def sleep(seconds: float) -> None:
    """Wait ``seconds``."""
    _clock.get().sleep(seconds)


def current() -> Clock:
    """Return the clock in force, for a loop that asks it often."""
    return _clock.get()


def remaining_s() -> float:
    """Seconds until Lambda ends the invocation; infinite outside one."""
    deadline = _deadline.get()
    return float("inf") if deadline is None else deadline - now()


def use(clock: Clock) -> None:
    """Make ``clock`` the one in force from here on: a process that lives on one clock."""
    _clock.set(clock)


def parse(text: str) -> Clock:
    """Read ``SPEED@ORIGIN`` or ``SPEED@ORIGIN/BEGAN``, which a stage hands to its worker processes."""
    speed, _, moments = text.partition("@")
    origin, _, began = moments.partition("/")
    return ScaledClock(float(speed), origin=float(origin), began=float(began) if began else None)


def machine_s(seconds: float) -> float:
    """Say how long ``seconds`` of this clock take on the machine's, where sockets wait."""
    return seconds / _clock.get().speed


@contextmanager
def using(clock: Clock) -> Iterator[Clock]:
    """Make ``clock`` the one in force inside the block."""
    token = _clock.set(clock)
    try:
        yield clock
    finally:
        _clock.reset(token)


@contextmanager
def deadline_in(machine_s: float) -> Iterator[None]:
    """Let the invocation end in ``machine_s`` seconds of the machine's time inside the block."""
    clock = _clock.get()
    with deadline(clock.now() + machine_s * clock.speed):
        yield


@contextmanager
def deadline(at: float) -> Iterator[None]:
    """Let the invocation end at ``at`` (seconds since the epoch, this clock's) inside the block."""
    token = _deadline.set(at)
    try:
        yield
    finally:
        _deadline.reset(token)
