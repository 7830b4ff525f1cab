"""Kafka's records in the very shape in which Lambda sends them, and what a reply says of them."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from worker_runtime.local.stage.execution.answers import Reply
from worker_runtime.local.stage.polling.batches import AllDone, read_answer
from worker_runtime.local.stage.polling.stage_time import stage_time
from worker_runtime.local.stage.polling.staged_records import staged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.execution.answers import Answer
    from worker_runtime.local.stage.polling.batches import Reading
    from worker_runtime.local.stage.polling.staged_records import StagedRecord
    from worker_runtime.local.stage.polling.topic_feed import TopicRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaForm:
    """The events of one mapping; ``cluster_arn`` is MSK's, a self-managed cluster has none.

    ``reports`` says that the mapping reads ``batchItemFailures``; else any reply is success.
    """

    servers: str
    cluster_arn: str | None
    reports: bool

    def event_of(self, records: Sequence[StagedRecord]) -> bytes:
        """Join records to an event, each below its partition."""
        partitions: dict[str, list[bytes]] = {}
        for record in records:
            partitions.setdefault(record.lane, []).append(record.json)
        joined = b",".join(b'"%b":[%b]' % (name.encode(), b",".join(r)) for name, r in partitions.items())
        if self.cluster_arn is None:
            head = b'"eventSource":"SelfManagedKafka"'
        else:
            head = b'"eventSource":"aws:kafka","eventSourceArn":"%b"' % self.cluster_arn.encode()
        return b'{%b,"bootstrapServers":"%b","records":{%b}}' % (head, self.servers.encode(), joined)

    def read(self, answer: Answer, records: Sequence[StagedRecord]) -> Reading:
        """Tell which of the records Lambda takes for done after this answer."""
        if isinstance(answer, Reply) and not self.reports:
            return AllDone()
        return read_answer(answer, ids={record.id for record in records}, id_in=id_in)


def id_in(identifier: object) -> str | None:
    """Read an ``itemIdentifier``: a partition (``topic-0``) and an offset; None where it is none."""
    match identifier:
        case {"partition": str(partition), "offset": int(offset)} if not isinstance(offset, bool):
            return f"{partition}:{offset}"
    return None


def kafka_record(record: TopicRecord, *, topic: str, clock: Clock) -> StagedRecord:
    """Shape a record; its time stamp is told by the stage's clock."""
    lane = f"{topic}-{record.partition}"
    arrived_at = stage_time(clock, record.timestamp_ms / 1000)
    raw: dict[str, Any] = {
        "topic": topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": round(arrived_at * 1000),
        "timestampType": record.timestamp_type,
        "key": _base64(record.key),
        "value": _base64(record.value),
        "headers": [{name: None if value is None else _signed(value)} for name, value in record.headers],
    }
    return staged(f"{lane}:{record.offset}", raw, arrived_at=arrived_at, lane=lane)


def _base64(data: bytes | None) -> str | None:
    return None if data is None else b64encode(data).decode()


def _signed(data: bytes) -> list[int]:
    """Write a header's bytes as numbers with a sign, as Lambda's poller, a Java program, does."""
    return list(memoryview(data).cast("b"))
