"""Where files stand in the bucket: keys that are the same whenever the same batch comes again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker_runtime import Record

AVRO: Final = "data-pipeline/avro/"
NO_SHARD: Final = "table"
"""Stands for the shard of a change from the table's own stream, which does not say it; its sequence does."""


class Span(Struct, frozen=True):
    """From where to where a batch was received, whatever of it could be read."""

    shard: str
    first: str
    last: str

    @classmethod
    def of(cls, received: Sequence[Record[Any]]) -> Span:
        """Read shard and sequence numbers from a batch's records."""
        shard, _, number = str(received[0].raw.get("eventID", "")).partition(":")
        sequences = sorted((record.id for record in received), key=int)
        return cls(shard if number else NO_SHARD, sequences[0], sequences[-1])


def object_key(table: str, *, partition_date: str, span: Span) -> str:
    """Name the file of a table's rows of one partition and one batch."""
    name = f"{span.shard}-{span.first}-{span.last}.avro"
    return f"{AVRO}{table}/partition_date={partition_date}/{name}"
