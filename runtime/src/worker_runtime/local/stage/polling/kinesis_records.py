"""The feed of a Kinesis stream: its shards and records as they really are."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

from worker_runtime.local.stage.polling.feeds import Page, ShardInfo
from worker_runtime.local.stage.polling.kinesis_form import Kept, kinesis_record
from worker_runtime.local.stage.polling.on_failure import Shard
from worker_runtime.local.stage.polling.stage_time import stage_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_kinesis import KinesisClient

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.polling.feeds import Position, Shape
    from worker_runtime.local.stage.polling.kinesis_form import KinesisStream
    from worker_runtime.local.stage.polling.staged_records import StagedRecord

PAGE: Final = 10_000
"""Records that GetRecords returns at most."""


class KinesisRecords:
    """Reads one Kinesis stream."""

    def __init__(
        self, kinesis: KinesisClient, *, stream: KinesisStream, clock: Clock, page: int = PAGE
    ) -> None:
        """Read ``page`` records a call: what is read waits in memory."""
        self._kinesis = kinesis
        self._stream = stream
        self._clock = clock
        self._page = page

    @cached_property
    def identity(self) -> str:
        """Its ARN and when it was made: another of its name has other sequence numbers."""
        arn = self._stream.stream_arn
        summary = self._kinesis.describe_stream_summary(StreamARN=arn)["StreamDescriptionSummary"]
        return f"{arn}/{summary['StreamCreationTimestamp'].timestamp():.0f}"

    def shards(self) -> list[ShardInfo]:
        """List its shards; merged ones have two parents."""
        found: list[Any] = []
        after: Any = {}
        while True:
            answer = self._kinesis.list_shards(StreamARN=self._stream.stream_arn, **after)
            found += answer["Shards"]
            if "NextToken" not in answer:
                return [_info(each) for each in found]
            after = {"ExclusiveStartShardId": found[-1]["ShardId"]}  # MiniStack knows no token alone

    def iterator(self, shard_id: str, position: Position) -> str:
        """Begin to read a shard."""
        at: Any = {} if position.sequence is None else {"StartingSequenceNumber": position.sequence}
        return self._kinesis.get_shard_iterator(
            StreamARN=self._stream.stream_arn, ShardId=shard_id, ShardIteratorType=position.kind, **at
        )["ShardIterator"]

    def read(self, iterator: str, *, limit: int | None = None) -> Page:
        """Take the next records, a page at most."""
        answer = self._kinesis.get_records(
            ShardIterator=iterator, StreamARN=self._stream.stream_arn, Limit=limit or self._page
        )
        more = bool(answer.get("MillisBehindLatest"))
        return Page(answer["Records"], answer.get("NextShardIterator"), more)

    def sequence(self, record: Mapping[str, Any]) -> str:
        """Return a record's sequence number."""
        sequence: str = record["SequenceNumber"]
        return sequence

    def shape(self, shard_id: str) -> Shape:
        """Return what puts a record into Lambda's form, its arrival told by the stage's clock."""
        return partial(self._shape, shard_id)

    def shard(self, shard_id: str) -> Shard:
        """Name a shard as Lambda does to the on-failure destination."""
        return Shard(info="KinesisBatchInfo", stream_arn=self._stream.stream_arn, shard_id=shard_id)

    def located(self, named: str) -> str:
        """Return the shard itself: Lambda names it as it is."""
        return named

    def _shape(self, shard_id: str, record: Mapping[str, Any]) -> StagedRecord:
        kept = Kept(
            sequence=record["SequenceNumber"],
            partition_key=record["PartitionKey"],
            shard_id=shard_id,
            arrived_at=stage_time(self._clock, record["ApproximateArrivalTimestamp"].timestamp()),
        )
        return kinesis_record(record["Data"], kept=kept, stream=self._stream)


def _info(shard: Mapping[str, Any]) -> ShardInfo:
    parents = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
    return ShardInfo(
        shard["ShardId"],
        tuple(each for each in parents if each is not None),
        "EndingSequenceNumber" not in shard["SequenceNumberRange"],
    )
