"""A queue and a stream in memory, for the stage's pollers, whose threads take turns on a clock that jumps."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from staged import WORKER, NoAccidents, ScriptedFunction
from worker_runtime.local.stage.counting import Tally
from worker_runtime.local.stage.polling.change_records import restaged
from worker_runtime.local.stage.polling.checkpoints import Checkpoints
from worker_runtime.local.stage.polling.delivering import Delivery
from worker_runtime.local.stage.polling.feeds import Page, Position, ShardInfo
from worker_runtime.local.stage.polling.on_failure import OnFailureQueue, Shard
from worker_runtime.local.stage.polling.polled_queue import PolledQueue
from worker_runtime.local.stage.polling.sqs_poller import SqsPoller
from worker_runtime.local.stage.polling.stream_poller import StreamPoller
from worker_runtime.local.stage.polling.visibility import VisibilityBook
from worker_runtime.local.stage.threads.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from worker_runtime import Sqs
    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.polling.feeds import Shape
    from worker_runtime.local.stage.polling.on_failure import BatchInfo
    from worker_runtime.sources.streams import StreamSource

ORIGIN = 1_700_000_000.0
QUEUE_ARN = "arn:aws:sqs:us-east-1:000000000000:listed"
STREAM_ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/listed"
FUNCTION_ARN = "arn:aws:lambda:us-east-1:000000000000:function:local-worker"
SHARD = "shardId-000000000000"
VISIBILITY_S = 30.0
LONG_S = 600.0


@dataclass
class Kept:
    """A message of a queue, and until when it is hidden."""

    sent: dict[str, Any]
    receives: int = 0
    receipt: str = ""
    hidden_until: float = 0.0
    attributes: dict[str, str] = field(default_factory=dict)


class ListedQueue:
    """What SQS does of a queue, and no more than pollers ask of it; ``dead`` is where redrive leads."""

    def __init__(self, clock: Clock, *, max_receives: int = 1_000) -> None:
        self.dead: list[dict[str, Any]] = []
        self._clock = clock
        self._max_receives = max_receives
        self._messages: list[Kept] = []
        self._numbers = count(1)

    def send(
        self, body: str, *, message_id: str | None = None, group: str = "", dedup: str = "", **given: Any
    ) -> str:
        """Put a message in; ``given`` are more of the keys under which it is received."""
        number = next(self._numbers)
        named = message_id or f"00000000-0000-0000-0000-{number:012}"
        fifo = {"MessageGroupId": group, "MessageDeduplicationId": dedup, "SequenceNumber": f"{number:020}"}
        sent = {"MessageId": named, "Body": body, "MD5OfBody": _md5(body), **given}
        self._messages.append(Kept(sent, attributes=fifo if group else {}))
        return named

    def send_message(self, *, MessageBody: str, **_: Any) -> Any:  # noqa: N803 - as boto3 has it
        """Put a message in, as whoever gives records up does."""
        return {"MessageId": self.send(MessageBody)}

    def bodies(self) -> list[str]:
        """List what is in it."""
        return [each.sent["Body"] for each in self._messages]

    def receive_message(self, *, MaxNumberOfMessages: int, VisibilityTimeout: float, **_: Any) -> Any:  # noqa: N803 - as boto3 has it
        """Hand out messages that are visible; of a group none behind one that is not."""
        given: list[dict[str, Any]] = []
        blocked: set[str] = set()
        for kept in list(self._messages):
            group = kept.attributes.get("MessageGroupId", "")
            if kept.hidden_until > self._clock.now() or group in blocked:
                blocked |= {group} if group else set()
            elif kept.receives >= self._max_receives:
                self._messages.remove(kept)
                self.dead.append(kept.sent)
            elif len(given) < MaxNumberOfMessages:
                given.append(self._hand_out(kept, hidden_s=VisibilityTimeout))
        return {"Messages": given} if given else {}

    def delete_message_batch(self, *, Entries: Any, **_: Any) -> Any:  # noqa: N803 - as boto3 has it
        """Delete messages by their receipts."""
        receipts = {entry["ReceiptHandle"] for entry in Entries}
        self._messages = [each for each in self._messages if each.receipt not in receipts]
        return {}

    def change_message_visibility_batch(self, *, Entries: Any, **_: Any) -> Any:  # noqa: N803 - as boto3 has it
        """Hide messages for another while, or no longer."""
        wanted = {entry["ReceiptHandle"]: entry["VisibilityTimeout"] for entry in Entries}
        for each in self._messages:
            if each.receipt in wanted:
                each.hidden_until = self._clock.now() + wanted[each.receipt]
        return {}

    def get_queue_attributes(self, **_: Any) -> Any:
        """Count all messages, whatever their state."""
        return {"Attributes": {"ApproximateNumberOfMessages": str(len(self._messages))}}

    def _hand_out(self, kept: Kept, *, hidden_s: float) -> dict[str, Any]:
        now = self._clock.now()
        kept.receives += 1
        kept.receipt = f"receipt-{next(self._numbers)}"
        kept.hidden_until = now + hidden_s
        kept.attributes |= {"SenderId": "AIDA", "SentTimestamp": str(round(now * 1000))}
        kept.attributes.setdefault("ApproximateFirstReceiveTimestamp", str(round(now * 1000)))
        kept.attributes["ApproximateReceiveCount"] = str(kept.receives)
        return {**kept.sent, "ReceiptHandle": kept.receipt, "Attributes": dict(kept.attributes)}


class ListedStream:
    """A stream of one shard whose records are listed, in the form in which Lambda has them."""

    identity = STREAM_ARN

    def __init__(self, records: Sequence[Mapping[str, Any]], *, info: BatchInfo) -> None:
        self._records = [dict(each) for each in records]
        self._info = info

    def put(self, record: Mapping[str, Any]) -> None:
        """Add a record."""
        self._records.append(dict(record))

    def shards(self) -> list[ShardInfo]:
        return [ShardInfo(SHARD, (), is_open=True)]

    def iterator(self, shard_id: str, position: Position) -> str:  # noqa: ARG002 - there is one shard
        sequences = [self.sequence(each) for each in self._records]
        at = {"TRIM_HORIZON": 0, "LATEST": len(sequences)}.get(position.kind)
        if at is None and position.sequence is not None:
            at = sequences.index(position.sequence) + (position.kind == "AFTER_SEQUENCE_NUMBER")
        return str(at)

    def read(self, iterator: str, *, limit: int | None = None) -> Page:
        records = self._records[int(iterator) :][:limit]
        return Page(records, str(int(iterator) + len(records)))

    def sequence(self, record: Mapping[str, Any]) -> str:
        return restaged(record).id

    def shape(self, shard_id: str) -> Shape:  # noqa: ARG002 - there is one shard
        return restaged

    def shard(self, shard_id: str) -> Shard:
        return Shard(info=self._info, stream_arn=STREAM_ARN, shard_id=shard_id)

    def located(self, named: str) -> str:
        return named


class PolledList:
    """A worker behind the stage's own poller of a listed queue or stream."""

    def __init__(self, function: ScriptedFunction, *, max_receives: int = 1_000) -> None:
        self.function = function
        self.turns = Turns(speed=60, origin=ORIGIN)
        self.clock = self.turns.clock
        self.queue = ListedQueue(self.clock, max_receives=max_receives)
        self.given_up = ListedQueue(self.clock)
        accidents = NoAccidents()
        self._delivery = Delivery(WORKER, invoker=function, tally=Tally([WORKER]), accidents=accidents)

    def poll_queue(self, source: Sqs, **settings: int) -> None:
        """Poll the queue until it is empty; ``settings`` are the poller's."""
        sqs: Any = self.queue
        book = VisibilityBook(sqs, clock=self.clock, threads=self.turns)
        poller = SqsPoller(
            source,
            queue=PolledQueue(url=source.queue, arn=QUEUE_ARN, visibility_s=VISIBILITY_S),
            delivery=self._delivery,
            sqs=sqs,
            book=book,
            clock=self.clock,
            threads=self.turns,
            **settings,
        )
        book.start()
        self._see_through(poller)
        book.stop()

    def poll_stream(self, source: StreamSource, feed: ListedStream, *, folder: Path) -> None:
        """Poll the stream until all of it is done or given up."""
        sqs: Any = self.given_up
        folder.mkdir(exist_ok=True)
        poller = StreamPoller(
            source,
            feed=feed,
            function_arn=FUNCTION_ARN,
            delivery=self._delivery,
            on_failure=OnFailureQueue(sqs, "given-up"),
            checkpoints=Checkpoints(folder / "checkpoints.json"),
            clock=self.clock,
            threads=self.turns,
        )
        self._see_through(poller)

    def _see_through(self, poller: SqsPoller | StreamPoller) -> None:
        poller.start()
        while poller.busy():
            assert self.clock.now() < ORIGIN + LONG_S, "it does not come to an end"
            self.clock.sleep(1)
        poller.stop()


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
