"""The feed of a table's own stream, whose changes may be put into the form in which Kinesis carries them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from worker_runtime.local.stage.polling.change_records import (
    KINESIS_SHARD,
    CreationTimes,
    carried_record,
    change_record,
)
from worker_runtime.local.stage.polling.feeds import Page, ShardInfo
from worker_runtime.local.stage.polling.on_failure import Shard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.polling.feeds import Position, Shape
    from worker_runtime.local.stage.polling.kinesis_form import KinesisStream
    from worker_runtime.local.stage.polling.staged_records import StagedRecord


class TableChanges:
    """Reads one table's stream; with ``carrier`` its records look as if that Kinesis stream carried them."""

    def __init__(
        self,
        streams: DynamoDBStreamsClient,
        *,
        stream_arn: str,
        clock: Clock,
        carrier: KinesisStream | None = None,
    ) -> None:
        self._streams = streams
        self._stream_arn = stream_arn
        self._clock = clock
        self._carrier = carrier

    @property
    def identity(self) -> str:
        """Its ARN, which says when it was made."""
        return self._stream_arn

    def shards(self) -> list[ShardInfo]:
        """List its shards, parents before their children."""
        found: list[Any] = []
        page: dict[str, Any] = {}
        while True:
            described = self._streams.describe_stream(StreamArn=self._stream_arn, **page)["StreamDescription"]
            found += described["Shards"]
            last = described.get("LastEvaluatedShardId")
            if last is None:
                return [_info(each) for each in found]
            page = {"ExclusiveStartShardId": last}

    def iterator(self, shard_id: str, position: Position) -> str:
        """Begin to read a shard."""
        at = {} if position.sequence is None else {"SequenceNumber": position.sequence}
        return self._streams.get_shard_iterator(
            StreamArn=self._stream_arn, ShardId=shard_id, ShardIteratorType=position.kind, **at
        )["ShardIterator"]

    def read(self, iterator: str, *, limit: int | None = None) -> Page:
        """Take the next changes, up to 1,000."""
        limited: Any = {} if limit is None else {"Limit": limit}
        answer = self._streams.get_records(ShardIterator=iterator, **limited)
        return Page(answer["Records"], answer.get("NextShardIterator"))

    def sequence(self, record: Mapping[str, Any]) -> str:
        """Return a change's sequence number."""
        sequence: str = record["dynamodb"]["SequenceNumber"]
        return sequence

    def shape(self, shard_id: str) -> Shape:  # noqa: ARG002 - a change does not say its shard
        """Return what puts a change into Lambda's form, when it was made told by the stage's clock."""
        return partial(self._shape, CreationTimes(self._clock))

    def shard(self, shard_id: str) -> Shard:
        """Name a shard as Lambda does to the on-failure destination."""
        if self._carrier is None:
            return Shard(info="DDBStreamBatchInfo", stream_arn=self._stream_arn, shard_id=shard_id)
        return Shard(info="KinesisBatchInfo", stream_arn=self._carrier.stream_arn, shard_id=KINESIS_SHARD)

    def located(self, named: str) -> str:
        """Find the shard that Lambda's metadata names; what Kinesis carries it names by Kinesis's shard."""
        ids = [shard.id for shard in self.shards()]
        return named if named in ids else ids[0]

    def _shape(self, times: CreationTimes, change: Mapping[str, Any]) -> StagedRecord:
        created_at = times.of(change)
        record = change_record(change, stream_arn=self._stream_arn, created_at=created_at)
        return record if self._carrier is None else carried_record(record, carrier=self._carrier)


def _info(shard: Mapping[str, Any]) -> ShardInfo:
    parent = shard.get("ParentShardId")
    return ShardInfo(
        shard["ShardId"],
        () if parent is None else (parent,),
        "EndingSequenceNumber" not in shard["SequenceNumberRange"],
    )
