"""One lane of a shard: batches one after the other, each retried by Lambda's rule until it is gone."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import NAMESPACE_OID, uuid5

from worker_runtime.local.stage.lineage import happenings as lineage
from worker_runtime.local.stage.lineage.happenings import Split, Waiting
from worker_runtime.local.stage.polling.batches import AllDone, BatchFailed, SomeFailed
from worker_runtime.local.stage.polling.bisecting import Next, Piece, after_error, after_partial
from worker_runtime.local.stage.polling.on_failure import GivenUp
from worker_runtime.local.stage.polling.paces import BACK_OFF_S
from worker_runtime.local.stage.polling.stage_time import machine_seconds
from worker_runtime.local.stage.polling.staged_records import PAYLOAD_BYTES, StagedRecord
from worker_runtime.local.stage.threads.real import REAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.lineage.happenings import Why
    from worker_runtime.local.stage.polling.delivering import Delivered, Delivery
    from worker_runtime.local.stage.polling.on_failure import Condition
    from worker_runtime.local.stage.threads.threads import Flag, Threads
    from worker_runtime.sources.streams import StreamSource


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneEnds:
    """Where a lane's records go: to the worker, to the dead letters as metadata, off the checkpoint.

    ``give_up`` returns the message id of the dead letter, empty where none can be written, None where
    the stage was taken down before.
    """

    delivery: Delivery
    function_arn: str
    give_up: Callable[[Sequence[StagedRecord], GivenUp], str | None]
    finish: Callable[[Iterable[str]], None]


class StreamLane:
    """Takes the records of one lane in order; a batch is in flight at a time."""

    def __init__(
        self,
        source: StreamSource,
        *,
        ends: LaneEnds,
        clock: Clock,
        quit: Flag,  # noqa: A002 - what it is
        threads: Threads = REAL,
    ) -> None:
        self._source = source
        self._ends = ends
        self._clock = clock
        self._quit = quit
        self._waiting: deque[StagedRecord] = deque()
        self._changed = threads.condition()
        self._errors_in_a_row = 0
        self._thread = threads.thread(self._work, name="stream-lane")

    def start(self) -> None:
        """Begin to hand over."""
        self._thread.start()

    def join(self) -> None:
        """Wait for the end, once ``quit`` is set."""
        with self._changed:
            self._changed.notify()
        self._thread.join()

    def put(self, records: Iterable[StagedRecord]) -> None:
        """Add records that follow those already there."""
        with self._changed:
            self._waiting.extend(records)
            self._changed.notify()

    def waiting(self) -> int:
        """Count the records that no batch has taken yet."""
        with self._changed:
            return len(self._waiting)

    def _work(self) -> None:
        while batch := self._gather():
            pieces = deque([Piece(tuple(batch))])
            while pieces and not self._quit.is_set():
                pieces.extendleft(reversed(self._try(pieces.popleft())))

    def _gather(self) -> list[StagedRecord]:
        """Wait for a batch: full, its window over, or its payload large enough; empty at the end."""
        with self._changed:
            while not self._waiting and not self._quit.is_set():
                self._changed.wait()
            window_ends = self._clock.now() + self._source.window_s
            while (
                len(self._waiting) < self._source.batch_size
                and sum(len(record.json) for record in self._waiting) < PAYLOAD_BYTES
                and (left_s := machine_seconds(self._clock, window_ends - self._clock.now())) > 0
                and not self._quit.is_set()
            ):
                self._changed.wait(left_s)
            return [] if self._quit.is_set() else self._take()

    def _take(self) -> list[StagedRecord]:
        batch: list[StagedRecord] = []
        size = 0
        while self._waiting and len(batch) < self._source.batch_size:
            size += len(self._waiting[0].json)
            if batch and size > PAYLOAD_BYTES:
                break
            batch.append(self._waiting.popleft())
        return batch

    def _try(self, piece: Piece[StagedRecord]) -> tuple[Piece[StagedRecord], ...]:
        """Invoke the worker on a piece; what is to be tried next instead of it."""
        if (late_s := self._ends.delivery.late_by_s(piece.records)) > 0:
            self._quit.wait(machine_seconds(self._clock, late_s))
        piece = self._without_expired(piece)
        if not piece.records or self._quit.is_set():
            return ()
        delivered = self._ends.delivery.hand_over(piece.records, repeatable=True)
        if self._quit.is_set() and not isinstance(delivered.reading, AllDone):
            return ()  # the stage is being taken down: an invocation that it cut short proves nothing
        if delivered.reading is None:  # throttled, which spends no retry
            self._back_off(piece.records, "throttled")
            return (piece,)
        following = self._after(piece, delivered)
        if len(following.again) > 1:
            sizes = [len(each.records) for each in following.again]
            self._ends.delivery.note(Split(self._ends.delivery.worker_id, piece.records, sizes))
        if following.given_up is not None:
            raised = isinstance(delivered.reading, BatchFailed) and delivered.reading.raised
            self._give_up(
                following.given_up, "RetryAttemptsExhausted", request_id=delivered.request_id, raised=raised
            )
        return following.again

    def _after(self, piece: Piece[StagedRecord], delivered: Delivered) -> Next[StagedRecord]:
        bisect, retries = self._source.bisect, self._source.retries
        ids = [record.id for record in piece.records]
        match delivered.reading:
            case AllDone():
                self._errors_in_a_row = 0
                self._ends.finish(ids)
                return Next()
            case SomeFailed() as failed:
                at = failed.first_of(ids)
                self._ends.finish(ids[:at])
                self._back_off(piece.records[at:])
                return after_partial(piece, at, retries=retries)
            case _:
                self._back_off(piece.records)
                return after_error(piece, bisect=bisect, retries=retries)

    def _without_expired(self, piece: Piece[StagedRecord]) -> Piece[StagedRecord]:
        """Give up the head of a piece that is too old; the rest is delivered."""
        oldest = self._clock.now() - self._source.max_age_s
        expired = 0
        if self._source.max_age_s >= 0:
            while expired < len(piece.records) and piece.records[expired].arrived_at < oldest:
                expired += 1
        if expired:
            head = Piece(piece.records[:expired], piece.spent)
            named = str(uuid5(NAMESPACE_OID, head.records[0].id))  # nothing was invoked, and AWS names one
            self._give_up(head, "RecordAgeExceeded", request_id=named, raised=False)
        return Piece(piece.records[expired:], piece.spent)

    def _give_up(
        self, piece: Piece[StagedRecord], condition: Condition, *, request_id: str, raised: bool
    ) -> None:
        why = GivenUp(
            condition=condition,
            request_id=request_id,
            function_arn=self._ends.function_arn,
            invocations=max(piece.spent, 1),  # AWS says 1 of what it never tried
            raised=raised,
            at=self._clock.now(),
        )
        letter = self._ends.give_up(piece.records, why)
        if letter is None:
            return  # the stage is being taken down: its next one gives them up
        delivery = self._ends.delivery
        delivery.note(lineage.GivenUp(delivery.worker_id, piece.records, condition, letter))
        if letter:
            delivery.gave_up(records=len(piece.records))
        self._ends.finish(record.id for record in piece.records)

    def _back_off(self, records: Sequence[StagedRecord], why: Why = "back-off") -> None:
        """Wait before anything of this lane is tried again, first of all these records."""
        first, most = BACK_OFF_S
        wait_s = min(first * 2**self._errors_in_a_row, most)
        self._errors_in_a_row += int(wait_s < most)
        until = self._clock.now() + wait_s
        self._ends.delivery.note(Waiting(self._ends.delivery.worker_id, records, until, why))
        self._quit.wait(machine_seconds(self._clock, wait_s))
