"""A topic of a real Kafka, or of what speaks its protocol, read for one consumer group.

Consumers take their partitions themselves instead of being given them by the group: nobody else is in
it, so there is nothing to rebalance. Only their offsets are the group's.
"""

from __future__ import annotations

import logging
from collections import deque
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import (
    TIMESTAMP_CREATE_TIME,
    TIMESTAMP_LOG_APPEND_TIME,
    Consumer,
    KafkaException,
    TopicPartition,
)

from worker_runtime.local.stage.polling.topic_feed import TopicBroken, TopicRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from confluent_kafka import Message

    from worker_runtime.local.stage.polling.topic_feed import Share, TimestampType
    from worker_runtime.sources.kafka import Start

_ASK_TIMEOUT_S = 2.0
_FETCH_S = 0.1  # what is there arrives much sooner
_FETCHES = 20
_FETCH_WAIT_MS = 20  # how long a broker holds a fetch open; a mock broker answers none sooner
_QUEUED_KBYTES = 16_384

_TIMESTAMP_TYPES: Final[dict[int, TimestampType]] = {
    TIMESTAMP_CREATE_TIME: "CREATE_TIME",
    TIMESTAMP_LOG_APPEND_TIME: "LOG_APPEND_TIME",
}

_log = logging.getLogger(__name__)


class KafkaTopic:
    """One topic of a cluster; ``group`` is whose offsets are kept."""

    def __init__(self, servers: str, *, name: str, group: str) -> None:
        self._settings = {
            "bootstrap.servers": servers,
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",  # of offsets that the topic has forgotten meanwhile
            "fetch.wait.max.ms": _FETCH_WAIT_MS,
            "queued.max.messages.kbytes": _QUEUED_KBYTES,
            "log_level": 0,  # what matters is raised
        }
        self._name = name

    @property
    def name(self) -> str:
        """Its real name."""
        return self._name

    def begin(self, *, start: Start) -> int:
        """Have the group begin at ``start`` unless it has begun; how many partitions there are.

        Where it begins with what comes from now on, it is told so at once: a stage that sees nothing
        of the topic and ends must not pass over what comes before its next one.
        """
        with _asked(self._name), closing(Consumer(self._settings)) as consumer:
            partitions = _partitions(consumer, self._name)
            if start == "LATEST" and not any(each.offset >= 0 for each in _committed(consumer, partitions)):
                for each in partitions:
                    each.offset = _ends(consumer, each)[1]
                _commit(consumer, partitions)
        return len(partitions)

    def reader(self, share: Share) -> KafkaReader:
        """Read a share from where the group is; what was added after it began, from the first record."""
        consumer = Consumer(self._settings)
        with _asked(self._name):
            own = [each for each in _partitions(consumer, self._name) if share.takes(each.partition)]
            beginnings = _beginnings(consumer, own)
        return KafkaReader(consumer, topic=self._name, beginnings=beginnings, share=share)

    def past(self, partition: int, *, first: int, last: int) -> Sequence[TopicRecord]:
        """Read from one offset to another, as far as the topic has them."""
        reader = KafkaReader(Consumer(self._settings), topic=self._name, beginnings={partition: first})
        try:
            return reader.read(most=last - first + 1)
        finally:
            reader.close()


