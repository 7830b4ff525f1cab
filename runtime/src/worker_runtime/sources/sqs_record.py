"""What a queue's message says of itself, and the message that it was when it was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker_runtime.records import Record, T, carried_id, moment
from worker_runtime.sources.bodies import envelope_of
from worker_runtime.sources.said_inside import CORRELATION, said_inside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from worker_runtime.clients.sqs import Message

DEFERRALS: Final = "deferrals"
COUNT_DIGITS: Final = 9  # a sender may write any text where we count
MALFORMED: Final = (AttributeError, KeyError, TypeError, ValueError)
"""What a message raises that SQS would not have sent."""


class SqsRecord(Record[T], frozen=True):
    """A message of a queue; its lane is its FIFO group.

    What envelopes in its body say of their payload is said of the message too.
    """

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
        """When it was sent, in UTC; by whoever sent what is in its envelopes, where it has any."""
        around = envelope_of(self.raw.get("body"))
        own = moment(system_attributes(self).get("SentTimestamp"), per_second=1000)
        return (around and around.sent_at) or own

    @property
    def attributes(self) -> Mapping[str, str]:
        """Its message attributes that are text or numbers, and those of what is in its envelopes."""
        around = envelope_of(self.raw.get("body"))
        own = _texts(self.raw.get("messageAttributes"))
        return own if around is None else {**around.attributes, **own}

    @property
    def trace_header(self) -> str | None:
        """The X-Ray header of its sender, which SQS keeps as a system attribute."""
        return system_attributes(self).get("AWSTraceHeader")

    @property
    def deferrals(self) -> int:
        """How often it has been put off by a Defer."""
        return _count(_texts(self.raw.get("messageAttributes")).get(DEFERRALS)) or 0

    @property
    def origin_id(self) -> str:
        """The id of what is in its envelopes, else its message id."""
        around = envelope_of(self.raw.get("body"))
        return self.id if around is None else around.id

    @property
    def correlation_id(self) -> str:
        """Its ``correlationId`` attribute, else that field of its payload, else the payload's own id."""
        body = self.raw.get("body")
        around = envelope_of(body)
        said = said_inside(body if around is None else around.payload)
        named = carried_id(self.attributes.get(CORRELATION)) or said
        return named or (around and carried_id(around.id)) or self.id


def _texts(sent: Any) -> dict[str, str]:
    """Keep the attributes that are text or numbers; what SQS would not have sent is none."""
    if not sent or not isinstance(sent, dict):
        return {}
    texts = {name: value.get("stringValue") for name, value in sent.items() if isinstance(value, dict)}
    return {name: text for name, text in texts.items() if isinstance(text, str)}


def _count(text: Any) -> int | None:
    return int(text) if isinstance(text, str) and text.isdecimal() and len(text) <= COUNT_DIGITS else None


def system_attributes(record: Record[Any]) -> Mapping[str, Any]:
    """Return what SQS itself says of a message."""
    found = record.raw.get("attributes")
    return found if isinstance(found, dict) else {}


def as_sent(record: Record[Any]) -> Message:
    """Make the message that it was: body, attributes, trace."""
    from worker_runtime.clients.sqs import Message, attributes_of  # noqa: PLC0415 - seldom needed

    return Message(
        body=record.raw["body"],
        attributes=attributes_of(record.raw.get("messageAttributes") or {}),
        trace_header=system_attributes(record).get("AWSTraceHeader"),
    )
