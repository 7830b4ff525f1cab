"""How far a group is in each partition, and what it has still to tell Kafka of that."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from worker_runtime.local.stage.polling.stream_progress import StreamProgress

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from worker_runtime.local.stage.polling.feeds import Position
    from worker_runtime.local.stage.polling.staged_records import StagedRecord


class TopicProgress:
    """The offsets of one consumer's partitions; a committed one has nothing unfinished before it."""

    def __init__(self) -> None:
        self._partitions: dict[int, StreamProgress] = {}
        self._uncommitted: dict[int, int] = {}

    def read(self, records: Iterable[StagedRecord]) -> None:
        """Note records in the order of their partitions."""
        for record in records:
            self._of(record).read([str(record.raw["offset"])])

    def finish(self, records: Iterable[StagedRecord]) -> None:
        """Note that records are done, filtered out or given up."""
        for record in records:
            self._of(record).finish([str(record.raw["offset"])])

    @property
    def outstanding(self) -> int:
        """How many records were read and are not done."""
        return sum(each.outstanding for each in self._partitions.values())

    @property
    def uncommitted(self) -> Mapping[int, int]:
        """The offsets, by partition, at which the group would go on and which Kafka does not know yet."""
        return dict(self._uncommitted)

    def committed(self, offsets: Mapping[int, int]) -> None:
        """Note that Kafka knows these."""
        for partition, offset in offsets.items():
            if self._uncommitted.get(partition) == offset:
                del self._uncommitted[partition]

    def _of(self, record: StagedRecord) -> StreamProgress:
        partition: int = record.raw["partition"]
        if partition not in self._partitions:
            self._partitions[partition] = StreamProgress(keep=partial(self._keep, partition))
        return self._partitions[partition]

    def _keep(self, partition: int, position: Position) -> None:
        following = 1 if position.kind == "AFTER_SEQUENCE_NUMBER" else 0
        self._uncommitted[partition] = int(position.sequence or 0) + following
