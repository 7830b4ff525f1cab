"""What a stream poller reads: a stream's shards, their records, and the shape in which Lambda has them.

A kind of stream is a module with a feed: ``table_changes.py``, ``kinesis_records.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker_runtime.local.stage.polling.on_failure import Shard
    from worker_runtime.local.stage.polling.staged_records import StagedRecord

    Shape = Callable[[Mapping[str, Any]], StagedRecord]

PositionKind = Literal["LATEST", "TRIM_HORIZON", "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"]


@dataclass(frozen=True, slots=True)
class Position:
    """Where to begin in a shard; ``sequence`` where ``kind`` names one."""

    kind: PositionKind
    sequence: str | None = None


LATEST: Final = Position("LATEST")
HORIZON: Final = Position("TRIM_HORIZON")


@dataclass(frozen=True, slots=True)
class ShardInfo:
    """A shard, those that it continues, and whether records are still added to it."""

    id: str
    parents: tuple[str, ...]
    is_open: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Records in boto3's form, and the iterator of what follows; None where a closed shard is at its end.

    A page may be empty and others wait behind it; ``more`` says so as far as the stream does.
    """

    records: Sequence[Mapping[str, Any]]
    following: str | None
    more: bool = False


class Feed(Protocol):
    """One stream; for many threads. What it asks of AWS may raise ClientError and BotoCoreError."""

    @property
    def identity(self) -> str:
        """What tells it from any other stream, and from one of its name that was there before."""

    def shards(self) -> list[ShardInfo]:
        """List its shards, parents before their children."""

    def iterator(self, shard_id: str, position: Position) -> str:
        """Begin to read a shard."""

    def read(self, iterator: str, *, limit: int | None = None) -> Page:
        """Take the next records, as many as one call takes."""

    def sequence(self, record: Mapping[str, Any]) -> str:
        """Return a record's sequence number."""

    def shape(self, shard_id: str) -> Shape:
        """Return what makes one shard's records, in their order, those of an event: the same whenever."""

    def shard(self, shard_id: str) -> Shard:
        """Name a shard as Lambda does to the on-failure destination."""

    def located(self, named: str) -> str:
        """Find the shard that Lambda's metadata names."""
