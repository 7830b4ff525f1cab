"""How long a call to another service may take: what it asks for, or what the invocation has left."""

from __future__ import annotations

from worker_runtime import clock
from worker_runtime.clients.not_called import NotCalled

LEAST_S = 0.1  # below this a call only spends what the reply needs


def left_s() -> float:
    """Return the seconds that a socket may still wait; infinite outside an invocation."""
    return clock.machine_s(clock.remaining_s())


def budget_s(wanted_s: float, *, reserve_s: float, service: str) -> float:
    """Return ``wanted_s``, or what the invocation has left but ``reserve_s``; nothing left is NotCalled."""
    usable_s = left_s() - reserve_s
    if usable_s < LEAST_S:
        raise NotCalled(reason=f"{service} was not called: the invocation has {reserve_s:g} s or less left.")
    return min(wanted_s, usable_s)
