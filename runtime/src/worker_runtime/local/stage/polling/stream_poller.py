"""Lambda's poller of a table's changes: its shards, their checkpoints, what is given up."""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from worker_runtime.filters import compile_filters
from worker_runtime.local.stage.parts.part import Part
from worker_runtime.local.stage.polling.change_records import (
    KINESIS_SHARD,
    CreationTimes,
    carried_record,
    change_record,
)
from worker_runtime.local.stage.polling.on_failure import GivenUp, Shard, on_failure_record
from worker_runtime.local.stage.polling.polled_shard import PolledShard, ShardEnds
from worker_runtime.local.stage.polling.shards import ShardInfo, ShardReader, Start, list_shards
from worker_runtime.local.stage.polling.stream_lane import LaneEnds, StreamLane
from worker_runtime.local.stage.polling.stream_progress import StreamProgress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Self

    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_sqs import SQSClient

    from worker_runtime.clock import Clock
    from worker_runtime.filters import Filters
    from worker_runtime.local.stage.polling.change_records import Carrier
    from worker_runtime.local.stage.polling.checkpoints import Checkpoints
    from worker_runtime.local.stage.polling.delivering import Delivery
    from worker_runtime.local.stage.polling.staged_records import StagedRecord
    from worker_runtime.sources.table_stream import TableStream

_BROKEN_S = 0.5
_AHEAD = 2  # batches that a lane may hold before reading waits

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledStream:
    """A table's stream as it really is, what carries it in production, where dead letters go."""

    arn: str
    function_arn: str
    dead_letters_url: str
    carrier: Carrier | None = None


class TableStreamPoller(Part):
    """Polls one table's stream for one worker."""

    def __init__(  # noqa: PLR0913 - what is polled, for whom, and four parts of the stage
        self,
        source: TableStream,
        *,
        stream: PolledStream,
        delivery: Delivery,
        streams: DynamoDBStreamsClient,
        sqs: SQSClient,
        checkpoints: Checkpoints,
        clock: Clock,
    ) -> None:
        self._source = source
        self._stream = stream
        self._delivery = delivery
        self._streams = streams
        self._sqs = sqs
        self._checkpoints = checkpoints
        self._clock = clock
        self._filters = stream_filters(source, carried=stream.carrier is not None)
        self._quit = threading.Event()
        self._lock = threading.Lock()
        self._shards: dict[str, PolledShard] = {}

    def start(self) -> Self:
        """Take up the open shards from their checkpoints, else from where the source starts."""
        shards = list_shards(self._streams, self._stream.arn)
        known = {shard.id for shard in shards}
        for shard in shards:
            checkpoint = self._checkpoints.get(self._delivery.worker_id, self._key(shard.id))
            whole = self._source.start == "TRIM_HORIZON" and shard.parent not in known
            if checkpoint is not None or whole or (self._source.start == "LATEST" and shard.is_open):
                self._take_up(shard.id, after=checkpoint, start=self._source.start)
        return self

    def quit(self) -> None:
        """Read nothing more."""
        self._quit.set()

    def stop(self) -> None:
        """Read nothing more and wait for the end of what is under way."""
        self._quit.set()
        with self._lock:
            shards = list(self._shards.values())
        for shard in shards:
            shard.join()

    def busy(self) -> bool:
        """Whether a change is unread, in flight or being retried."""
        with self._lock:
            shards = list(self._shards.values())
        return any(shard.busy() for shard in shards)

    def _take_up(self, shard_id: str, *, after: str | None, start: Start) -> None:
        reader = ShardReader(
            self._streams, stream_arn=self._stream.arn, shard_id=shard_id, after=after, start=start
        )
        shard = self._polled(reader)
        with self._lock:
            self._shards[shard_id] = shard
        shard.start()

    def _polled(self, reader: ShardReader) -> PolledShard:
        """Join a shard's reader with its lanes."""
        shard_id = reader.shard_id
        progress = StreamProgress(keep=partial(self._keep, shard_id))
        lane_ends = LaneEnds(
            delivery=self._delivery,
            function_arn=self._stream.function_arn,
            give_up=partial(self._give_up, shard_id),
            finish=progress.finish,
        )
        ends = ShardEnds(
            shape=partial(self._shape, CreationTimes(self._clock)),
            filters=self._filters,
            moved=self._delivery.moved,
            closed=partial(self._take_up_children, shard_id),
            ahead=_AHEAD * self._source.batch_size,
        )
        lanes = [
            StreamLane(self._source, ends=lane_ends, clock=self._clock, quit=self._quit)
            for _ in range(self._source.parallelization)
        ]
        return PolledShard(reader, lanes=lanes, progress=progress, ends=ends, quit=self._quit)

    def _shape(self, times: CreationTimes, change: Mapping[str, Any], read_at: float) -> StagedRecord:
        created_at = times.of(change, read_at=read_at)
        record = change_record(change, stream_arn=self._stream.arn, created_at=created_at)
        carrier = self._stream.carrier
        return record if carrier is None else carried_record(record, carrier=carrier)

    def _take_up_children(self, closed: str) -> None:
        children = [each for each in self._listed() if each.parent == closed]
        for child in children:
            if child.id not in self._shards:
                checkpoint = self._checkpoints.get(self._delivery.worker_id, self._key(child.id))
                self._take_up(child.id, after=checkpoint, start="TRIM_HORIZON")

    def _listed(self) -> list[ShardInfo]:
        try:
            return list_shards(self._streams, self._stream.arn)
        except (BotoCoreError, ClientError) as error:
            _log.warning("the shards of %s cannot be listed: %s", self._stream.arn, error)
            return []

    def _key(self, shard_id: str) -> str:
        return f"{self._stream.arn} {shard_id}"

    def _keep(self, shard_id: str, sequence: str) -> None:
        self._checkpoints.put(self._delivery.worker_id, self._key(shard_id), sequence)

    def _give_up(self, shard_id: str, records: Sequence[StagedRecord], why: GivenUp) -> None:
        """Write the on-failure record; tried until it is taken, so that nothing is lost in silence."""
        carrier = self._stream.carrier
        shard = (
            Shard(info="DDBStreamBatchInfo", stream_arn=self._stream.arn, shard_id=shard_id)
            if carrier is None
            else Shard(info="KinesisBatchInfo", stream_arn=carrier.stream_arn, shard_id=KINESIS_SHARD)
        )
        body = json.dumps(on_failure_record(records, shard=shard, why=why))
        while True:
            try:
                self._sqs.send_message(QueueUrl=self._stream.dead_letters_url, MessageBody=body)
            except (BotoCoreError, ClientError) as error:
                _log.warning("an on-failure record is not written yet: %s", error)
                if self._quit.wait(_BROKEN_S):
                    return
            else:
                return


def stream_filters(source: TableStream, *, carried: bool) -> Filters:
    """Compile a source's filters; where Kinesis carries the changes they are what ``data`` holds."""
    if carried:
        return compile_filters([{"data": pattern} for pattern in source.filters], data_key="data")
    return compile_filters(source.filters, data_key="dynamodb")
