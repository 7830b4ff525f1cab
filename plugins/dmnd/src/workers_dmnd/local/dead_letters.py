"""Whose dead letters lie in the two queues, and why: read for the demo's ledger."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from workers_dmnd.local.event_items import garbage
from workers_dmnd.local.ledger import STRANGER, Letter

if TYPE_CHECKING:
    from collections.abc import Mapping

REASON: Final = "deadLetterReason"
RECEIVES_SPENT: Final = "received too often"


def read_letter(message: Mapping[str, Any], *, queue: str) -> Letter:
    """Read a message (as boto3 receives it) of either format: the original one, or an envelope."""
    body = message["Body"]
    if body == garbage():
        return Letter(queue, _reason(message), STRANGER)
    inside = json.loads(body)
    if "record" in inside:
        return Letter(queue, inside["code"], _event_of(inside["record"]))
    if "requestContext" in inside:  # Lambda's own, which has no record
        return Letter(queue, inside["requestContext"]["condition"], "records of the table's stream")
    return Letter(queue, _reason(message) or RECEIVES_SPENT, inside["id"])


def _reason(message: Mapping[str, Any]) -> str:
    attribute = message.get("MessageAttributes", {}).get(REASON)
    return str(json.loads(attribute["StringValue"])["code"]) if attribute else ""


def _event_of(change: Mapping[str, Any]) -> str:
    return str(change["dynamodb"]["Keys"]["PK"]["S"]).removeprefix("EVENT#")
