"""What a Kafka record says of itself, and the value inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker_runtime.base64_text import decode_base64
from worker_runtime.errors import UNDECODABLE, Reject
from worker_runtime.records import Record, T, carried_id, moment
from worker_runtime.sources.said_inside import CORRELATION, said_inside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

TOMBSTONE = b"null"
"""What a record without a value is read as."""


class KafkaRecord(Record[T], frozen=True):
    """A record of a topic; ``id`` is ``topic-partition:offset``, its lane the partition of its topic."""

    partition: str = ""

    @property
    def lane(self) -> str:
        """The topic and partition, as in ``orders-0``."""
        return self.partition

    @property
    def sent_at(self) -> datetime | None:
        """When it was made, or appended, in UTC."""
        return moment(self.raw.get("timestamp"), per_second=1000)

    @property
    def attributes(self) -> Mapping[str, str]:
        """Its headers that are text; of several of one name the last."""
        return {name: text for name, value in _headers(self.raw) if (text := _text(value)) is not None}

    @property
    def correlation_id(self) -> str:
        """Its ``correlationId`` header, else that field of its value, else its id."""
        try:
            inside = said_inside(value_of(self.raw))
        except Reject:  # a poison value says nothing
            inside = None
        return carried_id(self.attributes.get(CORRELATION)) or inside or self.id


def value_of(raw: Mapping[str, Any]) -> bytes:
    """Return what the producer wrote, ``null`` for a tombstone; Reject where it is no base64."""
    value = raw.get("value")
    if value is None:
        return TOMBSTONE
    try:
        return decode_base64(value)
    except (TypeError, ValueError) as error:
        raise Reject(UNDECODABLE, f"the value is no base64: {error!r}") from error


def _headers(raw: Mapping[str, Any]) -> list[tuple[str, Any]]:
    given = raw.get("headers")
    headers = given if isinstance(given, list) else []
    return [pair for header in headers if isinstance(header, dict) for pair in header.items()]


def _text(value: Any) -> str | None:
    """Read a header's bytes, which Lambda writes as numbers, with or without a sign."""
    try:
        return bytes(each & 0xFF for each in value).decode()
    except (TypeError, UnicodeDecodeError):
        return None
