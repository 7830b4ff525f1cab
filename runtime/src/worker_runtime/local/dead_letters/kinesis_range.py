"""Reads records of a Kinesis stream again, by the range that Lambda's metadata names."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from worker_runtime.local.stage.polling.staged_records import StagedRecord, staged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_kinesis import KinesisClient

    from worker_runtime.local.stage.polling.change_records import Carrier


def read_carried(
    kinesis: KinesisClient, *, info: Mapping[str, Any], carrier: Carrier
) -> Iterator[StagedRecord]:
    """Read from the first to the last sequence number of ``info``; ClientError where they are gone."""
    iterator: str | None = kinesis.get_shard_iterator(
        StreamARN=carrier.stream_arn,
        ShardId=info["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=info["startSequenceNumber"],
    )["ShardIterator"]
    while iterator is not None:
        answer = kinesis.get_records(ShardIterator=iterator, StreamARN=carrier.stream_arn)
        for record in answer["Records"]:
            if int(record["SequenceNumber"]) > int(info["endSequenceNumber"]):
                return
            yield _staged(record, shard_id=info["shardId"], carrier=carrier)
        if not answer["Records"] and not answer.get("MillisBehindLatest"):
            return
        iterator = answer.get("NextShardIterator")


def _staged(record: Mapping[str, Any], *, shard_id: str, carrier: Carrier) -> StagedRecord:
    """Shape a record as Lambda takes it from the stream."""
    arrived_at = record["ApproximateArrivalTimestamp"].timestamp()
    raw = {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record["PartitionKey"],
            "sequenceNumber": record["SequenceNumber"],
            "data": b64encode(record["Data"]).decode(),
            "approximateArrivalTimestamp": arrived_at,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard_id}:{record['SequenceNumber']}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": carrier.role_arn,
        "awsRegion": carrier.stream_arn.split(":")[3],
        "eventSourceARN": carrier.stream_arn,
    }
    return staged(record["SequenceNumber"], raw, arrived_at=arrived_at, lane=record["PartitionKey"])
