"""Records on their way from a queue or stream to a worker, in the very shape in which Lambda sends them."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from worker_runtime.local.stage.polling.stage_time import stage_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker_runtime.clock import Clock

PAYLOAD_BYTES = 6 * 1024 * 1024 - 10_014
"""A batch is handed over at this size, whatever its number (Lambda developer guide, batching behaviour).

That is 6 MB of the event, of which 10,000 records need 10,014 bytes to be joined.
"""

_SYSTEM_TIMES = ("SentTimestamp", "ApproximateFirstReceiveTimestamp")
_WIRE = {"StringValue": "stringValue", "BinaryValue": "binaryValue", "DataType": "dataType"}


@dataclass(frozen=True, slots=True)
class StagedRecord:
    """One record: the id that a reply names, what the event carries, the same as JSON, when it arrived.

    ``arrived_at`` is epoch seconds of the stage's clock, ``lane`` what keeps its order.
    """

    id: str
    raw: Mapping[str, Any]
    json: bytes
    arrived_at: float
    lane: str = ""


def staged(record_id: str, raw: Mapping[str, Any], *, arrived_at: float, lane: str = "") -> StagedRecord:
    """Make a record ready to be handed over."""
    try:
        encoded = msgspec.json.encode(raw)
    except UnicodeEncodeError:  # half a surrogate, which JSON can say and UTF-8 cannot
        encoded = json.dumps(raw, separators=(",", ":")).encode()
    return StagedRecord(record_id, raw, encoded, arrived_at, lane)


def event_of(records: Sequence[StagedRecord]) -> bytes:
    """Join records to the event of one invocation."""
    return b'{"Records":[' + b",".join(record.json for record in records) + b"]}"


def sqs_record(
    message: Mapping[str, Any], *, queue_arn: str, clock: Clock, windowed: bool = False
) -> StagedRecord:
    """Shape a message as it was received from the queue; ``windowed`` by a mapping that has a window.

    Recorded from AWS: such a mapping says null for the digest of attributes that a message does not have.
    """
    system = dict(message.get("Attributes", {}))
    for name in _SYSTEM_TIMES:
        if name in system:
            system[name] = str(round(stage_time(clock, int(system[name]) / 1000) * 1000))
    raw = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": system,
        "messageAttributes": {
            name: _attribute(given) for name, given in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }
    if windowed or "MD5OfMessageAttributes" in message:
        raw["md5OfMessageAttributes"] = message.get("MD5OfMessageAttributes")
    sent_at = int(system.get("SentTimestamp", 0)) / 1000
    return staged(message["MessageId"], raw, arrived_at=sent_at, lane=system.get("MessageGroupId", ""))


def _attribute(given: Mapping[str, Any]) -> dict[str, Any]:
    shaped: dict[str, Any] = {"stringListValues": [], "binaryListValues": []}
    for theirs, ours in _WIRE.items():
        if theirs in given:
            value = given[theirs]
            shaped[ours] = b64encode(value).decode() if isinstance(value, bytes) else value
    return shaped
