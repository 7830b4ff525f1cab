"""Batches of a Kinesis stream."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from worker_runtime import clock
from worker_runtime.events.places import ACCOUNT, REGION


def kinesis_record(
    data: Any, *, at: int = 0, stream: str = "stream", partition_key: str = "1"
) -> dict[str, Any]:
    """Build one Kinesis record; data that is neither bytes nor text becomes JSON."""
    text = data if isinstance(data, bytes | str) else json.dumps(data)
    encoded = text if isinstance(text, bytes) else text.encode(errors="surrogatepass")
    sequence = str(49_590_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000 + at)
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": partition_key,
            "sequenceNumber": sequence,
            "data": b64encode(encoded).decode(),
            "approximateArrivalTimestamp": round(clock.now(), 3),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": f"arn:aws:iam::{ACCOUNT}:role/test",
        "awsRegion": REGION,
        "eventSourceARN": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{stream}",
    }


def kinesis_event(*data: Any, stream: str = "stream", partition_key: str = "1") -> dict[str, Any]:
    """Build the event of a Kinesis batch, one record a datum."""
    return {
        "Records": [
            kinesis_record(each, at=at, stream=stream, partition_key=partition_key)
            for at, each in enumerate(data)
        ]
    }
