"""Changes of a demand table as Kinesis carries them: four types, both images in three of four."""

from __future__ import annotations

import json
from random import Random
from typing import Any
from uuid import UUID

from worker_runtime.dynamodb_json import dumps_item
from worker_runtime.testing import kinesis_record

MADE_MS = 1_772_366_400_000
COMMON = {
    "createdAt": "2026-02-01T12:00:00.000Z",
    "updatedAt": "2026-03-01T12:00:00.000Z",
    "version": 3,
    "schemaVersion": 1,
}


def delivery_text(records: int) -> str:
    """Return the JSON of a batch of changes, the same each time."""
    random = Random(1)
    return json.dumps({"Records": [_record(at, random) for at in range(records)]})


def _record(at: int, random: Random) -> dict[str, Any]:
    make = random.choices((_demand, _notification, _sale, _event), (60, 30, 5, 5))[0]
    name = f"{at:08}"
    new = {
        **make(name),
        **COMMON,
        "id": name,
        "correlationId": str(UUID(int=random.getrandbits(128))),
        "GSI2PK": f"SALE#s{at % 13:04}#{at % 16}",
        "GSI2SK": f"USER#{name}",
    }
    images = {"NewImage": dumps_item(new)}
    if at % 4:
        images["OldImage"] = dumps_item({**new, "version": 2})
    change = {
        "awsRegion": "us-east-1",
        "eventID": str(UUID(int=random.getrandbits(128))),
        "eventName": "MODIFY" if at % 4 else "INSERT",
        "userIdentity": None,
        "recordFormat": "application/json",
        "tableName": "demand-table",
        "dynamodb": {
            "ApproximateCreationDateTime": MADE_MS + at,
            "ApproximateCreationDateTimePrecision": "MILLISECOND",
            "Keys": dumps_item({key: new[key] for key in ("PK", "SK")}),
            **images,
            "SizeBytes": 900,
        },
        "eventSource": "aws:dynamodb",
    }
    return kinesis_record(json.dumps(change, separators=(",", ":")), at=at, stream="dmnd-table-stream")


def _demand(name: str) -> dict[str, Any]:
    return {
        "PK": f"USER#u{name}",
        "SK": "DEMAND#e1#s1",
        "type": "demand",
        "userId": f"u{name}",
        "eventId": "e1",
        "saleId": "s1",
        "quantity": 2,
        "phone": f"+1212{name[1:]}",
        "email": f"fan{name}@example.com",
        "locale": "en-US",
        "notify": True,
        "optOut": False,
        "status": {"id": "ACTIVE"},
    }


def _notification(name: str) -> dict[str, Any]:
    return {
        "PK": f"NTF#{name}",
        "SK": "NTF",
        "type": "notification",
        "notificationId": name,
        "userId": f"u{name}",
        "eventId": "e1",
        "saleId": "s1",
        "channel": "sms",
        "to": f"+1212{name[1:]}",
        "templateId": "sale-open",
        "attempts": 1,
        "vars": {"eventName": "The Night Owls"},
        "sendAt": "2026-03-02T12:00:00.000Z",
        "status": {"id": "SENT", "by": "notificationSend"},
    }


def _sale(name: str) -> dict[str, Any]:
    return {
        "PK": "EVENT#e1",
        "SK": f"SALE#{name}",
        "type": "sale",
        "saleId": name,
        "eventId": "e1",
        "name": "Presale",
        "opensAt": "2026-03-02T12:00:00.000Z",
        "notifyAt": "2026-03-02T12:00:00.000Z",
        "templateId": "sale-open",
        "status": {"id": "OPEN"},
        "generation": {"id": "DONE", "written": 12, "skipped": 0},
    }


def _event(name: str) -> dict[str, Any]:
    return {
        "PK": f"EVENT#{name}",
        "SK": "EVENT",
        "type": "event",
        "eventId": name,
        "name": "The Night Owls",
        "url": f"https://www.ticketmaster.com/{name}",
        "isSuppressed": False,
        "venueName": "Union Hall",
        "status": {"id": "ACTIVE"},
    }
