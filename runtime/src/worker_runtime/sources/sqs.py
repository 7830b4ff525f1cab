"""SQS queues, standard and FIFO: messages in, failed ones listed, dead letters and deferrals sent."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from worker_runtime.clients.sqs_limits import ATTRIBUTES_A_MESSAGE, LONGEST_VISIBILITY_S, VISIBILITY_MAX_S
from worker_runtime.effects import ChangeVisibility, Effect, Refuse, Send
from worker_runtime.errors import DeclarationError, Reject, text_of
from worker_runtime.grants import Grant, spills
from worker_runtime.outcomes import HALT_VISIBILITY_S, Deferred, Failed, Family, Outcome, Rejected
from worker_runtime.sources import (
    OF_BATCHES,
    admitted,
    all_over,
    check_item_failures,
    check_names,
    check_patterns,
    check_range,
    item_failures,
    outer_records,
    redelivered,
)
from worker_runtime.sources.bodies import body_decoder
from worker_runtime.sources.said_inside import CORRELATION
from worker_runtime.sources.sqs_record import COUNT_DIGITS, DEFERRALS, MALFORMED, SqsRecord, as_sent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from worker_runtime.records import Record
    from worker_runtime.sources import Shape

BATCH_MAX: Final = 10_000  # CreateEventSourceMapping, BatchSize: a standard queue
FIFO_BATCH_MAX: Final = 10  # the same: a FIFO queue
WINDOW_MAX_S: Final = 300  # CreateEventSourceMapping, MaximumBatchingWindowInSeconds
CONCURRENCY: Final = (2, 1_000)  # ScalingConfig, MaximumConcurrency
RECEIVES: Final = (1, 1_000)  # RedrivePolicy, maxReceiveCount
FIFO_RECEIVES_MIN: Final = 10  # what waits behind a failed message spends a receive unstarted
DELAY_MAX_S: Final = 900  # SendMessage, DelaySeconds
DEFERRALS_MAX: Final = 10**COUNT_DIGITS - 1  # above it nobody could count
VISIBILITY_SPARE_S: Final = 2  # a queue's visibility timeout is the function's time-out and this


class Sqs(Struct, frozen=True, rename="camel"):
    """Take the messages of a queue; a name that ends in ``.fifo`` is a FIFO queue's.

    ``max_receives`` and ``dead_letters`` are the redrive policy; ours go to the same queue. A Defer
    past ``max_deferrals`` is a Reject. ``filters`` are event patterns whose root key is ``body``.
    ``visibility_s`` defaults to the worker's time-out and two seconds.
    """

    queue: str
    batch_size: int = 10
    window_s: int = 0
    max_receives: int = 3
    dead_letters: str | None = None
    spill_bucket: str | None = None
    visibility_s: int | None = None
    max_concurrency: int | None = None
    max_deferrals: int = 48
    filters: tuple[Any, ...] = ()

    @property
    def kind(self) -> str:
        """``sqs`` or ``sqs_fifo``."""
        return self.family.value

    @property
    def name(self) -> str:
        """The queue's logical name."""
        return self.queue

    @property
    def family(self) -> Family:
        """FIFO queues have a column of their own."""
        return Family.FIFO if self.queue.endswith(".fifo") else Family.SQS

    @property
    def ordered(self) -> bool:
        """A FIFO queue keeps order inside a message group."""
        return self.family is Family.FIFO

    @property
    def stops(self) -> bool:
        """A failed message holds back nothing but its own group."""
        return False

    @property
    def shapes(self) -> frozenset[Shape]:
        """Messages one by one, or the batch."""
        return OF_BATCHES

    def check(self, *, worker: str, timeout_s: float) -> None:
        """Refuse settings that AWS refuses, or that lose messages with this worker."""
        who = f"{worker}: Sqs({self.queue!r})"
        check_names(who, queue=self.queue, dead_letters=self.dead_letters, spill_bucket=self.spill_bucket)
        fifo = self.ordered
        check_range(f"{who} batch_size", self.batch_size, 1, FIFO_BATCH_MAX if fifo else BATCH_MAX)
        check_range(f"{who} window_s", self.window_s, 0, 0 if fifo else WINDOW_MAX_S)
        check_range(f"{who} max_receives", self.max_receives, *RECEIVES)
        check_range(f"{who} max_deferrals", self.max_deferrals, 0, DEFERRALS_MAX, who_says="say")
        if self.max_concurrency is not None:
            check_range(f"{who} max_concurrency", self.max_concurrency, *CONCURRENCY)
        check_range(f"{who} visibility_s", self.visibility_for(timeout_s), 0, VISIBILITY_MAX_S)
        check_patterns(self.filters, data_key="body")
        if self.batch_size > FIFO_BATCH_MAX and not self.window_s:
            raise DeclarationError(f"{who} batch_size above 10 needs a window; say window_s=1 or more.")
        if fifo and self.max_receives < FIFO_RECEIVES_MIN:
            raise DeclarationError(
                f"{who} max_receives is {self.max_receives}; messages behind a failed one spend receives"
                f" without being started: say max_receives={FIFO_RECEIVES_MIN} or more."
            )
        if self.dead_letters == self.queue:
            raise DeclarationError(f"{who} is its own dead_letters, which never ends; name another queue.")
        if self.dead_letters and self.dead_letters.endswith(".fifo") != fifo:
            raise DeclarationError(f"{who} and its dead_letters must both be FIFO queues, or neither.")
        if self.spill_bucket and not self.dead_letters:
            raise DeclarationError(f"{who} has a spill_bucket and no dead_letters to fill it; name a queue.")
        if self.visibility_for(timeout_s) < timeout_s:
            raise DeclarationError(
                f"{who} visibility_s is below the worker's time-out of {timeout_s} s; raise it."
            )

    def visibility_for(self, timeout_s: float) -> int:
        """Seconds that the queue hides a message which a worker with this time-out received."""
        return int(timeout_s) + VISIBILITY_SPARE_S if self.visibility_s is None else self.visibility_s

    def recognises(self, event: Any) -> bool:
        """Whether the event is a batch of queue messages."""
        return outer_records(event, "aws:sqs")

    def owns(self, event: Any) -> bool:
        """Whether the first message came from this queue."""
        records = event["Records"]
        return bool(records) and str(records[0].get("eventSourceARN", "")).endswith(self.queue)

    def records(self, event: Any) -> list[Record[Any]]:
        """One record a message, its body still text."""
        return [SqsRecord(raw.get("messageId"), raw.get("body"), raw) for raw in event["Records"]]

    def decoder(self, model: Any) -> Callable[[Record[Any]], Any]:
        """Decode the payload, which is JSON unless the worker takes ``bytes`` or ``str``."""
        return body_decoder(model)

    def admit(self, record: Record[Any], outcome: Outcome) -> Outcome:
        """Bound deferrals; without dead letters a rejected message is left to the queue's redrive."""
        if isinstance(outcome, Deferred) and not self.ordered:
            outcome = self._deferrable(record, outcome)
        return admitted(self.family, outcome, dead_letters=self.dead_letters)

    def _deferrable(self, record: Record[Any], outcome: Deferred) -> Outcome:
        if record.deferrals >= self.max_deferrals:
            tired = Reject(
                "TOO_MANY_DEFERRALS", f"{record.deferrals} so far; the last: {text_of(outcome.error)}"
            )
            return Rejected(tired.code, tired)
        if len({*(record.raw.get("messageAttributes") or ()), CORRELATION, DEFERRALS}) > ATTRIBUTES_A_MESSAGE:
            return Failed(outcome.error, outcome.after_s)  # no room to carry and count, so a receive counts
        return outcome

    def effects(
        self, records: Sequence[Record[Any]], outcomes: Sequence[Outcome], *, worker: str
    ) -> list[Effect]:
        """Dead letters and deferrals to send, visibility to change."""
        again = self._again(records, outcomes)
        listed: list[Effect] = list(self._visibility(records, outcomes, again))
        for at, (record, outcome) in enumerate(zip(records, outcomes, strict=True)):
            match outcome:
                case Rejected(written=False) if self.dead_letters and not again[at]:
                    listed.append(self._letter(at, record, outcome, worker))
                case Deferred(after_s=after_s) if not again[at]:
                    listed.append(_later(at, self.queue, record, after_s))
        return listed

    def _letter(self, at: int, record: Record[Any], outcome: Rejected, worker: str) -> Effect:
        from worker_runtime.dead_letters import (  # noqa: PLC0415 - seldom needed
            Postbox,
            Reason,
            enveloped,
            marked_original,
        )

        assert self.dead_letters is not None  # noqa: S101 - effects() saw to it
        reason = Reason.of(record, outcome, worker=worker, source=self.kind)
        box = Postbox(queue=self.dead_letters, spill_bucket=self.spill_bucket)
        try:
            return marked_original(at, record, original=as_sent(record), reason=reason, to=box)
        except MALFORMED:
            return enveloped(at, record, reason=reason, to=box)

    def _again(self, records: Sequence[Record[Any]], outcomes: Sequence[Outcome]) -> list[bool]:
        """Say which messages come again: on a FIFO queue the failed ones and what follows in their group."""
        family = self.family
        again = [redelivered(family, outcome) for outcome in outcomes]
        if self.ordered and any(again):
            blocked: set[str] = set()
            for at, record in enumerate(records):
                again[at] = again[at] or record.lane in blocked
                blocked.update((record.lane,) if again[at] else ())
        return again

    def _visibility(
        self, records: Sequence[Record[Any]], outcomes: Sequence[Outcome], again: Sequence[bool]
    ) -> Iterator[ChangeVisibility]:
        """Hide failed messages as long as they ask, with their group; after a Halt all that is left."""
        halted = any(isinstance(outcome, Failed) and outcome.halted for outcome in outcomes)
        waits: dict[str, float] = {}
        for at, (record, outcome) in enumerate(zip(records, outcomes, strict=True)):
            if not again[at]:
                continue
            asked = outcome.after_s if isinstance(outcome, Failed) else None
            if self.ordered:
                asked = waits.setdefault(record.lane, asked) if asked is not None else waits.get(record.lane)
            after_s = HALT_VISIBILITY_S if halted else asked
            handle = record.raw.get("receiptHandle")
            if after_s is not None and handle:
                yield ChangeVisibility(
                    at, self.queue, handle, _whole_s(after_s, at_most=LONGEST_VISIBILITY_S)
                )

    def reply(self, records: Sequence[Record[Any]], outcomes: Sequence[Outcome]) -> Any:
        """List the failed messages; on a FIFO queue with all that follow in their group."""
        if all_over(self.family, outcomes):
            return item_failures(())
        again = self._again(records, outcomes)
        return item_failures(record.id for record, failed in zip(records, again, strict=True) if failed)

    def check_reply(self, reply: Any, *, worded: Any, records: Sequence[Record[Any]]) -> None:
        """Let middleware list more of the batch, never less."""
        check_item_failures(reply, worded=worded, records=records)

    def grants(self) -> tuple[Grant, ...]:
        """Consume the queue; send deferrals back to it and dead letters on."""
        consume = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "ChangeMessageVisibility")
        own = (*consume, "SendMessage") if not self.ordered else consume
        queue = Grant("queue", self.queue, tuple(f"sqs:{action}" for action in own))
        if self.dead_letters is None:
            return (queue,)
        return (queue, Grant("queue", self.dead_letters, ("sqs:SendMessage",)), *spills(self.spill_bucket))

    def describe(self, *, timeout_s: int) -> dict[str, Any]:
        """Its settings as plain data, for the manifest."""
        settings = msgspec.to_builtins(replace(self, visibility_s=self.visibility_for(timeout_s)))
        return {"kind": self.kind, "name": self.name, "reports": "batchItemFailures", **settings}


def _later(at: int, queue: str, record: Record[Any], after_s: float) -> Effect:
    """Copy a message with one more deferral counted, to be sent again."""
    try:
        message = as_sent(record)
    except MALFORMED as error:
        return Refuse(at, error)
    counted = {CORRELATION: record.correlation_id, **message.attributes, DEFERRALS: str(record.deferrals + 1)}
    later = replace(message, attributes=counted, delay_s=_whole_s(after_s, at_most=DELAY_MAX_S))
    return Send(at, queue, later)


def _whole_s(seconds: float, *, at_most: int) -> int:
    """Round up what a worker asked for, whatever number that is, to what AWS takes."""
    return ceil(min(max(0, seconds), at_most))
