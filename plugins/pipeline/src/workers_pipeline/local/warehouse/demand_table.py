"""Upstream's hand in the demand table, and changes as Kinesis carries them after an outage."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final

from boto3.dynamodb.types import TypeSerializer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from workers_pipeline.local.warehouse.cast import Part

_SHARD: Final = "shardId-000000000007"
_FIRST: Final = 49_600_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000


class DemandTable:
    """Writes items straight to the table; what is written twice is one change."""

    def __init__(self, dynamodb: DynamoDBClient, *, name: str) -> None:
        self._dynamodb = dynamodb
        self._name = name

    def put(self, item: Mapping[str, Any]) -> None:
        """Put an item."""
        self._dynamodb.put_item(TableName=self._name, Item=_typed(item))

    def remove(self, item: Mapping[str, Any]) -> None:
        """Remove an item."""
        self._dynamodb.delete_item(TableName=self._name, Key=_typed({"PK": item["PK"], "SK": item["SK"]}))


def backlog(parts: Sequence[Part], *, midnight_s: float) -> dict[str, Any]:
    """Build the batch of a shard that was not read for a while: one change a second, around midnight."""
    first_s = midnight_s - len(parts) // 2
    return {"Records": [_carried(part, at, made_s=first_s + at) for at, part in enumerate(parts)]}


def _carried(part: Part, at: int, *, made_s: float) -> dict[str, Any]:
    image = _typed(part.item)
    change = {
        "awsRegion": "us-east-1",
        "eventID": f"backlog-{part.name}",
        "eventName": "INSERT",
        "userIdentity": None,
        "recordFormat": "application/json",
        "tableName": "demand-table",
        "dynamodb": {
            "ApproximateCreationDateTime": round(made_s * 1000),
            "ApproximateCreationDateTimePrecision": "MILLISECOND",
            "Keys": {name: image[name] for name in ("PK", "SK")},
            "NewImage": image,
            "SizeBytes": 1,
        },
        "eventSource": "aws:dynamodb",
    }
    sequence = str(_FIRST + at)
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": part.name,
            "sequenceNumber": sequence,
            "data": b64encode(json.dumps(change, separators=(",", ":")).encode()).decode(),
            "approximateArrivalTimestamp": made_s,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{_SHARD}:{sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::000000000000:role/worker",
        "awsRegion": "us-east-1",
        "eventSourceARN": "arn:aws:kinesis:us-east-1:000000000000:stream/dmnd-table-stream",
    }


def _typed(plain: Mapping[str, Any]) -> dict[str, Any]:
    serialize = TypeSerializer().serialize
    return {name: serialize(value) for name, value in plain.items()}
