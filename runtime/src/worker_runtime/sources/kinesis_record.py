"""What a Kinesis record says of itself, and the data inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker_runtime.base64_text import decode_base64
from worker_runtime.errors import Reject
from worker_runtime.records import Record, T, moment
from worker_runtime.sources.said_inside import said_inside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class KinesisRecord(Record[T], frozen=True):
    """A record of a Kinesis stream; ``id`` is its sequence number, its lane the partition key."""

    @property
    def lane(self) -> str:
        """The partition key."""
        return str(self.raw["kinesis"].get("partitionKey", ""))

    @property
    def sent_at(self) -> datetime | None:
        """When it arrived in the stream, in UTC."""
        return moment(self.raw["kinesis"].get("approximateArrivalTimestamp"))

    @property
    def correlation_id(self) -> str:
        """The ``correlationId`` of its data, else the sequence number; poison has only the latter."""
        try:
            return said_inside(data_of(self.raw)) or self.id
        except Reject:
            return self.id


def data_of(raw: Mapping[str, Any]) -> bytes:
    """Return what a producer put into the stream; Reject where it is no base64."""
    try:
        return decode_base64(raw["kinesis"]["data"])
    except (KeyError, TypeError, ValueError) as error:
        raise Reject("UNDECODABLE", f"Kinesis data is no base64: {error!r}") from error
