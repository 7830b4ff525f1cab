"""The loop: batch after batch is read, delivered and counted, and how far it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from worker_runtime import clock
from worker_runtime.local.commands.reporting import counted
from workers_pipeline.layout import AVRO
from workers_pipeline.local.backfill.batches import NOTHING_TAKEN
from workers_pipeline.local.backfill.refusals import refused
from workers_pipeline.local.backfill.tally import Stored, add
from workers_pipeline.local.backfill.worker_run import NotDelivered, Unaccounted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workers_pipeline.local.backfill.batches import Batch, Input
    from workers_pipeline.local.backfill.scope import Scope
    from workers_pipeline.local.backfill.state import Progress
    from workers_pipeline.local.backfill.tally import Refusal, Tally
    from workers_pipeline.local.backfill.worker_run import Delivered

PAUSES_S: Final = (1.0, 4.0, 16.0)
"""Between tries of a batch; what asks S3 and SQS has tried three times itself each time."""


class Delivers(Protocol):
    """Delivers a batch, or raises NotDelivered."""

    def deliver(self, event: Mapping[str, Any]) -> Delivered:
        """Return what became of it."""


class Keeps(Protocol):
    """Keeps what a backfill has done, so that another goes on from there."""

    def keep(self, progress: Progress, refusals: Sequence[Refusal]) -> None:
        """Keep how far it is, and what was refused since."""


class Watches(Protocol):
    """Sees how far a backfill is."""

    def see(self, *, changes: int, files: int) -> None:
        """See how many changes and how many files more are done."""

    def wait(self, why: str, *, pause_s: float) -> None:
        """See that a batch was not taken, and when it is tried again."""


def run(  # noqa: PLR0913 - what is read, by whom it is taken, and who hears of it
    inputs: Sequence[Input],
    worker: Delivers,
    *,
    wanted: Scope,
    progress: Progress,
    keeper: Keeps,
    watcher: Watches,
) -> None:
    """Deliver what is left of the inputs; raises NotDelivered where a batch is not taken in four tries."""
    tally, behind = progress.tally, progress.last
    for at in progress.todo(len(inputs)):
        file = inputs[at]
        behind = behind if at == progress.at else 0
        for batch in file.batches(behind=behind):
            before = tally.read
            refusals = _take(file, batch, worker, wanted=wanted, progress=progress, watcher=watcher)
            progress.at, progress.last = at, batch.last
            if any(each.code in NOTHING_TAKEN for each in batch.unread):
                progress.lost = (*progress.lost, at)
            keeper.keep(progress, refusals)
            watcher.see(changes=tally.read - before, files=0)
        watcher.see(changes=0, files=1)
    progress.done = True
    keeper.keep(progress, ())


def _take(  # noqa: PLR0913 - as above
    file: Input, batch: Batch, worker: Delivers, *, wanted: Scope, progress: Progress, watcher: Watches
) -> list[Refusal]:
    """Deliver a batch where it is wanted, and count what became of its changes."""
    tally = progress.tally
    tally.read += len(batch.lines) + batch.passed_over + sum(each.changes for each in batch.unread)
    tally.passed_over += batch.passed_over
    for each in batch.unread:
        add(tally.unread if each.changes else tally.broken, {each.code: each.changes or 1})
    letters = []
    if batch.event is not None and not wanted.takes(batch.event):
        tally.out_of_range += len(batch.lines)
    elif batch.event is not None:
        delivered = _delivered(worker, batch, file, watcher)
        tally.batches += 1
        again = file.may_repeat and progress.comes_again(delivered.files)
        _count(tally, delivered, again=again)
        add(tally.skipped, wanted.told_apart(delivered.skipped, batch.event))
        letters = [*delivered.letters]
    if tally.unaccounted:
        lost = counted(tally.unaccounted, "change")
        raise Unaccounted(f"{file.name}, up to line {batch.last:,}: nobody knows what became of {lost}.")
    refusals = refused(file, batch, letters)
    tally.name(refusals)
    return refusals


def _delivered(worker: Delivers, batch: Batch, file: Input, watcher: Watches) -> Delivered:
    assert batch.event is not None  # noqa: S101 - the caller saw to it
    try:
        return _tried(worker, batch.event, watcher)
    except NotDelivered as error:
        raise NotDelivered(f"{file.name}, {_lines(batch)}: {error}", halted=error.halted) from error


def _lines(batch: Batch) -> str:
    first, last = batch.lines[0], batch.lines[-1]
    return f"line {first:,}" if first == last else f"lines {first:,} to {last:,}"


def _tried(worker: Delivers, event: Mapping[str, Any], watcher: Watches) -> Delivered:
    for pause_s in PAUSES_S:
        try:
            return worker.deliver(event)
        except NotDelivered as error:
            if error.halted:
                raise
            watcher.wait(str(error), pause_s=pause_s)
        clock.sleep(pause_s)
    return worker.deliver(event)


def _count(tally: Tally, delivered: Delivered, *, again: bool) -> None:
    for key, (rows, size) in delivered.files.items():
        table, partition, _ = key.removeprefix(AVRO).split("/")
        place = tally.again if again else tally.stored.setdefault(f"{table}/{partition}", Stored())
        place.add(rows=rows, size=size)
    for letter in delivered.letters:
        add(tally.dead_lettered, {letter.code: 1})
