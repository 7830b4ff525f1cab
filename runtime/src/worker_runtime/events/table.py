"""Changes of a table, as the table's own stream has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker_runtime import clock
from worker_runtime.dynamodb_json import dumps_item
from worker_runtime.events.places import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def change(
    *,
    new: Mapping[str, Any] | None = None,
    old: Mapping[str, Any] | None = None,
    keys: Sequence[str] = ("PK", "SK"),
    table: str = "table",
    at: int = 0,
) -> dict[str, Any]:
    """Build one DynamoDB Streams record of a change from ``old`` to ``new`` (plain items)."""
    item = new if new is not None else old or {}
    images = {"NewImage": new, "OldImage": old}
    return {
        "eventID": f"{at:032x}",
        "eventName": "REMOVE" if new is None else "INSERT" if old is None else "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "dynamodb": {
            "ApproximateCreationDateTime": clock.now(),
            "Keys": dumps_item({name: item[name] for name in keys if name in item}),
            **{name: dumps_item(image) for name, image in images.items() if image is not None},
            "SequenceNumber": str(100_000_000_000_000_000_000 + at),
            "SizeBytes": 1,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}/stream/2026-01-01T00:00:00.000",
    }


def table_event(*changes: Mapping[str, Any]) -> dict[str, Any]:
    """Build the event of a table stream's batch."""
    return {"Records": list(changes)}
