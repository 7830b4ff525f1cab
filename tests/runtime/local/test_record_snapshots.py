"""Records of streams as recorded from AWS, made of what the streams' own APIs answer."""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime
from typing import Any

import pytest

from known_gaps import each_of
from snapshots import NAMES, content, events, like
from worker_runtime.clock import RealClock
from worker_runtime.local.stage.polling.kinesis_form import KinesisStream
from worker_runtime.local.stage.polling.kinesis_records import KinesisRecords
from worker_runtime.local.stage.polling.table_changes import TableChanges

NOBODY: Any = None
SHARD = "shardId-000000000000"


def holding(key: str) -> list[str]:
    """List the snapshots with records that have this key."""
    return [name for name in NAMES if any(key in each for batch in events(content(name)) for each in batch)]


def moment(epoch_s: float) -> datetime:
    return datetime.fromtimestamp(epoch_s, tz=UTC)


def as_boto3_has_it(value: Any) -> Any:
    """Make a typed value of a table what boto3 makes of it: binary is bytes."""
    if isinstance(value, dict):
        return {k: b64decode(each) if k == "B" else as_boto3_has_it(each) for k, each in value.items()}
    return [as_boto3_has_it(each) for each in value] if isinstance(value, list) else value


def kinesis_record(theirs: Any) -> Any:
    """Shape what GetRecords of Kinesis answers."""
    inner = theirs["kinesis"]
    stream = KinesisStream(stream_arn=theirs["eventSourceARN"], role_arn=theirs["invokeIdentityArn"])
    answered = {
        "SequenceNumber": inner["sequenceNumber"],
        "PartitionKey": inner["partitionKey"],
        "Data": b64decode(inner["data"]),
        "ApproximateArrivalTimestamp": moment(inner["approximateArrivalTimestamp"]),
    }
    shard = theirs["eventID"].partition(":")[0]
    return KinesisRecords(NOBODY, stream=stream, clock=RealClock()).shape(shard)(answered).raw


def table_change(theirs: Any) -> Any:
    """Shape what GetRecords of DynamoDB Streams answers."""
    inner = as_boto3_has_it(theirs["dynamodb"])
    inner["ApproximateCreationDateTime"] = moment(inner["ApproximateCreationDateTime"])
    answered = {name: each for name, each in theirs.items() if name != "eventSourceARN"} | {"dynamodb": inner}
    feed = TableChanges(NOBODY, stream_arn=theirs["eventSourceARN"], clock=RealClock())
    return feed.shape(SHARD)(answered).raw


@pytest.mark.parametrize("name", each_of(holding("kinesis")))
def test_a_kinesis_record_is_in_the_recorded_form(name: str) -> None:
    for batch in events(content(name)):
        for theirs in batch:
            ours = kinesis_record(theirs)

            assert like(ours, {**theirs, "kinesis": {**theirs["kinesis"], **arrival(ours)}})
            assert isinstance(ours["kinesis"]["approximateArrivalTimestamp"], float)


def arrival(record: Any) -> Any:
    return {"approximateArrivalTimestamp": record["kinesis"]["approximateArrivalTimestamp"]}


@pytest.mark.parametrize("name", each_of(holding("dynamodb")))
def test_a_change_is_in_the_recorded_form(name: str) -> None:
    for batch in events(content(name)):
        for theirs in batch:
            ours = table_change(theirs)

            assert like(ours, theirs)
