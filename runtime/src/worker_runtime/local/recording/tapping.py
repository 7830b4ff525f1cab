"""From a queue or stream to a recording, in the events in which Lambda's pollers would hand it over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from worker_runtime.local.recording.entering import Taken, entered
from worker_runtime.local.stage.polling.staged_records import event_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker_runtime.clock import Clock
    from worker_runtime.local.recording.files import RecordingFile
    from worker_runtime.local.recording.lines import Event
    from worker_runtime.local.recording.taps import Tapped
    from worker_runtime.local.recording.until import Until
    from worker_runtime.local.stage.polling.staged_records import StagedRecord


def tap(  # noqa: PLR0913 - from where, where to, how much, who hears of it
    tapped: Sequence[Tapped],
    *,
    file: RecordingFile,
    until: Until,
    clock: Clock,
    in_clear: bool,
    advance: Callable[[int], None],
) -> None:
    """Record what comes, a batch of each place in turn; ``advance`` hears how many records each was."""
    flowing = [(each.tap.batches(until), each.worker) for each in tapped]
    try:
        while flowing and not until.over():
            for each in list(flowing):
                batches, worker = each
                batch = next(batches, None)
                if batch is None:
                    flowing.remove(each)
                elif batch:
                    until.take(len(batch))
                    file.write(_entered(batch, worker=worker, clock=clock, in_clear=in_clear))
                    advance(len(batch))
    finally:
        for batches, _ in flowing:
            batches.close()  # what is hidden is put back at once


def _entered(batch: Sequence[StagedRecord], *, worker: str | None, clock: Clock, in_clear: bool) -> Event:
    taken = Taken(
        event=event_of(batch),
        at=clock.now(),
        wall=time.time(),
        worker=worker,
        ids=[record.id for record in batch],
    )
    return entered(taken, in_clear=in_clear)
