"""What a mock cluster holds, written to a folder when it ends and put back when another begins.

Records keep their offsets: where the oldest are gone, as many empty ones are put in their places,
large enough for the cluster to drop them like those before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition
from msgspec import Struct

from worker_runtime.local.stage.parts.kept_ministack import BEGUN, IN_ORDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

KEPT_BYTES: Final = 5 * 1024 * 1024
"""As much of a partition as librdkafka's mock cluster keeps."""

_FILE: Final = "topics.jsonl"
_TIMEOUT_S: Final = 5.0
_TRIES: Final = 10
_CHUNK: Final = 1_000
_FEW: Final = 100
_LARGE_BYTES: Final = 900_000  # clients send no more than a million


class KeptRecord(Struct, frozen=True, tag="record"):
    """One record; bytes are base64 in the file."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


class KeptOffset(Struct, frozen=True, tag="offset"):
    """Where a group goes on in a partition."""

    group: str
    topic: str
    partition: int
    offset: int


def restore(folder: Path, *, servers: str) -> None:
    """Put back what was kept, and note that a cluster has begun."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / _FILE
    if file.exists():
        with file.open("rb") as lines:
            _put_back((msgspec.json.decode(line, type=KeptRecord | KeptOffset) for line in lines), servers)
    (folder / BEGUN).touch()
    (folder / IN_ORDER).unlink(missing_ok=True)


def save(folder: Path, *, servers: str, groups: Iterable[str]) -> None:
    """Write all topics and the offsets of these groups, and note that nothing is missing."""
    new = folder / f"{_FILE}.new"
    with new.open("wb") as lines:
        for each in _held(servers, groups):
            lines.write(msgspec.json.encode(each) + b"\n")
    new.replace(folder / _FILE)
    (folder / IN_ORDER).touch()


def _put_back(kept: Iterable[KeptRecord | KeptOffset], servers: str) -> None:
    producer = Producer({"bootstrap.servers": servers, "log_level": 0})
    following: dict[tuple[str, int], int] = {}
    for each in kept:
        if isinstance(each, KeptOffset):
            producer.flush(_TIMEOUT_S)
            _make(producer, each.topic)
            _commit(each, servers)
            continue
        place = each.topic, each.partition
        if place not in following:
            _fill(producer, each)
        following[place] = each.offset + 1
        producer.produce(
            each.topic,
            each.value,
            each.key,
            each.partition,
            timestamp=max(each.timestamp_ms, 0),
            headers=list(each.headers),
        )
        if each.offset % _CHUNK == 0:
            producer.flush(_TIMEOUT_S)
    producer.flush(_TIMEOUT_S)


def _fill(producer: Producer, first: KeptRecord) -> None:
    """Take the places before the first record that was still there."""
    for at in range(first.offset):
        empty = bytes(min(KEPT_BYTES // first.offset, _LARGE_BYTES))
        producer.produce(first.topic, empty, None, first.partition)
        if at % _FEW == 0 or len(empty) == _LARGE_BYTES:  # what goes together is dropped together
            producer.flush(_TIMEOUT_S)


def _make(producer: Producer, topic: str) -> None:
    """Have a topic that may have no records: it is made when it is asked about."""
    for _ in range(_TRIES):
        if producer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].error is None:
            return


def _commit(kept: KeptOffset, servers: str) -> None:
    consumer = Consumer(_client(servers, kept.group))
    try:
        at = TopicPartition(kept.topic, kept.partition, kept.offset)
        consumer.commit(offsets=[at], asynchronous=False)
    finally:
        consumer.close()


def _held(servers: str, groups: Iterable[str]) -> Iterator[KeptRecord | KeptOffset]:
    """Read all records, then all offsets."""
    consumer = Consumer(_client(servers, "kept-topics"))
    try:
        topics = consumer.list_topics(timeout=_TIMEOUT_S).topics.values()
        places = [TopicPartition(each.topic, partition) for each in topics for partition in each.partitions]
        for place in places:
            yield from _records(consumer, place)
    finally:
        consumer.close()
    for group in groups:
        yield from _offsets(servers, group, places)


def _records(consumer: Consumer, place: TopicPartition) -> Iterator[KeptRecord]:
    first, end = consumer.get_watermark_offsets(place, timeout=_TIMEOUT_S) or (0, 0)
    consumer.assign([TopicPartition(place.topic, place.partition, first)])
    while first < end:
        for message in consumer.consume(min(end - first, _CHUNK), timeout=_TIMEOUT_S) or _nothing_came(place):
            first = (message.offset() or 0) + 1
            key: Any = message.key()
            value: Any = message.value()
            headers: Any = message.headers() or []
            yield KeptRecord(
                place.topic, place.partition, first - 1, message.timestamp()[1], key, value, headers
            )


def _nothing_came(place: TopicPartition) -> list[Any]:
    raise TimeoutError(f"{place.topic}-{place.partition} cannot be read")


def _offsets(servers: str, group: str, places: list[TopicPartition]) -> Iterator[KeptOffset]:
    consumer = Consumer(_client(servers, group))
    try:
        for each in consumer.committed(places, timeout=_TIMEOUT_S):
            if each.offset >= 0:
                yield KeptOffset(group, each.topic, each.partition, each.offset)
    finally:
        consumer.close()


def _client(servers: str, group: str) -> dict[str, Any]:
    return {
        "bootstrap.servers": servers,
        "group.id": group,
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "fetch.wait.max.ms": 10,
        "log_level": 0,
    }
