"""A record in the form in which Lambda takes it from a Kinesis stream."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass

from worker_runtime.local.stage.polling.staged_records import StagedRecord, staged


@dataclass(frozen=True, slots=True, kw_only=True)
class KinesisStream:
    """A Kinesis stream, and who reads it for a function."""

    stream_arn: str
    role_arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What Kinesis keeps of a record beside its data; ``arrived_at`` is epoch seconds of the stage."""

    sequence: str
    partition_key: str
    shard_id: str
    arrived_at: float


def kinesis_record(data: bytes, *, kept: Kept, stream: KinesisStream) -> StagedRecord:
    """Shape a record as Lambda hands it over."""
    raw = {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": kept.partition_key,
            "sequenceNumber": kept.sequence,
            "data": b64encode(data).decode(),
            "approximateArrivalTimestamp": round(kept.arrived_at, 3),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{kept.shard_id}:{kept.sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": stream.role_arn,
        "awsRegion": stream.stream_arn.split(":")[3],
        "eventSourceARN": stream.stream_arn,
    }
    return staged(kept.sequence, raw, arrived_at=kept.arrived_at, lane=kept.partition_key)
