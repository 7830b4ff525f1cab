"""A stage's clock as commands outside of it know it, by its variables; its earlier runs included."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from worker_runtime.clock import RealClock, parse
from worker_runtime.local.stage.keeping.kept_clock import KeptClock, KeptTime
from worker_runtime.local.stage.keeping.sqlite_memory import SqliteMemories
from worker_runtime.local.stage.keeping.state_folder import StateFolder
from worker_runtime.local.stage.lineage.schema import STATE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.clock import Clock


def clock_outside(environ: Mapping[str, str]) -> Clock:
    """Return the clock of the stage that the variables lead to; the machine's where they lead to none."""
    said = environ.get("WORKER_CLOCK")
    if not said:
        return RealClock()
    file = StateFolder(Path(environ.get(STATE_VARIABLE, ""))).memories
    if not file.is_file():  # a stage that does not go on has one run
        return parse(said)
    with SqliteMemories(file) as memories:
        stretches = KeptTime(memories.of("time")).stretches()
    kept = KeptClock(stretches) if stretches else None
    return kept if kept is not None and str(kept) == said else parse(said)
