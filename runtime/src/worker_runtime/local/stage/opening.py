"""What a stage stands on before any of its parts is up: its stacks, a state folder, its time, a journal."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from worker_runtime.catalogue import scan
from worker_runtime.local.recording.stage_recorder import StageRecorder
from worker_runtime.local.stage.keeping.kept import Kept
from worker_runtime.local.stage.keeping.kept_clock import KeptClock, Stretch
from worker_runtime.local.stage.lineage.sqlite_journal import SqliteJournal
from worker_runtime.local.stage.scenery import Play
from worker_runtime.local.stage.staged_workers import whole_stacks
from worker_runtime.local.stage.threads.real import REAL
from worker_runtime.local.stage.threads.turns import Turns

if TYPE_CHECKING:
    from contextlib import ExitStack

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.lineage.journal import Journal
    from worker_runtime.local.stage.options import StageOptions
    from worker_runtime.local.stage.polling.stage_time import StageClock
    from worker_runtime.local.stage.threads.threads import Threads


def open_play(options: StageOptions, parts: ExitStack) -> Play:
    """Find what is staged and open what it is kept in; ``parts`` closes it.

    Raises NothingToStage and StackBroken, FolderInUse and FolderRefused.
    """
    catalogue = scan()
    declarations = whole_stacks(catalogue, stacks=options.stacks)
    folder = options.state_dir
    if folder is None:
        folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="stage-")))
    folder = folder.resolve()  # worker processes stand elsewhere
    kept = parts.enter_context(Kept(folder)) if options.goes_on else None
    folder.mkdir(parents=True, exist_ok=True)
    if kept is not None:
        kept.folder.begin(options.stacks, endpoint_url=options.endpoint_url)
    clock, threads = _time(options, kept)
    return Play(
        options=options,
        declarations=declarations,
        catalogue=catalogue,
        clock=clock,
        threads=threads,
        folder=folder,
        kept=kept,
        journal=_journal(options, parts, folder=folder, clock=clock),
    )


def _time(options: StageOptions, kept: Kept | None) -> tuple[StageClock, Threads]:
    """Choose the clock, and threads that live on it; workers in this process take turns with all else."""
    speed, began, origin = options.speed, time.time(), options.origin
    stretches = [Stretch(began=began, origin=began if origin is None else origin, speed=speed)]
    if kept is not None:
        stretches = kept.take_up_time(speed=speed)
    if options.in_process:
        turns = Turns(speed=speed, origin=stretches[-1].origin)
        return turns.clock, turns
    return KeptClock(stretches), REAL


def _journal(options: StageOptions, parts: ExitStack, *, folder: Path, clock: Clock) -> Journal:
    """Open what hears of all that happens: the lineage, behind a recording where one is asked for."""
    lineage = parts.enter_context(SqliteJournal(folder, clock=clock, redacted=not options.lineage_in_clear))
    file = options.record_to
    if file is None:
        return lineage
    return parts.enter_context(
        StageRecorder(file, journal=lineage, clock=clock, in_clear=options.record_in_clear)
    )
