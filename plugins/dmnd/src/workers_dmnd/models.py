"""What our own table and queue carry, as far as the workers read it; camelCase on the wire."""

from __future__ import annotations

from msgspec import Struct


class Event(Struct, frozen=True, rename="camel"):
    """An event of the demand table, and its short link once it has one."""

    id: str
    url: str
    is_suppressed: bool
    short_url: str | None = None


class EventReference(Struct, frozen=True):
    """An event by its id."""

    id: str


class ShortUrlMessage(Struct, frozen=True):
    """Ask for an event's short link; the queue's format, as other producers write it too."""

    data: EventReference
    id: str

    @classmethod
    def of(cls, event_id: str) -> ShortUrlMessage:
        """Make the message for an event."""
        return cls(data=EventReference(event_id), id=event_id)
