"""Events as AWS sends them: all attributes of a message, bodies of about a kilobyte with 18 fields."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from worker_runtime.testing import change, kinesis_event, kinesis_record, message, table_event

SENT_WITH = {"correlationId": "8476a536-e9f4-11e8-9739-2dfe598c3fcd", "contentType": "application/json"}
TRACE = "Root=1-63441c4a-abcdef012345678912345678;Parent=0123456789abcdef;Sampled=1"

ITEM: dict[str, Any] = {
    "PK": {"S": "EVENT#2f0c9d1e"},
    "SK": {"S": "SALE#77aa0192"},
    "type": {"S": "sale"},
    "id": {"S": "77aa0192"},
    "name": {"S": "Presale, all fans"},
    "createdAt": {"S": "2026-03-01T12:00:00.000Z"},
    "updatedAt": {"S": "2026-03-02T08:15:30.120Z"},
    "version": {"N": "12"},
    "schemaVersion": {"N": "1"},
    "price": {"N": "129.95"},
    "ttl": {"N": "1798761600"},
    "isSuppressed": {"BOOL": False},
    "shortUrl": {"NULL": True},
    "status": {"M": {"id": {"S": "OPEN"}, "by": {"S": "scheduler"}, "attempts": {"N": "2"}}},
    "generation": {"M": {"id": {"S": "RUNNING"}, "written": {"N": "5000"}, "skipped": {"N": "3"}}},
    "markets": {"L": [{"S": "us-ny"}, {"S": "us-ca"}, {"N": "3"}]},
    "tags": {"SS": ["presale", "vip", "mobile"]},
}
"""An item of 17 attributes."""


def order(at: int) -> dict[str, Any]:
    """Make a body; one in ten has a letter that is not ASCII."""
    return {
        "id": str(UUID(int=at)),
        "kind": "order.placed",
        "amount": at,
        "currency": "USD",
        "createdAt": "2026-03-01T12:00:00.000Z",
        "updatedAt": "2026-03-02T08:15:30.120Z",
        "customerId": f"u{at:08}",
        "customerName": "Zoë Example" if at % 10 == 0 else "Jo Example",
        "eventId": f"e{at % 97:06}",
        "saleId": f"s{at % 13:04}",
        "channel": "web",
        "locale": "en-US",
        "seats": [{"section": "A", "row": str(at % 40), "seat": seat, "price": 129.95} for seat in range(4)],
        "address": {"street": "1 Main Street", "city": "New York", "zip": "10001", "country": "US"},
        "flags": {"gift": False, "insured": True, "resale": None},
        "notes": "x" * 180,
        "version": 3,
        "tags": ["vip", "mobile", "presale"],
    }


def _body(at: int) -> str:
    return json.dumps(order(at), ensure_ascii=False, separators=(",", ":"))


def sqs_text(records: int) -> str:
    """Return the JSON of a batch of queue messages, each with two message attributes and a trace."""
    sent = [message(_body(at), at=at, queue="orders", attributes=SENT_WITH) for at in range(records)]
    for each in sent:
        each["attributes"]["AWSTraceHeader"] = TRACE
    return json.dumps({"Records": sent})


def kinesis_text(records: int) -> str:
    """Return the JSON of a Kinesis batch."""
    return json.dumps(kinesis_event(*(_body(at) for at in range(records)), stream="orders"))


def changes_text(records: int) -> str:
    """Return the JSON of a DynamoDB stream's batch, both images in every record."""
    return json.dumps(table_event(*map(_change, range(records))))


def carried_text(records: int) -> str:
    """Return the JSON of a Kinesis batch that carries such changes, as DynamoDB writes them."""
    return json.dumps({"Records": [kinesis_record(_carried(at), at=at) for at in range(records)]})


def _change(at: int) -> dict[str, Any]:
    made = change(new={"PK": "1", "SK": "2"}, old={"PK": "1", "SK": "2"}, table="sales", at=at)
    item = {**ITEM, "id": {"S": f"{at:08}"}, "version": {"N": str(at)}}
    images = {"Keys": {"PK": ITEM["PK"], "SK": ITEM["SK"]}, "NewImage": item, "OldImage": ITEM}
    return {**made, "dynamodb": {**made["dynamodb"], **images, "SizeBytes": 1024}}


def _carried(at: int) -> dict[str, Any]:
    made = _change(at)
    beside = {"ApproximateCreationDateTime": 1_790_000_000_123}
    wire = {name: made["dynamodb"][name] for name in ("Keys", "NewImage", "OldImage", "SizeBytes")}
    named = {"recordFormat": "application/json", "tableName": "sales", "userIdentity": None}
    head = {name: made[name] for name in ("awsRegion", "eventID", "eventName", "eventSource")}
    return {**head, **named, "dynamodb": {**beside, **wire}}
