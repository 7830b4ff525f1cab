"""The time of a stage that goes on: it stands while the stage is down, and never goes back.

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

BEAT_S: Final = 0.25
"""How often the time is kept, in the machine's seconds."""

_UNKNOWN_END_S: Final = 4 * BEAT_S  # after the last beat, where nobody else knows when the stage ended
_WALL: Final = 1.0


class Stretch(Struct, frozen=True, kw_only=True):
    """One run: when it began by the machine's time, what the clock showed then, how fast it ran."""

    began: float
    origin: float
    speed: float


class Beat(Struct, frozen=True, kw_only=True):
    """A moment of a run, by the machine's time and by the stage's."""

    machine: float
    stage: float


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


class KeptTime:
    """The stretches of a stage's time, and its last moment."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def take_up(self, *, speed: float, now: float, ended_at: float | None) -> list[Stretch]:
        """Begin a stretch at ``now`` and return all; the last run ended at ``ended_at``, where that is known.

        Both are the machine's. At the wall's speed the time is the wall's, unless it has been ahead of that.
        """
        kept = self.stretches()
        origin = now
        if kept:
            stood_at = self._stood_at(kept[-1], ended_at)
            origin = max(stood_at, now) if speed == _WALL else stood_at
        new = Stretch(began=now, origin=origin, speed=speed)
        with self._memory.together():
            self._memory.put("stretch", f"{len(kept):06}", msgspec.json.encode(new))
            self.beat(machine=now, stage=origin)
        return [*kept, new]

    def stretches(self) -> list[Stretch]:
        """Return the runs that there were, the present one last."""
        return [msgspec.json.decode(value, type=Stretch) for _, value in self._memory.read("stretch")]

    def beat(self, *, machine: float, stage: float) -> None:
        """Keep the present moment."""
        self._memory.put("beat", "last", msgspec.json.encode(Beat(machine=machine, stage=stage)))

    def _stood_at(self, last: Stretch, ended_at: float | None) -> float:
        beat = Beat(machine=last.began, stage=last.origin)
        for _, value in self._memory.read("beat"):
            beat = msgspec.json.decode(value, type=Beat)
        after_s = _UNKNOWN_END_S if ended_at is None else max(ended_at - beat.machine, 0.0)
        return beat.stage + after_s * last.speed
