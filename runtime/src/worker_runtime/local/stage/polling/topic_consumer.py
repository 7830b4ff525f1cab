"""One of a mapping's event pollers: a consumer with its partitions, and at most one batch in flight.

It reads, filters, gathers batches, has them tried, and commits for each partition the offset before
which all is done. Several of them share out the partitions of a topic.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker_runtime.local.stage.lineage.happenings import Checkpointed, Received, Refused
from worker_runtime.local.stage.polling.kafka_form import kafka_record
from worker_runtime.local.stage.polling.paces import BROKEN_S, GROWTH_S, POLL_S
from worker_runtime.local.stage.polling.partition_backlog import PartitionBacklog
from worker_runtime.local.stage.polling.stage_time import machine_seconds
from worker_runtime.local.stage.polling.topic_attempts import TopicAttempts
from worker_runtime.local.stage.polling.topic_feed import TopicBroken
from worker_runtime.local.stage.polling.topic_progress import TopicProgress
from worker_runtime.local.stage.threads.real import REAL

if TYPE_CHECKING:
    from worker_runtime.clock import Clock
    from worker_runtime.filters import Filters
    from worker_runtime.local.stage.polling.bisecting import Piece
    from worker_runtime.local.stage.polling.staged_records import StagedRecord
    from worker_runtime.local.stage.polling.topic_attempts import Retrying, TopicEnds
    from worker_runtime.local.stage.polling.topic_feed import TopicReader
    from worker_runtime.local.stage.threads.threads import Flag, Threads

_AHEAD = 2  # batches of one partition that may wait before it is read on

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """Which records of a topic become batches, and when."""

    topic: str
    filters: Filters
    batch_size: int
    window_s: float


class TopicConsumer:
    """Takes the records of some partitions, each partition's in order."""

    def __init__(  # noqa: PLR0913 - what is read, by which two rules, where it goes, three parts of the stage
        self,
        reader: TopicReader,
        *,
        batching: Batching,
        retrying: Retrying,
        ends: TopicEnds,
        clock: Clock,
        quit: Flag,  # noqa: A002 - what it is
        threads: Threads = REAL,
    ) -> None:
        self._reader = reader
        self._batching = batching
        self._delivery = ends.delivery
        self._clock = clock
        self._quit = quit
        self._threads = threads
        self._backlog = PartitionBacklog(batch_size=batching.batch_size)
        self._progress = TopicProgress()
        self._attempts = TopicAttempts(
            retrying, ends=ends, finish=self._progress.finish, clock=clock, quit=quit
        )
        self._window_ends: float | None = None
        self._asked_at = clock.now()  # whether there are more partitions
        self._reading = threads.condition()  # what was read is outstanding before anybody looks
        self._thread = threads.thread(self._work, name="topic-consumer")

    def start(self) -> None:
        """Begin to read and to hand over."""
        self._thread.start()

    def join(self) -> None:
        """Wait for the end, once ``quit`` is set."""
        if self._thread.is_alive():
            self._thread.join()

    def busy(self) -> bool:
        """Whether a record is unread or not done, or Kafka does not know yet that it is."""
        with self._reading:
            if self._progress.outstanding or self._progress.uncommitted:
                return True
            try:
                return self._reader.has_unread()
            except TopicBroken:  # nobody knows; who reads tells why
                return True

    def step(self) -> bool:
        """Read what has come and try what is ready; whether there was anything to do. Raises TopicBroken."""
        self._commit()
        self._grow()
        has_read = self._read()
        piece = self._backlog.take_due(self._clock.now()) or self._batch()
        if piece is None:
            return has_read
        self._backlog.come_again(self._attempts.attempt(piece))
        self._delivery.moved()
        self._commit()
        return True

    def left_s(self) -> float | None:
        """Tell in how many of the stage's seconds something is ready whatever comes; None where never."""
        moments = [at for at in (self._backlog.due_at(), self._window_ends) if at is not None]
        return max(min(moments) - self._clock.now(), 0.0) if moments else None

    def _work(self) -> None:
        shortest_s, longest_s = POLL_S
        pause_s = shortest_s
        try:
            while not self._quit.is_set():
                try:
                    if self.step():
                        pause_s = shortest_s
                        continue
                except TopicBroken as error:
                    _log.warning("%s cannot be read: %s", self._batching.topic, error)
                    pause_s = BROKEN_S
                self._look_again(pause_s)
                pause_s = min(pause_s * 2, longest_s)
        finally:
            self._reader.close()

    def _look_again(self, within_s: float) -> None:
        left_s = self.left_s()
        self._threads.look_again(
            self._quit,
            within_s=within_s,
            left_s=None if left_s is None else machine_seconds(self._clock, left_s),
        )

    def _grow(self) -> None:
        """Take up, now and then, partitions that were added."""
        now = self._clock.now()
        if machine_seconds(self._clock, now - self._asked_at) < GROWTH_S:
            return
        with self._reading:
            self._reader.grow()
        self._asked_at = now

    def _read(self) -> bool:
        """Take what has come, but from partitions of which enough waits; what no filter takes is done."""
        enough = _AHEAD * self._batching.batch_size
        with self._reading:
            found = self._reader.read(most=enough, but=self._backlog.crowded(by=enough))
            records = [kafka_record(each, topic=self._batching.topic, clock=self._clock) for each in found]
            self._progress.read(records)
        if records:
            self._share_out(records)
        return bool(records)

    def _share_out(self, records: list[StagedRecord]) -> None:
        self._delivery.moved()
        self._delivery.note(Received(self._delivery.worker_id, records))
        taken: list[StagedRecord] = []
        dropped: list[StagedRecord] = []
        for record in records:
            (taken if self._batching.filters.takes(record.raw) else dropped).append(record)
        self._backlog.put(taken)
        if dropped:
            self._delivery.note(Refused(self._delivery.worker_id, dropped, self._batching.filters))
            self._progress.finish(dropped)

    def _batch(self) -> Piece[StagedRecord] | None:
        """Take a batch that is full, or whose window is over."""
        if not self._backlog.has_batch():
            self._window_ends = None
            return None
        now = self._clock.now()
        if self._window_ends is None:
            self._window_ends = now + self._batching.window_s
        if now < self._window_ends and not self._backlog.fills_a_batch():
            return None
        self._window_ends = None
        return self._backlog.take_batch()

    def _commit(self) -> None:
        offsets = self._progress.uncommitted
        if offsets:
            self._reader.commit(offsets)
            self._progress.committed(offsets)
            for partition, offset in offsets.items():
                shard = f"{self._batching.topic}-{partition}"
                self._delivery.note(Checkpointed(self._delivery.worker_id, shard, str(offset)))
