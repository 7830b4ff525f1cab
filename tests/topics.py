"""What tests of the stage's Kafka poller share: a topic in memory, and a function that takes its batches."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from staged import NoAccidents
from worker_runtime import Kafka
from worker_runtime.filters import compile_filters
from worker_runtime.local.stage.counting import Tally
from worker_runtime.local.stage.execution.answers import Answer, Failure, FunctionError, Reply
from worker_runtime.local.stage.execution.invocations import Report
from worker_runtime.local.stage.polling.delivering import Delivery
from worker_runtime.local.stage.polling.kafka_form import KafkaForm
from worker_runtime.local.stage.polling.kafka_poller import retrying_of
from worker_runtime.local.stage.polling.topic_attempts import TopicEnds
from worker_runtime.local.stage.polling.topic_consumer import Batching, TopicConsumer
from worker_runtime.local.stage.polling.topic_feed import Share, TopicBroken, TopicRecord
from worker_runtime.local.stage.threads.real import REAL

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.polling.on_failure import GivenUp
    from worker_runtime.local.stage.polling.staged_records import StagedRecord
    from worker_runtime.sources.kafka import Start

    Partitions = dict[str, list[Any]]
    Handle = Callable[[Partitions], Any]
    Place = tuple[int, int]  # partition, offset

WORKER = "test.worker"
TOPIC = "things"
ALL = Share(0, of=1)
PROVISIONED = Kafka(TOPIC, dead_letters="dlq", pollers=(1, 5), partial_replies=True)


class TopicFunction:
    """Stands where an executor would: hands the partitions of an event to ``handle`` and remembers them.

    What ``handle`` returns is the reply, or the answer itself; what it raises is a function error.
    """

    def __init__(self, handle: Handle = lambda _: None) -> None:
        self.handle = handle
        self.events: list[Any] = []
        self._lock = threading.Lock()

    def invoke(self, event: Any, *, request_id: str | None = None) -> Report:
        read = json.loads(event)
        with self._lock:
            self.events.append(read)
        return Report(request_id=request_id or "", answer=self._answer(read["records"]))

    def kill_one(self, *, in_flight: bool = True) -> int | None:  # noqa: ARG002 - as an executor's
        return None

    def stop(self) -> None:
        pass

    @property
    def batches(self) -> list[list[Place]]:
        """Each batch as partitions and offsets."""
        with self._lock:
            return [places(event["records"]) for event in self.events]

    @property
    def records(self) -> list[Any]:
        with self._lock:
            return [
                record for event in self.events for listed in event["records"].values() for record in listed
            ]

    def _answer(self, partitions: Partitions) -> Answer:
        try:
            answer = self.handle(partitions)
        except Exception as error:
            return FunctionError(error_type=type(error).__name__, message=str(error))
        return answer if isinstance(answer, Reply | Failure) else Reply(json.dumps(answer).encode())


def places(partitions: Partitions) -> list[Place]:
    """Say which records these are."""
    return [(each["partition"], each["offset"]) for listed in partitions.values() for each in listed]


def failed(*those: Place, topic: str = TOPIC) -> dict[str, Any]:
    """Word a partial reply."""
    items = [{"partition": f"{topic}-{partition}", "offset": offset} for partition, offset in those]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in items]}


def at_first(handle: Handle, *, times: int = 1) -> Handle:
    """Handle the first batches in this way and take the others."""
    left = iter(range(times))
    return lambda partitions: None if next(left, None) is None else handle(partitions)


@dataclass
class MemoryTopic:
    """A topic, and the offsets of its one group, which begins at its first records; it can be broken."""

    partitions: int = 2
    name: str = TOPIC
    records: dict[int, list[TopicRecord]] = field(default_factory=dict)
    committed: dict[int, int] = field(default_factory=dict)
    broken: bool = False

    def put(self, partition: int, value: bytes = b"{}", *, at: float = 1_700_000_000.0) -> Place:
        log = self.records.setdefault(partition, [])
        made = TopicRecord(
            partition=partition,
            offset=len(log),
            timestamp_ms=round(at * 1000),
            timestamp_type="CREATE_TIME",
            key=None,
            value=value,
        )
        log.append(made)
        return partition, made.offset

    def begin(self, *, start: Start) -> int:  # noqa: ARG002 - it has one beginning
        return self.partitions

    def reader(self, share: Share = ALL) -> MemoryReader:
        return MemoryReader(self, share)


class MemoryReader:
    """Reads a share of a topic from where its group is."""

    def __init__(self, topic: MemoryTopic, share: Share) -> None:
        self._topic = topic
        self._share = share
        self._next: dict[int, int] = {}
        self._next.update(self._added())

    def read(self, *, most: int, but: Collection[int] = ()) -> Sequence[TopicRecord]:
        self._ask()
        found = [
            record
            for partition, at in self._next.items()
            if partition not in but
            for record in self._topic.records.get(partition, [])[at:]
        ][:most]
        for record in found:
            self._next[record.partition] = record.offset + 1
        return found

    def has_unread(self) -> bool:
        self._ask()
        unread = any(len(self._topic.records.get(each, [])) > at for each, at in self._next.items())
        return unread or bool(self._added())

    def grow(self) -> bool:
        self._ask()
        added = self._added()
        self._next.update(added)
        return bool(added)

    def commit(self, offsets: Mapping[int, int]) -> None:
        self._ask()
        self._topic.committed.update(offsets)

    def close(self) -> None:
        pass

    def _added(self) -> dict[int, int]:
        there = (each for each in range(self._topic.partitions) if self._share.takes(each))
        return {each: self._topic.committed.get(each, 0) for each in there if each not in self._next}

    def _ask(self) -> None:
        if self._topic.broken:
            raise TopicBroken("things: nobody answers")


class Destination:
    """Where given up records are told."""

    def __init__(self) -> None:
        self.told: list[tuple[list[Place], GivenUp]] = []
        self.open = True

    def give_up(self, records: Sequence[StagedRecord], why: GivenUp) -> str | None:
        if self.open:
            self.told.append(([(each.raw["partition"], each.raw["offset"]) for each in records], why))
        return "message" if self.open else None

    @property
    def places(self) -> list[Place]:
        return [place for listed, _ in self.told for place in listed]


def consumer_of(
    topic: MemoryTopic,
    function: TopicFunction,
    *,
    clock: Clock,
    source: Kafka = PROVISIONED,
    destination: Destination | None = None,
) -> TopicConsumer:
    """Make a consumer of all partitions, to be stepped by hand."""
    return TopicConsumer(
        topic.reader(),
        batching=Batching(
            topic=TOPIC,
            filters=compile_filters(source.filters, data_key="value"),
            batch_size=source.batch_size,
            window_s=source.window_s or 0,
        ),
        retrying=retrying_of(source),
        ends=TopicEnds(
            delivery=Delivery(WORKER, invoker=function, tally=Tally([WORKER]), accidents=NoAccidents()),
            form=KafkaForm(servers="b-1:9092", cluster_arn=None, reports=source.partial_replies),
            function_arn="arn:aws:lambda:us-east-1:000000000000:function:local-worker",
            give_up=(destination or Destination()).give_up,
        ),
        clock=clock,
        quit=REAL.flag(),
    )
