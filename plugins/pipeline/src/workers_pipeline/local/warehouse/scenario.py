"""The job that ``workers demo warehouse`` shows: upstream writes items, the worker delivers their changes."""

from __future__ import annotations

from datetime import UTC, datetime, time
from functools import partial
from typing import TYPE_CHECKING, Final

from worker_runtime.local.demo.diary import Diary
from worker_runtime.local.offers import ScenarioStuck
from workers_pipeline.local.reading import delivered
from workers_pipeline.local.warehouse.cast import Part, Story, draw_cast, in_bursts
from workers_pipeline.local.warehouse.demand_table import DemandTable, backlog
from workers_pipeline.local.warehouse.ledger import Letter, Seen, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker_runtime.local.demo.outcome import Outcome
    from worker_runtime.local.stage.stage import Stage

WORKER: Final = "pipeline.deliveryWorker"
DEAD_LETTERS: Final = "delivery-worker-dlq"

_BURST: Final = 6
_BETWEEN_BURSTS_S: Final = 5.0  # of the stage's clock, as all that follow
_REST_WITHIN_S: Final = 3_600.0
_TRIES: Final = 20  # of the backlog, which a fault may strike like any batch


class Warehouse:
    """Items of four types come, change and go, and Avro files in S3 tell of each change once."""

    name = "warehouse"
    summary = "items of the demand table come, change and go, and Avro files in S3 tell of every change"
    stack = "dmnd-pipeline"
    events = 60
    speed = 20.0

    def run(
        self, stage: Stage, *, events: int, faults: frozenset[str], seed: int, tell: Callable[[str], None]
    ) -> Outcome:
        """Drive the job on a started stage and settle the books; ``events`` are items."""
        cast = draw_cast(seed, items=events, poison="poison" in faults)
        job = _Job(stage, diary=Diary(stage.memory(f"scenario {self.name}")), tell=tell)
        job.write_all([part for part in cast if part.story is not Story.BACKLOG])
        job.hand_over([part for part in cast if part.story is Story.BACKLOG])
        idle = job.rest()
        job.mend([part for part in cast if part.mending])
        return judge(cast, job.seen(idle=job.rest() and idle))


class _Job:
    def __init__(self, stage: Stage, *, diary: Diary, tell: Callable[[str], None]) -> None:
        self._stage = stage
        self._diary = diary
        self._tell = tell
        self._table = DemandTable(stage.aws("dynamodb"), name=stage.named("table", "demand-table"))

    def write_all(self, parts: Sequence[Part]) -> None:
        """Put items in bursts; what is edited or removed is so before the next burst."""
        for nth, burst in enumerate(in_bursts(parts, _BURST)):
            for part in burst:
                self._diary.once(f"put {part.name}", partial(self._table.put, part.item))
            self._diary.once(f"burst {nth}", lambda: self._stage.clock.sleep(_BETWEEN_BURSTS_S))
            for part in burst:
                self._change(part)
            self._tell(f"{min((nth + 1) * _BURST, len(parts))} of {len(parts)} items written")

    def hand_over(self, parts: Sequence[Part]) -> None:
        """Hand the worker a batch of changes around last midnight, as Lambda does after an outage."""
        if not parts:
            return
        now = self._stage.clock.now()
        midnight = datetime.combine(datetime.fromtimestamp(now, tz=UTC).date(), time(), tzinfo=UTC)
        midnight_s = self._diary.first("midnight", midnight.timestamp)
        event = backlog(parts, midnight_s=midnight_s)
        for _ in range(_TRIES):
            try:
                self._stage.invoke(WORKER, event)
            except Exception as error:  # noqa: BLE001 - what Lambda would try again, whatever it was
                self._tell(f"the backlog comes again: {type(error).__name__}")
            else:
                self._tell(f"a backlog of {len(parts)} changes around midnight was handed over")
                return
        raise ScenarioStuck(f"{WORKER} did not take a backlog of {len(parts)} changes in {_TRIES} tries.")

    def mend(self, parts: Sequence[Part]) -> None:
        """Set right what was broken, as an operator does who found it among the dead letters."""
        for part in parts:
            self._diary.once(f"mend {part.name}", partial(self._table.put, {**part.item, **part.mending}))
            self._tell(f"mended {part.name}")

    def rest(self) -> bool:
        """Wait until nothing is under way; False where that takes too long."""
        ends_at = self._stage.clock.now() + _REST_WITHIN_S
        while not self._stage.idle():
            if self._stage.clock.now() > ends_at:
                return False
            self._stage.look_again(within_s=0.1)
        return True

    def seen(self, *, idle: bool) -> Seen:
        """Look at what there is."""
        letters = [
            Letter(found.code, _name_in(found.change["dynamodb"]["Keys"]))
            for found in self._stage.dead_letters(DEAD_LETTERS)
            if found.form == "envelope"
        ]
        files = list(delivered(self._stage.aws("s3"), bucket=self._stage.named("bucket", "demand-capture")))
        self._tell(f"{len(files)} files with {sum(len(file.rows) for file in files)} rows are in the bucket")
        return Seen(files=files, letters=letters, idle=idle)

    def _change(self, part: Part) -> None:
        state = dict(part.item)
        for nth, edit in enumerate(part.edits):
            state |= edit
            self._diary.once(f"edit {part.name} {nth}", partial(self._table.put, dict(state)))
        if part.story is Story.REMOVED:
            self._diary.once(f"remove {part.name}", partial(self._table.remove, part.item))


def _name_in(keys: dict[str, dict[str, str]]) -> str:
    return keys["PK"]["S"]