class KafkaReader:
    """Reads some partitions of a topic, each from an offset on.

    Brokers answer in any order. What is read is decided before by what the partitions have, and what
    comes beyond that waits: who reads the same topic again reads the same. Without a ``share`` there is
    nothing to grow by.
    """

    def __init__(
        self, consumer: Consumer, *, topic: str, beginnings: Mapping[int, int], share: Share | None = None
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        self._share = share
        self._next: dict[int, int] = {}
        self._fetched: dict[int, int] = {}
        self._waiting: dict[int, deque[TopicRecord]] = {}
        with _asked(topic):
            self._take_up(beginnings)

    def read(self, *, most: int, but: Collection[int] = ()) -> Sequence[TopicRecord]:
        """Take an equal share of each partition, as far as it has so much, one partition after the other."""
        with _asked(self._topic):
            goals = self._goals(most, self._next.keys() - set(but))
            self._fetch(goals)
        return [record for partition, goal in goals.items() for record in self._take(partition, goal)]

    def has_unread(self) -> bool:
        """Compare what was taken with what there is."""
        with _asked(self._topic):
            if any(at < self._end(partition) for partition, at in self._next.items()):
                return True
            return bool(self._added())

    def grow(self) -> bool:
        """Take up the partitions that were added since, from their first records; whether there are any."""
        with _asked(self._topic):
            added = self._added()
            if added:
                self._take_up(_beginnings(self._consumer, added))
        return bool(added)

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Keep offsets in the group."""
        with _asked(self._topic):
            _commit(self._consumer, [TopicPartition(self._topic, each, at) for each, at in offsets.items()])

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()

    def _added(self) -> list[TopicPartition]:
        """List the partitions of the share that are not read yet."""
        if self._share is None:
            return []
        there = _partitions(self._consumer, self._topic)
        return [
            each for each in there if self._share.takes(each.partition) and each.partition not in self._next
        ]

    def _take_up(self, beginnings: Mapping[int, int]) -> None:
        """Read these too; what was fetched of the others is not fetched again."""
        self._next.update(beginnings)
        self._fetched.update(beginnings)
        self._waiting.update((partition, deque()) for partition in beginnings)
        places = [TopicPartition(self._topic, each, at) for each, at in self._fetched.items()]
        self._consumer.assign(places)

    def _goals(self, most: int, partitions: Iterable[int]) -> dict[int, int]:
        """Say up to which offset each of the partitions is read that has something."""
        ends = {partition: self._end(partition) for partition in sorted(partitions)}
        unread = {partition: end for partition, end in ends.items() if end > self._next[partition]}
        share = max(most // max(len(unread), 1), 1)
        return {partition: min(end, self._next[partition] + share) for partition, end in unread.items()}

    def _fetch(self, goals: Mapping[int, int]) -> None:
        """Have all up to the goals here, or what comes in time."""
        for _ in range(_FETCHES):
            missing = sum(max(goal - self._fetched[partition], 0) for partition, goal in goals.items())
            if not missing:
                return
            for message in self._consumer.consume(missing, timeout=_FETCH_S):
                if (error := message.error()) is not None:
                    raise KafkaException(error)
                record = _record(message)
                self._tell_gap(record)
                self._fetched[record.partition] = record.offset + 1
                self._waiting[record.partition].append(record)

    def _take(self, partition: int, goal: int) -> Iterator[TopicRecord]:
        waiting = self._waiting[partition]
        while waiting and waiting[0].offset < goal:
            yield waiting.popleft()
        self._next[partition] = min(goal, self._fetched[partition])

    def _tell_gap(self, record: TopicRecord) -> None:
        expected = self._fetched[record.partition]
        if record.offset > expected:
            last = record.offset - 1
            _log.warning("%s-%d has no records %d to %d", self._topic, record.partition, expected, last)

    def _end(self, partition: int) -> int:
        return _ends(self._consumer, TopicPartition(self._topic, partition))[1]


@contextmanager
def _asked(topic: str) -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        raise TopicBroken(f"{topic}: {error}") from error


def _ends(consumer: Consumer, partition: TopicPartition) -> tuple[int, int]:
    """Tell the lowest offset that a partition has, and the one that it will have next."""
    ends = consumer.get_watermark_offsets(partition, timeout=_ASK_TIMEOUT_S)
    if ends is None:
        raise TopicBroken(f"{partition.topic}: Kafka does not say what partition {partition.partition} has")
    return ends


def _partitions(consumer: Consumer, topic: str) -> list[TopicPartition]:
    """List the partitions that a topic has."""
    found = consumer.list_topics(topic, timeout=_ASK_TIMEOUT_S).topics[topic]
    if found.error is not None or not found.partitions:
        raise TopicBroken(f"{topic}: Kafka has no such topic: {found.error}")
    return [TopicPartition(topic, each) for each in sorted(found.partitions)]


def _committed(consumer: Consumer, partitions: list[TopicPartition]) -> list[TopicPartition]:
    """Tell where the group is in each partition: below 0 where it has no place there."""
    return consumer.committed(partitions, timeout=_ASK_TIMEOUT_S)


def _commit(consumer: Consumer, places: list[TopicPartition]) -> None:
    for each in consumer.commit(offsets=places, asynchronous=False) or ():
        if each.error is not None:
            raise KafkaException(each.error)


def _beginnings(consumer: Consumer, partitions: list[TopicPartition]) -> dict[int, int]:
    """Say at which offset each partition is taken up; what the topic does not have counts for nothing."""
    beginnings = {}
    for kept in _committed(consumer, partitions):
        first, end = _ends(consumer, kept)
        beginnings[kept.partition] = kept.offset if first <= kept.offset <= end else first
        if kept.offset >= 0 and beginnings[kept.partition] != kept.offset:
            _log.warning("%s-%d has no offset %d any more", kept.topic, kept.partition, kept.offset)
    return beginnings


def _record(message: Message) -> TopicRecord:
    """Take over a message; what it is without, librdkafka gives as None."""
    kind, timestamp_ms = message.timestamp()
    headers: Any = message.headers() or ()
    return TopicRecord(
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        timestamp_ms=timestamp_ms,
        timestamp_type=_TIMESTAMP_TYPES.get(kind, "NO_TIMESTAMP_TYPE"),
        key=_bytes(message.key()),
        value=_bytes(message.value()),
        headers=tuple(headers),
    )


def _bytes(data: Any) -> bytes | None:
    return data.encode() if isinstance(data, str) else data
