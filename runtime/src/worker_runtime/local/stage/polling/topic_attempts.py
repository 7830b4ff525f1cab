"""Tries a topic's batches at the worker, each by Lambda's rule until it is gone.

Without provisioned mode a batch comes again whole until it goes well or the topic has forgotten it;
with it, it may be halved, cut by a partial reply, and given up to the on-failure destination.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import NAMESPACE_OID, uuid5

from worker_runtime.local.stage.lineage import happenings as lineage
from worker_runtime.local.stage.lineage.happenings import Split, Waiting
from worker_runtime.local.stage.polling.batches import AllDone, BatchFailed, SomeFailed
from worker_runtime.local.stage.polling.bisecting import Piece, after_error
from worker_runtime.local.stage.polling.failing_partitions import FailingPartitions
from worker_runtime.local.stage.polling.on_failure import GivenUp
from worker_runtime.local.stage.polling.partition_failures import parted
from worker_runtime.local.stage.polling.stage_time import machine_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.lineage.happenings import Why
    from worker_runtime.local.stage.polling.bisecting import Next
    from worker_runtime.local.stage.polling.delivering import Delivered, Delivery
    from worker_runtime.local.stage.polling.event_form import EventForm
    from worker_runtime.local.stage.polling.on_failure import Condition
    from worker_runtime.local.stage.polling.partition_backlog import Again
    from worker_runtime.local.stage.polling.staged_records import StagedRecord
    from worker_runtime.local.stage.threads.threads import Flag


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """A mapping's rule of retries; -1 is for ever.

    ``kept_s`` is for how long the topic keeps records: what fails for longer comes no more.
    """

    bisect: bool
    retries: int
    max_age_s: float
    kept_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicEnds:
    """Where a topic's records go: to the worker, to the dead letters as metadata.

    ``give_up`` returns the message's id, empty where none can be written, None where the stage was taken
    down before.
    """

    delivery: Delivery
    form: EventForm
    function_arn: str
    give_up: Callable[[Sequence[StagedRecord], GivenUp], str | None]


class TopicAttempts:
    """The tries of one consumer; ``finish`` hears of records that are done or given up."""

    def __init__(
        self,
        retrying: Retrying,
        *,
        ends: TopicEnds,
        finish: Callable[[Iterable[StagedRecord]], None],
        clock: Clock,
        quit: Flag,  # noqa: A002 - what it is
    ) -> None:
        self._retrying = retrying
        self._ends = ends
        self._finish = finish
        self._clock = clock
        self._quit = quit
        self._failing = FailingPartitions()
        self._worker_id = ends.delivery.worker_id
        self._note = ends.delivery.note

    def attempt(self, piece: Piece[StagedRecord]) -> list[Again]:
        """Invoke the worker on a piece; what is to be tried instead of it, and when."""
        if (late_s := self._ends.delivery.late_by_s(piece.records)) > 0:
            self._quit.wait(machine_seconds(self._clock, late_s))
        piece = self._without_expired(piece)
        if not piece.records:
            return []
        delivered = self._ends.delivery.hand_over(piece.records, repeatable=True, form=self._ends.form)
        if self._quit.is_set() and not isinstance(delivered.reading, AllDone):
            return []  # the stage is being taken down: an invocation that it cut short proves nothing
        if delivered.reading is None:  # throttled, which spends no retry
            return self._put_off([piece], "throttled")
        return self._go_on(piece, delivered)

    def _go_on(self, piece: Piece[StagedRecord], delivered: Delivered) -> list[Again]:
        """Finish what is done, give up what has no retries left, put off the rest."""
        done, following = self._after(piece, delivered)
        self._failing.go_well(done)
        self._finish(done)
        raised = isinstance(delivered.reading, BatchFailed) and delivered.reading.raised
        for each in following:
            if each.given_up is not None:
                self._give_up(
                    each.given_up, "RetryAttemptsExhausted", request_id=delivered.request_id, raised=raised
                )
        again = [piece for each in following for piece in each.again]
        if len(again) > 1:
            self._note(Split(self._worker_id, piece.records, [len(each.records) for each in again]))
        return self._put_off(again)

    def _after(
        self, piece: Piece[StagedRecord], delivered: Delivered
    ) -> tuple[Sequence[StagedRecord], Sequence[Next[StagedRecord]]]:
        rule = self._retrying
        match delivered.reading:
            case AllDone():
                return piece.records, ()
            case SomeFailed(ids=ids):
                ways = parted(piece, ids, retries=rule.retries)
                return ways.done, ways.following
            case _:
                return (), (after_error(piece, bisect=rule.bisect, retries=rule.retries),)

    def _without_expired(self, piece: Piece[StagedRecord]) -> Piece[StagedRecord]:
        """Give up what is too old; the rest is delivered."""
        oldest = self._oldest(piece)
        left = tuple(record for record in piece.records if record.arrived_at >= oldest)
        if len(left) == len(piece.records):
            return piece
        gone = Piece(tuple(each for each in piece.records if each.arrived_at < oldest), piece.spent)
        named = str(uuid5(NAMESPACE_OID, gone.records[0].id))  # nothing was invoked, and AWS names one
        self._give_up(gone, "RecordAgeExceeded", request_id=named, raised=False)
        return Piece(left, piece.spent)

    def _oldest(self, piece: Piece[StagedRecord]) -> float:
        """Tell from when on records are young enough."""
        now, failing_since = self._clock.now(), self._failing.since(piece.records)
        if failing_since is not None and now - failing_since > self._retrying.kept_s:
            return math.inf
        return -math.inf if self._retrying.max_age_s < 0 else now - self._retrying.max_age_s

    def _give_up(
        self, piece: Piece[StagedRecord], condition: Condition, *, request_id: str, raised: bool
    ) -> None:
        """Write to the destination; what it does not take, since the stage ends, stays unfinished."""
        why = GivenUp(
            condition=condition,
            request_id=request_id,
            function_arn=self._ends.function_arn,
            invocations=max(piece.spent, 1),  # as AWS says of a stream's record that it never tried
            raised=raised,
            at=self._clock.now(),
        )
        letter = self._ends.give_up(piece.records, why)
        if letter is None:
            return
        self._note(lineage.GivenUp(self._worker_id, piece.records, condition, letter))
        if letter:
            self._ends.delivery.gave_up(records=len(piece.records))
        self._failing.go_well(piece.records)
        self._finish(piece.records)

    def _put_off(self, pieces: Sequence[Piece[StagedRecord]], why: Why = "back-off") -> list[Again]:
        """Let records come again, later with each error in a row of their partitions."""
        again = self._failing.put_off(pieces, now=self._clock.now())
        for each in again:
            self._note(Waiting(self._worker_id, each.piece.records, each.due_at, why))
        return again
