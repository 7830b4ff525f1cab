"""What a stream still has, from its oldest record on; reading takes nothing from anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from worker_runtime import clock as clocks
from worker_runtime.filters import compile_filters
from worker_runtime.local.stage.polling.delivering import by_payload
from worker_runtime.local.stage.polling.feeds import HORIZON
from worker_runtime.local.stage.polling.shards import ShardReader

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from worker_runtime.local.recording.until import Until
    from worker_runtime.local.stage.polling.feeds import Feed, Shape
    from worker_runtime.local.stage.polling.staged_records import StagedRecord
    from worker_runtime.sources.streams import StreamSource

    Shard = tuple[ShardReader, Shape]

BATCH_SIZE: Final = 100  # Lambda's, where a mapping says nothing
_PAUSE_S: Final = 0.2  # a shard may be read five times a second by all who read it
_MISSES: Final = 3  # an open shard may have empty pages before its last record


class StreamTap:
    """One stream; ``source`` says how its worker takes batches, and which records."""

    def __init__(self, feed: Feed, *, source: StreamSource | None) -> None:
        self._feed = feed
        self._size = BATCH_SIZE if source is None else source.batch_size
        patterns, key = ((), "data") if source is None else (source.mapping_filters, source.data_key)
        self._filters = compile_filters(patterns, data_key=key)
        self._shards: dict[str, Shard] = {}

    def batches(self, until: Until) -> Generator[list[StagedRecord], None, None]:
        """Read what there is, or as long as ``until`` follows; an empty list is a pause."""
        while True:
            for info in self._feed.shards():  # parents before their children
                if info.id not in self._shards:
                    reader = ShardReader(self._feed, shard_id=info.id, position=HORIZON)
                    self._shards[info.id] = (reader, self._feed.shape(info.id))
                yield from self._read_on(self._shards[info.id], until)
            if not until.follows or until.over():
                return
            yield []
            clocks.sleep(_PAUSE_S)

    def _read_on(self, shard: Shard, until: Until) -> Iterator[list[StagedRecord]]:
        """Read a shard until nothing comes any more."""
        misses = 0
        while misses < _MISSES and not shard[0].closed and not until.over():
            records = self._read(shard)
            misses = 0 if records is None or records else misses + 1
            if not records:
                clocks.sleep(_PAUSE_S)
            wanted = [each for each in records or () if self._filters.takes(each.raw)]
            while batch := wanted[: min(self._size, until.room())]:
                yield from by_payload(batch)
                del wanted[: len(batch)]

    def _read(self, shard: Shard) -> Sequence[StagedRecord] | None:
        """Take a page of a shard; None where it is read too often just now."""
        reader, shape = shard
        try:
            return [shape(each) for each in reader.read()]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ProvisionedThroughputExceededException":
                raise
            return None
