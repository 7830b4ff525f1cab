"""What a queue's message says of itself, and the message that it was when it was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker_runtime.clients.sqs import Message, attributes_of
from worker_runtime.records import Record, T, carried_id, moment
from worker_runtime.sources.said_inside import CORRELATION, said_inside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

DEFERRALS: Final = "deferrals"
COUNT_DIGITS: Final = 9  # a sender may write any text where we count
MALFORMED: Final = (AttributeError, KeyError, TypeError, ValueError)
"""What a message raises that SQS would not have sent."""


class SqsRecord(Record[T], frozen=True):
    """A message of a queue; its lane is its FIFO group."""

    @property
    def lane(self) -> str:
        """The message group, empty on a standard queue."""
        return str(system_attributes(self).get("MessageGroupId", ""))

    @property
    def attempt(self) -> int | None:
        """How often it has been received, receives that never reached the worker among them."""
        return _count(system_attributes(self).get("ApproximateReceiveCount"))

    @property
    def sent_at(self) -> datetime | None:
        """When it was sent, in UTC."""
        return moment(system_attributes(self).get("SentTimestamp"), per_second=1000)

    @property
    def attributes(self) -> Mapping[str, str]:
        """Its message attributes that are text or numbers."""
        sent = self.raw.get("messageAttributes") or {}
        texts = {name: value.get("stringValue") for name, value in sent.items()}
        return {name: text for name, text in texts.items() if isinstance(text, str)}

    @property
    def deferrals(self) -> int:
        """How often it has been put off by a Defer."""
        return _count(self.attributes.get(DEFERRALS)) or 0

    @property
    def correlation_id(self) -> str:
        """Its ``correlationId`` attribute, else that field of its body, else its message id."""
        return carried_id(self.attributes.get(CORRELATION)) or said_inside(self.raw.get("body")) or self.id


def _count(text: Any) -> int | None:
    return int(text) if isinstance(text, str) and text.isdecimal() and len(text) <= COUNT_DIGITS else None


def system_attributes(record: Record[Any]) -> Mapping[str, Any]:
    """Return what SQS itself says of a message."""
    found = record.raw.get("attributes")
    return found if isinstance(found, dict) else {}


def as_sent(record: Record[Any]) -> Message:
    """Make the message that it was: body, attributes, trace."""
    return Message(
        body=record.raw["body"],
        attributes=attributes_of(record.raw.get("messageAttributes") or {}),
        trace_header=system_attributes(record).get("AWSTraceHeader"),
    )
