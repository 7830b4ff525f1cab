"""When something happened on the stage's clock, told from the emulator's time stamps.

The emulator and what it stamps (messages sent, changes made) live on the machine's time; workers
of a stage that runs faster must see stamps of their own clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker_runtime.clock import ScaledClock
from worker_runtime.local.stage.threads.jumping_clock import JumpingClock

if TYPE_CHECKING:
    from worker_runtime.clock import Clock

    StageClock = ScaledClock | JumpingClock


def stage_time(clock: Clock, machine_s: float) -> float:
    """Translate the machine's time (epoch seconds) into ``clock``'s."""
    return clock.shown_at(machine_s) if isinstance(clock, ScaledClock | JumpingClock) else machine_s


def machine_seconds(clock: Clock, stage_s: float) -> float:
    """Tell how long ``stage_s`` seconds of ``clock`` take on the machine."""
    return stage_s / clock.speed
