"""What the delivery worker is tested with: items, their changes as Kinesis carries them, and a warehouse."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

import fastavro

from worker_runtime import Retry
from worker_runtime.dynamodb_json import dumps_item
from worker_runtime.testing import kinesis_record, run_on
from workers_pipeline.avro_files import AvroFiles
from workers_pipeline.data_types import DEMAND_DATA_TYPES
from workers_pipeline.delivering import deliver_changes
from workers_pipeline.partitions import PartitionPolicy
from workers_pipeline.services import Warehouse
from workers_pipeline.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker_runtime.effects import Sender
    from workers_pipeline.codecs import Codec

SALT = "pepper"
PHONE, EMAIL = "+12125550199", "fan.one@example.com"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
COMMON = {
    "createdAt": "2026-02-01T12:00:00.000Z",
    "updatedAt": "2026-03-01T12:00:00.000Z",
    "version": 3,
    "schemaVersion": 1,
}


def demand(user_id: str = "u1", **more: Any) -> dict[str, Any]:
    """Write a demand as the table has it."""
    return {
        "PK": f"USER#{user_id}",
        "SK": "DEMAND#e1#s1",
        "type": "demand",
        "id": f"d-{user_id}",
        **COMMON,
        "userId": user_id,
        "eventId": "e1",
        "saleId": "s1",
        "quantity": 2,
        "phone": PHONE,
        "email": EMAIL,
        "locale": "en-US",
        "notify": True,
        "optOut": False,
        "status": {"id": "ACTIVE"},
        **more,
    }


def sale(sale_id: str = "s1", **more: Any) -> dict[str, Any]:
    """Write a sale as the table has it."""
    return {
        "PK": "EVENT#e1",
        "SK": f"SALE#{sale_id}",
        "type": "sale",
        "id": sale_id,
        **COMMON,
        "saleId": sale_id,
        "eventId": "e1",
        "name": "Presale",
        "opensAt": "2026-03-02T12:00:00.000Z",
        "notifyAt": "2026-03-02T12:00:00.000Z",
        "templateId": "sale-open",
        "status": {"id": "OPEN"},
        "generation": {"id": "DONE", "written": 12, "skipped": 0},
        **more,
    }


def event(event_id: str = "e1", **more: Any) -> dict[str, Any]:
    """Write an event as the table has it."""
    return {
        "PK": f"EVENT#{event_id}",
        "SK": "EVENT",
        "type": "event",
        "id": event_id,
        **COMMON,
        "eventId": event_id,
        "name": "The Night Owls",
        "url": f"https://www.ticketmaster.com/{event_id}",
        "isSuppressed": False,
        "venueName": "Union Hall",
        "status": {"id": "ACTIVE"},
        **more,
    }


def notification(notification_id: str = "n1", **more: Any) -> dict[str, Any]:
    """Write a notification as the table has it."""
    return {
        "PK": f"NTF#{notification_id}",
        "SK": "NTF",
        "type": "notification",
        "id": notification_id,
        **COMMON,
        "notificationId": notification_id,
        "userId": "u1",
        "eventId": "e1",
        "saleId": "s1",
        "channel": "sms",
        "to": PHONE,
        "templateId": "sale-open",
        "attempts": 1,
        "vars": {"eventName": "The Night Owls"},
        "sendAt": "2026-03-02T12:00:00.000Z",
        "status": {"id": "SENT", "by": "notificationSend"},
        **more,
    }


def carried(
    new: Mapping[str, Any] | None = None,
    *,
    old: Mapping[str, Any] | None = None,
    at: int = 0,
    when: datetime = NOON,
    images: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Build a Kinesis record around a change; ``images`` stand as they are, whatever they are."""
    item = new or old or {}
    typed = {name: dumps_item(given) for name, given in (("NewImage", new), ("OldImage", old)) if given}
    change = {
        "awsRegion": "us-east-1",
        "eventID": f"c-{at}",
        "eventName": "REMOVE" if new is None and old else "MODIFY" if old else "INSERT",
        "userIdentity": None,
        "recordFormat": "application/json",
        "tableName": "demand-table",
        "dynamodb": {
            "ApproximateCreationDateTime": round(when.timestamp() * 1000) + at,
            "ApproximateCreationDateTimePrecision": "MILLISECOND",
            "Keys": dumps_item({name: item[name] for name in ("PK", "SK") if name in item}),
            **typed,
            **(images or {}),
        },
        "eventSource": "aws:dynamodb",
    }
    return kinesis_record(
        json.dumps(change, separators=(",", ":"), default=_base64), at=at, stream="dmnd-table-stream"
    )


def _base64(binary: bytes) -> str:
    return b64encode(binary).decode()


def poison(*, at: int = 0) -> dict[str, Any]:
    """Build a Kinesis record in which nobody finds a change."""
    return kinesis_record(f"call {PHONE}", at=at, stream="dmnd-table-stream")


def batch(*records: Mapping[str, Any]) -> dict[str, Any]:
    """Build the event of a batch."""
    return {"Records": list(records)}


class FakeWarehouse:
    """Keeps files; ``failing`` calls store nothing, and ``dying`` after so many files stores no more."""

    def __init__(self, *, failing: int = 0, dying: int | None = None) -> None:
        self.files: dict[str, bytes] = {}
        self._failing = failing
        self._dying = dying

    def store(self, files: Mapping[str, bytes]) -> None:
        if self._failing:
            self._failing -= 1
            raise Retry(reason="s3 PutObject: SlowDown")
        for stored, key in enumerate(files):
            if stored == self._dying:
                self._dying = None
                raise Retry(reason="died between two uploads")
            self.files[key] = files[key]

    @property
    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """Read all files: rows by key."""
        return {key: rows_of(data) for key, data in self.files.items()}

    def of(self, table: str) -> list[dict[str, Any]]:
        """Read the rows of a table."""
        return [row for key, rows in self.rows.items() if f"/avro/{table}/" in key for row in rows]


def rows_of(data: bytes) -> list[dict[str, Any]]:
    """Read a file."""
    return list(fastavro.reader(BytesIO(data)))  # type: ignore[arg-type]  # rows of ours are records


def tables(data_types: Sequence[str] = DEMAND_DATA_TYPES) -> Tables:
    """Compose the tables as the plugin does."""
    return Tables(data_types, policy=PartitionPolicy(), salt=lambda: SALT)


def deliver(
    event: Any,
    warehouse: Warehouse,
    *,
    codec: Codec = "deflate",
    data_types: Sequence[str] = DEMAND_DATA_TYPES,
    sender: Sender | None = None,
) -> Any:
    """Run the worker on an event and return its reply."""
    services = {Tables: tables(data_types), AvroFiles: AvroFiles(codec), Warehouse: warehouse}
    return run_on(deliver_changes, event, services=services, sender=sender)
