"""The clock of a stage that goes on: it stands while the stage is down, and never goes back.

Each run of the stage is a stretch of it. What the emulator stamped with the machine's time is told
by the stretch in which it happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from worker_runtime.clock import ScaledClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker_runtime.local.stage.keeping.memory import Memory

_WALL: Final = 1.0


class Stretch(Struct, frozen=True, kw_only=True):
    """One run: when it began by the machine's time, what the clock showed then, how fast it ran."""

    began: float
    origin: float
    speed: float


class KeptClock(ScaledClock):
    """Runs in the last of its stretches, and knows the others."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        last = stretches[-1]
        super().__init__(last.speed, origin=last.origin, began=last.began)
        self._stretches = stretches

    def shown_at(self, machine_s: float) -> float:
        """Tell what it showed at a moment of the machine's time; between two runs, what it stood at."""
        shown = machine_s
        for each in self._stretches:
            if machine_s < each.began:
                return min(shown, each.origin)
            shown = each.origin + (machine_s - each.began) * each.speed
        return shown


def take_up_clock(memory: Memory, *, speed: float, now: float, ended_at: float | None) -> KeptClock:
    """Start the clock at ``now`` (of the machine), from where it was when the last run ended at ``ended_at``.

    At the wall's speed it shows the wall's time, unless it has been ahead of that.
    """
    kept = [msgspec.json.decode(value, type=Stretch) for _, value in memory.read("stretch")]
    origin = now
    if kept:
        last = kept[-1]
        stood_at = KeptClock(kept).shown_at(last.began if ended_at is None else ended_at)
        origin = max(stood_at, now) if speed == _WALL else stood_at
    new = Stretch(began=now, origin=origin, speed=speed)
    memory.put("stretch", str(len(kept)), msgspec.json.encode(new))
    return KeptClock([*kept, new])
