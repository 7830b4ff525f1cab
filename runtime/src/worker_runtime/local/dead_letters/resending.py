"""A queue's message out of a dead letter, sent to its queue again as it was."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from worker_runtime.dead_letters import REASON_ATTRIBUTE
from worker_runtime.sources.sqs_record import DEFERRALS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_sqs import SQSClient

    from worker_runtime.local.dead_letters.letters import Letter

_OURS = {REASON_ATTRIBUTE, DEFERRALS}  # a message that was deferred too often starts anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """What its sender sent, in boto3's form, and what the queue adds to it."""

    body: str
    attributes: Mapping[str, Any]
    group: str | None
    trace: str | None

    def send(self, sqs: SQSClient, queue_url: str) -> str:
        """Send it without what we added and return its new id; to a FIFO queue in its group, as a new one."""
        more: dict[str, Any] = {}
        if queue_url.endswith(".fifo"):
            more = {"MessageGroupId": self.group, "MessageDeduplicationId": str(uuid4())}
        if self.trace:
            traced = {"DataType": "String", "StringValue": self.trace}
            more["MessageSystemAttributes"] = {"AWSTraceHeader": traced}
        attributes = {name: value for name, value in self.attributes.items() if name not in _OURS}
        sent = sqs.send_message(
            QueueUrl=queue_url, MessageBody=self.body, MessageAttributes=attributes, **more
        )
        return sent["MessageId"]


def original_in(letter: Letter) -> Original:
    """Take the message that the letter is."""
    return Original(
        body=letter.body,
        attributes=letter.message.get("MessageAttributes", {}),
        group=letter.group,
        trace=letter.message.get("Attributes", {}).get("AWSTraceHeader"),
    )


def original_of(record: Mapping[str, Any]) -> Original:
    """Take the message that became this record of Lambda's event."""
    system = record.get("attributes") or {}
    given = record.get("messageAttributes") or {}
    return Original(
        body=record["body"],
        attributes={name: _attribute(value) for name, value in given.items()},
        group=system.get("MessageGroupId"),
        trace=system.get("AWSTraceHeader"),
    )


def _attribute(given: Mapping[str, Any]) -> dict[str, Any]:
    if given.get("binaryValue") is not None:
        return {"DataType": given["dataType"], "BinaryValue": b64decode(given["binaryValue"])}
    return {"DataType": given["dataType"], "StringValue": given["stringValue"]}
