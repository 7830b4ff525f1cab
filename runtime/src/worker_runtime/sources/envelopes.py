"""Envelopes inside envelopes: SNS's, EventBridge's and S3's, opened by their whole shape.

``bodies.py`` comes here with a body that may be one. From the outside in: a notification of SNS, in
it or alone an event of EventBridge, in either or alone the objects of an S3 event. What only
resembles an envelope is left as it is, for the worker's type to judge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, get_origin

from msgspec import Meta, Raw, Struct, json

from worker_runtime.errors import Reject, Skip
from worker_runtime.records import moment_of
from worker_runtime.sources.bodies import OF_A_TEST, OF_A_TOPIC, OF_AN_EVENT
from worker_runtime.sources.s3_record import TEST_EVENT, is_test, objects_in
from worker_runtime.sources.sns_record import attributes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from worker_runtime.records import Record


_Name = Annotated[str, Meta(min_length=1)]  # by an empty one nobody is found


class Envelope(Struct, frozen=True):
    """What stands around a payload: its sender's id of it, when it was sent, and with what beside it."""

    id: str
    sent_at: datetime | None
    attributes: Mapping[str, str]
    payload: str | bytes


class _Notification(Struct, rename="pascal"):
    """What SNS puts around a message where delivery is not raw."""

    type: Literal["Notification"]
    message_id: _Name
    topic_arn: str
    timestamp: str
    message: str
    subject: Any = None
    message_attributes: Any = None

    def envelope(self) -> Envelope:
        """Say what it says of its message."""
        beside = attributes_of(self.message_attributes, subject=self.subject, topic=self.topic_arn)
        return Envelope(self.message_id, moment_of(self.timestamp), beside, self.message)


class _Event(Struct, rename={"detail_type": "detail-type"}):
    """What EventBridge puts around a detail."""

    version: str
    id: _Name
    detail_type: str
    source: str
    account: str
    time: str
    region: str
    resources: list[Any]
    detail: Raw

    def envelope(self) -> Envelope:
        """Say what it says of its detail."""
        beside = {
            "source": self.source,
            "detail-type": self.detail_type,
            "account": self.account,
            "region": self.region,
        }
        return Envelope(self.id, moment_of(self.time), beside, bytes(self.detail))


_read_notification = json.Decoder(_Notification).decode
_read_event = json.Decoder(_Event).decode


def opened(body: str) -> Envelope | None:
    """Open what is around a payload, from the outside in; None where the body is the payload."""
    outer = _notification_in(body)
    event = _event_in(body if outer is None else outer.message)
    if outer is None or event is None:
        found = outer or event
        return None if found is None else found.envelope()
    inner, beside = event.envelope(), outer.envelope().attributes
    return Envelope(inner.id, inner.sent_at, {**inner.attributes, **beside}, inner.payload)


def payload_of(body: str) -> str | bytes:
    """Take the payload out of a body's envelopes; raises Skip where it is a bucket's test event."""
    around = opened(body)
    payload = body if around is None else around.payload
    if isinstance(payload, str) and OF_A_TEST in payload and is_test(_read_plain(payload)):
        raise Skip(TEST_EVENT)
    return payload


def object_decoder(model: Any) -> Callable[[Record[Any]], Any]:
    """Compose the decoder of messages that carry S3's events: one object, or the list of them.

    Raises Reject for what is no event of S3's and for several objects where one is taken, Skip where
    there is none: a bucket's test event.
    """
    several = get_origin(model) is list

    def message(record: Record[Any]) -> Any:
        around = _notification_in(record.body)
        objects = objects_in(json.decode(record.body if around is None else around.message))
        if several:
            return objects
        if len(objects) > 1:
            raise Reject("SEVERAL_S3_OBJECTS", f"one message has {len(objects)}; take list[S3Object].")
        return objects[0]

    return message


def _notification_in(text: str) -> _Notification | None:
    try:
        return _read_notification(text) if OF_A_TOPIC in text else None
    except (ValueError, RecursionError):
        return None


def _event_in(text: str) -> _Event | None:
    try:
        event = _read_event(text) if OF_AN_EVENT in text else None
    except (ValueError, RecursionError):
        return None
    return event if event is not None and bytes(event.detail).startswith(b"{") else None


def _read_plain(text: str) -> Any:
    try:
        return json.decode(text)
    except (ValueError, RecursionError):
        return None
