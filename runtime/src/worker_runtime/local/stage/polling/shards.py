"""Reads the shards of a table's stream, each from a checkpoint on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

Start = Literal["LATEST", "TRIM_HORIZON"]

_GONE = {"TrimmedDataAccessException", "ExpiredIteratorException"}


@dataclass(frozen=True, slots=True)
class ShardInfo:
    """A shard, the one that it continues, and whether changes are still added to it."""

    id: str
    parent: str | None
    is_open: bool


def list_shards(streams: DynamoDBStreamsClient, stream_arn: str) -> list[ShardInfo]:
    """List the shards of a stream, parents before their children."""
    found: list[Any] = []
    page: dict[str, Any] = {}
    while True:
        described = streams.describe_stream(StreamArn=stream_arn, **page)["StreamDescription"]
        found += described["Shards"]
        last = described.get("LastEvaluatedShardId")
        if last is None:
            break
        page = {"ExclusiveStartShardId": last}
    return [
        ShardInfo(
            each["ShardId"],
            each.get("ParentShardId"),
            "EndingSequenceNumber" not in each["SequenceNumberRange"],
        )
        for each in found
    ]


class ShardReader:
    """Goes through one shard; ``closed`` once all of a closed one has been read. For one thread at a time."""

    def __init__(
        self,
        streams: DynamoDBStreamsClient,
        *,
        stream_arn: str,
        shard_id: str,
        after: str | None,
        start: Start,
    ) -> None:
        """Begin after the sequence number ``after``, else (or where it is trimmed) as ``start`` says."""
        self._streams = streams
        self._stream_arn = stream_arn
        self.shard_id = shard_id
        self._last = after
        self._iterator: str | None = self._iterator_at(start)

    @property
    def closed(self) -> bool:
        """Whether nothing is left and nothing will come."""
        return self._iterator is None

    def read(self) -> list[Mapping[str, Any]]:
        """Take the next changes, up to 1,000, in boto3's form; none where there are none yet."""
        if self._iterator is None:
            return []
        try:
            answer = self._streams.get_records(ShardIterator=self._iterator)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise
            self._iterator = self._iterator_at("TRIM_HORIZON")
            return []
        changes: list[Any] = answer["Records"]
        if changes:
            self._last = changes[-1]["dynamodb"]["SequenceNumber"]
        self._iterator = answer.get("NextShardIterator")
        return changes

    def has_unread(self) -> bool:
        """Look whether there are changes that ``read`` has not taken yet."""
        if self._iterator is None:
            return False
        return bool(self._streams.get_records(ShardIterator=self._iterator, Limit=1)["Records"])

    def _iterator_at(self, start: Start) -> str:
        if self._last is not None:
            try:
                return shard_iterator(
                    self._streams, self._stream_arn, self.shard_id, "AFTER_SEQUENCE_NUMBER", self._last
                )
            except ClientError as error:
                if error.response["Error"]["Code"] not in _GONE:
                    raise
                start = "TRIM_HORIZON"
        return shard_iterator(self._streams, self._stream_arn, self.shard_id, start)


def shard_iterator(
    streams: DynamoDBStreamsClient, stream_arn: str, shard_id: str, kind: Any, sequence: str | None = None
) -> str:
    """Get an iterator of a shard, at a sequence number where ``kind`` asks for one."""
    at = {} if sequence is None else {"SequenceNumber": sequence}
    return streams.get_shard_iterator(StreamArn=stream_arn, ShardId=shard_id, ShardIteratorType=kind, **at)[
        "ShardIterator"
    ]


def read_range(
    streams: DynamoDBStreamsClient, *, stream_arn: str, shard_id: str, first: str, last: str
) -> Iterator[Mapping[str, Any]]:
    """Read the changes from one sequence number to another; ClientError where they are trimmed."""
    iterator: str | None = shard_iterator(streams, stream_arn, shard_id, "AT_SEQUENCE_NUMBER", first)
    while iterator is not None:
        answer = streams.get_records(ShardIterator=iterator)
        for change in answer["Records"]:
            if int(change["dynamodb"]["SequenceNumber"]) > int(last):
                return
            yield change
        if not answer["Records"]:
            return
        iterator = answer.get("NextShardIterator")
