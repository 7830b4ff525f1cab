"""Lambda's poller of a stream: its shards, their checkpoints, what is given up."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from worker_runtime.filters import compile_filters
from worker_runtime.local.stage.lineage.happenings import Checkpointed
from worker_runtime.local.stage.parts.part import Part
from worker_runtime.local.stage.polling.feeds import HORIZON, LATEST
from worker_runtime.local.stage.polling.on_failure import on_failure_record
from worker_runtime.local.stage.polling.polled_shard import PolledShard, ShardEnds
from worker_runtime.local.stage.polling.shard_order import beginnings, ready
from worker_runtime.local.stage.polling.shards import ShardReader, newest
from worker_runtime.local.stage.polling.stream_lane import LaneEnds, StreamLane
from worker_runtime.local.stage.polling.stream_progress import StreamProgress
from worker_runtime.local.stage.threads.real import REAL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.polling.checkpoints import Checkpoints
    from worker_runtime.local.stage.polling.delivering import Delivery
    from worker_runtime.local.stage.polling.feeds import Feed, Position
    from worker_runtime.local.stage.polling.on_failure import GivenUp, OnFailureQueue
    from worker_runtime.local.stage.polling.staged_records import StagedRecord
    from worker_runtime.local.stage.threads.threads import Threads
    from worker_runtime.sources.streams import StreamSource

_AHEAD = 2  # batches that a lane may hold before reading waits, and so many records where they are small:
_AHEAD_LEAST = 500


class StreamPoller(Part):
    """Polls one stream for one worker."""

    def __init__(  # noqa: PLR0913 - what is polled, for whom, and four parts of the stage
        self,
        source: StreamSource,
        *,
        feed: Feed,
        function_arn: str,
        delivery: Delivery,
        on_failure: OnFailureQueue,
        checkpoints: Checkpoints,
        clock: Clock,
        threads: Threads = REAL,
    ) -> None:
        self._source = source
        self._feed = feed
        self._function_arn = function_arn
        self._delivery = delivery
        self._on_failure = on_failure
        self._checkpoints = checkpoints
        self._clock = clock
        self._filters = compile_filters(source.mapping_filters, data_key=source.data_key)
        self._threads = threads
        self._quit = threads.flag()
        self._growing = threading.Lock()  # two shards that end at once may have one child
        self._lock = threading.Lock()
        self._shards: dict[str, PolledShard] = {}
        self._ended: set[str] = set()
        self._passed_over: set[str] = set()

    def start(self) -> Self:
        """Take up the shards from their checkpoints, else from where the source starts."""
        listed = self._feed.shards()
        begun = beginnings(listed, start=self._source.start, checkpoint=self._checkpoint)
        self._passed_over = {shard.id for shard in listed} - begun.keys()
        for shard_id, position in begun.items():
            if position is not None:
                self._take_up(shard_id, position)
        return self

    def quit(self) -> None:
        """Read nothing more."""
        self._quit.set()

    def stop(self) -> None:
        """Read nothing more and wait for the end of what is under way."""
        self._quit.set()
        for shard in self._polled():
            shard.join()

    def busy(self) -> bool:
        """Whether a record is unread, in flight or being retried."""
        return any(shard.busy() for shard in self._polled())

    def _polled(self) -> list[PolledShard]:
        with self._lock:
            return list(self._shards.values())

    def _take_up(self, shard_id: str, position: Position) -> None:
        if position == LATEST:  # a stage that ends before it read anything must not pass over what came since
            position = newest(self._feed, shard_id=shard_id)
            self._checkpoints.put(self._delivery.worker_id, self._key(shard_id), position)
        shard = self._joined(ShardReader(self._feed, shard_id=shard_id, position=position))
        with self._lock:
            self._shards[shard_id] = shard
        shard.start()

    def _joined(self, reader: ShardReader) -> PolledShard:
        """Join a shard's reader with its lanes."""
        shard_id = reader.shard_id
        progress = StreamProgress(keep=partial(self._keep, shard_id))
        lane_ends = LaneEnds(
            delivery=self._delivery,
            function_arn=self._function_arn,
            give_up=partial(self._give_up, shard_id),
            finish=progress.finish,
        )
        ends = ShardEnds(
            worker_id=self._delivery.worker_id,
            shape=self._feed.shape(shard_id),
            filters=self._filters,
            moved=self._delivery.moved,
            closed=partial(self._go_on_after, shard_id),
            ahead=max(_AHEAD * self._source.batch_size, _AHEAD_LEAST),
            note=self._delivery.note,
        )
        lanes = [
            StreamLane(
                self._source, ends=lane_ends, clock=self._clock, quit=self._quit, threads=self._threads
            )
            for _ in range(self._source.parallelization)
        ]
        return PolledShard(
            reader, lanes=lanes, progress=progress, ends=ends, quit=self._quit, threads=self._threads
        )

    def _go_on_after(self, closed: str) -> None:
        """Take up the shards that continue this one, unless they wait for another."""
        with self._growing:
            self._ended.add(closed)
            listed = self._feed.shards()
            for shard_id in ready(
                listed, polled=self._shards, ended=self._ended, passed_over=self._passed_over
            ):
                self._take_up(shard_id, self._checkpoint(shard_id) or HORIZON)

    def _checkpoint(self, shard_id: str) -> Position | None:
        return self._checkpoints.get(self._delivery.worker_id, self._key(shard_id))

    def _keep(self, shard_id: str, position: Position) -> None:
        self._checkpoints.put(self._delivery.worker_id, self._key(shard_id), position)
        if position.sequence is not None:
            self._delivery.note(Checkpointed(self._delivery.worker_id, shard_id, position.sequence))

    def _key(self, shard_id: str) -> str:
        return f"{self._feed.identity} {shard_id}"

    def _give_up(self, shard_id: str, records: Sequence[StagedRecord], why: GivenUp) -> str | None:
        """Write the on-failure record and return its message's id, as ``OnFailureQueue.put`` does."""
        body = on_failure_record(records, shard=self._feed.shard(shard_id), why=why)
        return self._on_failure.put(body, until=self._quit)
