"""Batches of a queue, as Lambda hands them over."""

from __future__ import annotations

import json
from hashlib import md5
from typing import TYPE_CHECKING, Any
from uuid import UUID

from worker_runtime import clock
from worker_runtime.events.places import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Mapping


def message(  # noqa: PLR0913 - a message has as many parts, all but its body optional
    body: Any,
    *,
    at: int = 0,
    queue: str = "queue",
    group: str | None = None,
    receives: int = 1,
    attributes: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Build one SQS record; a body that is no text becomes JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    system = {
        "ApproximateReceiveCount": str(receives),
        "SentTimestamp": str(int(clock.now() * 1000)),
        "SenderId": "AIDAIENQZJOLO23YVJ4VO",
        "ApproximateFirstReceiveTimestamp": str(int(clock.now() * 1000)),
    }
    if group is not None:
        system |= {"MessageGroupId": group, "SequenceNumber": f"{at:020}", "MessageDeduplicationId": str(at)}
    return {
        "messageId": str(UUID(int=at, version=4)),
        "receiptHandle": f"receipt-{at}",
        "body": text,
        "attributes": system,
        "messageAttributes": {
            name: {"stringValue": value, "stringListValues": [], "binaryListValues": [], "dataType": "String"}
            for name, value in (attributes or {}).items()
        },
        "md5OfBody": md5(text.encode(errors="surrogatepass"), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}",
        "awsRegion": REGION,
    }


def sqs_event(*bodies: Any, queue: str = "queue", group: str | None = None) -> dict[str, Any]:
    """Build the event of an SQS batch, one message a body."""
    return {"Records": [message(each, at=at, queue=queue, group=group) for at, each in enumerate(bodies)]}
