"""What a Kafka poller reads: a topic's partitions, their records, and how far its group is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from worker_runtime.errors import WorkerRuntimeError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from worker_runtime.sources.kafka import Start

TimestampType = Literal["CREATE_TIME", "LOG_APPEND_TIME", "NO_TIMESTAMP_TYPE"]


class TopicBroken(WorkerRuntimeError):
    """Kafka does not answer, or refuses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicRecord:
    """One record as Kafka has it; a header without a value has None."""

    partition: int
    offset: int
    timestamp_ms: int
    timestamp_type: TimestampType
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Share:
    """Which partitions are one consumer's: every ``of``-th from ``at`` on, however many there come to be."""

    at: int
    of: int

    def takes(self, partition: int) -> bool:
        """Whether the partition is one of them."""
        return partition % self.of == self.at


class TopicReader(Protocol):
    """Partitions of a topic, as one consumer of a group reads them; what it asks may raise TopicBroken."""

    def read(self, *, most: int, but: Collection[int] = ()) -> Sequence[TopicRecord]:
        """Take what there is now, about ``most`` records of it; those of a partition in their order.

        Nothing is taken from the partitions ``but``.
        """

    def has_unread(self) -> bool:
        """Look whether there is something to take, or a partition that was added."""

    def grow(self) -> bool:
        """Take up the partitions that were added since, from their first records; whether there are any."""

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Keep, by partition, the offset at which the group goes on."""

    def close(self) -> None:
        """Read no more; what is not committed comes again to who reads next."""


class Topic(Protocol):
    """One topic, read for one consumer group."""

    @property
    def name(self) -> str:
        """Its real name."""

    def begin(self, *, start: Start) -> int:
        """Have the group begin at ``start`` unless it has begun; how many partitions there are.

        A group that has begun keeps its place, however often who reads for it comes and goes.
        """

    def reader(self, share: Share) -> TopicReader:
        """Read a share from where the group is; what was added after it began, from the first record."""
