"""The records of a topic that were read and are not done: fresh ones, and those that come again.

The rule of order alone: a partition is in one batch at a time, and what is tried again goes before
what follows it. Partitions that share a batch wait together only for as long as they share it.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker_runtime.local.stage.polling.bisecting import Piece
from worker_runtime.local.stage.polling.staged_records import PAYLOAD_BYTES, StagedRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Again:
    """Records that come again, not before ``due_at`` (the stage's epoch seconds)."""

    piece: Piece[StagedRecord]
    due_at: float


class PartitionBacklog:
    """What one reader of a topic has in hand; for one thread at a time."""

    def __init__(self, *, batch_size: int) -> None:
        self._batch_size = batch_size
        self._fresh: deque[StagedRecord] = deque()
        self._again: list[Again] = []

    def put(self, records: Iterable[StagedRecord]) -> None:
        """Add records that follow those of their partition already here."""
        self._fresh.extend(records)

    def come_again(self, pieces: Sequence[Again]) -> None:
        """Put back what came of a piece that was taken: in this order, before all that follows it."""
        self._again[:0] = pieces

    def take_due(self, now: float) -> Piece[StagedRecord] | None:
        """Take records whose time to come again has come; None where there are none."""
        for again in self._free():
            if again.due_at <= now:
                self._again.remove(again)
                return again.piece
        return None

    def take_batch(self) -> Piece[StagedRecord] | None:
        """Take a batch that nobody has had, as large as it may be; None where there is none."""
        batch = list(self._next_batch())
        if not batch:
            return None
        taken = {record.id for record in batch}
        self._fresh = deque(record for record in self._fresh if record.id not in taken)
        return Piece(tuple(sorted(batch, key=_partition)))

    def fills_a_batch(self) -> bool:
        """Whether a batch that is taken now could not be larger."""
        batch = list(self._next_batch())
        free = sum(1 for _ in self._free_fresh())
        return len(batch) == self._batch_size or len(batch) < free or _size(batch) >= PAYLOAD_BYTES

    def has_batch(self) -> bool:
        """Whether there is a record that a batch could be made of."""
        return next(self._free_fresh(), None) is not None

    def due_at(self) -> float | None:
        """Tell when the next records come again; None where none wait for that alone."""
        return min((again.due_at for again in self._free()), default=None)

    def crowded(self, *, by: int) -> set[int]:
        """Name the partitions of which so many records wait that no batch has had."""
        waiting = Counter(record.raw["partition"] for record in self._fresh)
        return {partition for partition, records in waiting.items() if records >= by}

    def _free(self) -> Iterator[Again]:
        """Find what comes again with nothing before it in any of its partitions."""
        before: set[str] = set()
        for again in list(self._again):
            partitions = {record.lane for record in again.piece.records}
            if before.isdisjoint(partitions):
                yield again
            before |= partitions

    def _free_fresh(self) -> Iterator[StagedRecord]:
        """Find, in the order in which they were read, records whose partition has nothing before them."""
        held = {record.lane for again in self._again for record in again.piece.records}
        return (record for record in self._fresh if record.lane not in held)

    def _next_batch(self) -> Iterator[StagedRecord]:
        size = 0
        for at, record in enumerate(self._free_fresh()):
            size += len(record.json)
            if at == self._batch_size or (at > 0 and size > PAYLOAD_BYTES):
                return
            yield record


def _size(records: Iterable[StagedRecord]) -> int:
    return sum(len(record.json) for record in records)


def _partition(record: StagedRecord) -> tuple[int, int]:
    return record.raw["partition"], record.raw["offset"]
