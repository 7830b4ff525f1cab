"""What the stream poller relies on in MiniStack's Kinesis, and where it differs; re-run when its pin moves.

A test whose name says "unlike AWS" holds a difference that our own code has to make up for.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_kinesis import KinesisClient

    Unique = Callable[[str], str]

FIRST = "shardId-000000000000"


@pytest.fixture
def stream(kinesis: KinesisClient, unique: Unique) -> str:
    """Make a stream of two shards; its ARN."""
    name = unique("contract")
    kinesis.create_stream(StreamName=name, ShardCount=2)
    return kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]


def put(kinesis: KinesisClient, stream: str, *data: bytes, key: str = "1") -> list[Any]:
    return [kinesis.put_record(StreamARN=stream, Data=each, PartitionKey=key) for each in data]


def iterator(kinesis: KinesisClient, stream: str, shard: str, kind: Any, **at: str) -> str:
    return kinesis.get_shard_iterator(StreamARN=stream, ShardId=shard, ShardIteratorType=kind, **at)[  # type: ignore[arg-type]  # checked by the server
        "ShardIterator"
    ]


def read(kinesis: KinesisClient, at: str) -> list[bytes]:
    return [each["Data"] for each in kinesis.get_records(ShardIterator=at)["Records"]]


def shards(kinesis: KinesisClient, stream: str) -> list[Any]:
    return list(kinesis.list_shards(StreamARN=stream)["Shards"])


def test_what_is_put_right_after_a_latest_iterator_was_made_is_behind_it(
    kinesis: KinesisClient, stream: str
) -> None:
    (record,) = put(kinesis, stream, b"before")
    shard = record["ShardId"]

    at = iterator(kinesis, stream, shard, "LATEST")
    put(kinesis, stream, b"after")

    assert read(kinesis, at) == [b"after"]


def test_reading_goes_on_at_and_after_a_sequence_number(kinesis: KinesisClient, stream: str) -> None:
    first, second, _ = put(kinesis, stream, b"a", b"b", b"c")
    shard, sequence = first["ShardId"], second["SequenceNumber"]

    at = iterator(kinesis, stream, shard, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=sequence)
    after = iterator(kinesis, stream, shard, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=sequence)

    assert (read(kinesis, at), read(kinesis, after)) == ([b"b", b"c"], [b"c"])


def test_sequence_numbers_of_a_shard_grow_as_integers(kinesis: KinesisClient, stream: str) -> None:
    numbers = [int(each["SequenceNumber"]) for each in put(kinesis, stream, *[b"x"] * 12)]

    assert numbers == sorted(set(numbers))


def test_a_record_says_to_the_millisecond_when_it_arrived(kinesis: KinesisClient, stream: str) -> None:
    before = time.time()
    (record,) = put(kinesis, stream, b"\xff\x00")
    after = time.time()

    (found,) = kinesis.get_records(
        ShardIterator=iterator(kinesis, stream, record["ShardId"], "TRIM_HORIZON")
    )["Records"]

    assert found["Data"] == b"\xff\x00"
    assert before - 0.001 <= found["ApproximateArrivalTimestamp"].timestamp() <= after + 0.001


def test_records_of_one_partition_key_are_of_one_shard_and_keys_spread(
    kinesis: KinesisClient, stream: str
) -> None:
    homes = {key: {each["ShardId"] for each in put(kinesis, stream, b"1", b"2", key=key)} for key in "abcd"}

    assert all(len(home) == 1 for home in homes.values())
    assert len(set.union(*homes.values())) == 2


def test_a_stream_that_is_there_already_is_told(kinesis: KinesisClient, stream: str) -> None:
    with pytest.raises(ClientError) as caught:
        kinesis.create_stream(StreamName=stream.rpartition("/")[2], ShardCount=2)

    assert caught.value.response["Error"]["Code"] == "ResourceInUseException"


def test_children_of_a_split_name_their_parent(kinesis: KinesisClient, stream: str) -> None:
    kinesis.split_shard(StreamARN=stream, ShardToSplit=FIRST, NewStartingHashKey=str(2**126))

    children = [each for each in shards(kinesis, stream) if each.get("ParentShardId") == FIRST]

    assert len(children) == 2
    assert all("EndingSequenceNumber" not in each["SequenceNumberRange"] for each in children)


def test_the_child_of_a_merge_names_both_parents(kinesis: KinesisClient, stream: str) -> None:
    one, other = (each["ShardId"] for each in shards(kinesis, stream))

    kinesis.merge_shards(StreamARN=stream, ShardToMerge=one, AdjacentShardToMerge=other)

    (child,) = shards(kinesis, stream)
    assert (child["ParentShardId"], child["AdjacentParentShardId"]) == (one, other)


def test_unlike_aws_a_split_forgets_the_parent_and_all_that_was_unread_in_it(
    kinesis: KinesisClient, stream: str
) -> None:
    at = iterator(kinesis, stream, FIRST, "TRIM_HORIZON")

    kinesis.split_shard(StreamARN=stream, ShardToSplit=FIRST, NewStartingHashKey=str(2**126))

    with pytest.raises(ClientError) as caught:
        kinesis.get_records(ShardIterator=at)
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"
    assert FIRST not in [each["ShardId"] for each in shards(kinesis, stream)]


def test_unlike_aws_a_token_alone_does_not_list_on(kinesis: KinesisClient, stream: str) -> None:
    token = kinesis.list_shards(StreamARN=stream, MaxResults=1)["NextToken"]

    with pytest.raises(ClientError) as caught:
        kinesis.list_shards(NextToken=token)
    after = kinesis.list_shards(StreamARN=stream, ExclusiveStartShardId=FIRST)["Shards"]

    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"
    assert len(after) == 1
