"""What a record of a delivery stream says of itself, and the data inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker_runtime.base64_text import decode_base64
from worker_runtime.errors import UNDECODABLE, Reject
from worker_runtime.records import Record, T, moment
from worker_runtime.sources.said_inside import said_inside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class FirehoseRecord(Record[T], frozen=True):
    """A record on its way through a delivery stream."""

    @property
    def sent_at(self) -> datetime | None:
        """When it arrived at Firehose, in UTC."""
        return moment(self.raw.get("approximateArrivalTimestamp"), per_second=1000)

    @property
    def correlation_id(self) -> str:
        """The ``correlationId`` of its data, else the record's id; poison has only the latter."""
        try:
            return said_inside(data_of(self.raw)) or self.id
        except Reject:
            return self.id


def data_of(raw: Mapping[str, Any]) -> bytes:
    """Return what a producer put into the delivery stream; Reject where it is no base64."""
    try:
        return decode_base64(raw["data"])
    except (KeyError, TypeError, ValueError) as error:
        raise Reject(UNDECODABLE, f"the data is no base64: {error!r}") from error
