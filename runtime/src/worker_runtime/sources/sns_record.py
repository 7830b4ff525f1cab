"""What SNS says of a message: its id, its time, what its sender put beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker_runtime.invocation import Invocation
from worker_runtime.records import Record, T, carried_id, moment_of
from worker_runtime.sources.bodies import envelope_of
from worker_runtime.sources.said_inside import CORRELATION, said_inside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from worker_runtime.sources.envelopes import Envelope

_invocation = Invocation()


class SnsRecord(Record[T], frozen=True):
    """A notification of a topic; ``id`` is its message id, ``body`` the message."""

    @property
    def sent_at(self) -> datetime | None:
        """When it was published, in UTC; of an event in it, when that was sent."""
        inner = self._inner()
        return (inner and inner.sent_at) or moment_of(notification_of(self.raw).get("Timestamp"))

    @property
    def attributes(self) -> Mapping[str, str]:
        """Its message attributes as text, ``Subject`` and ``TopicArn``; what an event in it says."""
        told, inner = notification_of(self.raw), self._inner()
        own = attributes_of(
            told.get("MessageAttributes"), subject=told.get("Subject"), topic=told.get("TopicArn")
        )
        return own if inner is None else {**inner.attributes, **own}

    @property
    def origin_id(self) -> str:
        """The id of the event in it, else its message id."""
        inner = self._inner()
        return self.id if inner is None else inner.id

    @property
    def correlation_id(self) -> str:
        """Its ``correlationId`` attribute, else that field of the payload, else the payload's own id."""
        message, inner = notification_of(self.raw).get("Message"), self._inner()
        said = said_inside(message if inner is None else inner.payload)
        named = carried_id(self.attributes.get(CORRELATION)) or said
        return named or (inner and carried_id(inner.id)) or self.id

    def _inner(self) -> Envelope | None:
        return envelope_of(notification_of(self.raw).get("Message"))


def sns_record(raw: Any, *, at: int) -> SnsRecord[Any]:
    """Open one record of an event; a poison one is named for its place in the invocation."""
    told = notification_of(raw)
    message_id = told.get("MessageId")
    named = message_id if isinstance(message_id, str) and message_id else f"{_invocation.request_id}-{at}"
    return SnsRecord(named, told.get("Message"), raw)


def notification_of(raw: Any) -> Mapping[str, Any]:
    """Return what SNS says in a record; nothing where it is no notification."""
    told = raw.get("Sns") if isinstance(raw, dict) else None
    return told if isinstance(told, dict) else {}


def attributes_of(given: Any, *, subject: Any, topic: Any) -> dict[str, str]:
    """Gather what stands beside a message: lists as JSON text, binary as base64, as SNS sends them."""
    beside = {"Subject": subject, "TopicArn": topic}
    for name, attribute in given.items() if isinstance(given, dict) else ():
        beside[name] = attribute.get("Value") if isinstance(attribute, dict) else None
    return {name: value for name, value in beside.items() if isinstance(value, str)}
