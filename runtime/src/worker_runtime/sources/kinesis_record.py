"""What a Kinesis record says of itself, and the data inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker_runtime.base64_text import decode_base64
from worker_runtime.errors import UNDECODABLE, Reject
from worker_runtime.records import Record, T, moment
from worker_runtime.sources.said_inside import said_inside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_AGGREGATED: Final = bytes.fromhex("f3899ac2")
_DIGEST_BYTES: Final = 16


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
        data = decode_base64(raw["kinesis"]["data"])
    except (KeyError, TypeError, ValueError) as error:
        raise Reject(UNDECODABLE, f"Kinesis data is no base64: {error!r}") from error
    if data.startswith(_AGGREGATED) and _is_aggregated(data):
        raise Reject("KPL_AGGREGATED", "it is several records, packed by the Kinesis Producer Library")
    return data


def _is_aggregated(data: bytes) -> bool:
    """Whether what begins as an aggregated record ends as one: with the digest of what is between."""
    from hashlib import md5  # noqa: PLC0415 - hardly any record begins like that

    packed, digest = data[len(_AGGREGATED) : -_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    return md5(packed, usedforsecurity=False).digest() == digest
