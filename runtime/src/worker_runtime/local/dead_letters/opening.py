"""What a dead letter holds: whose it is, and its records, fetched again where only numbers are there."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from worker_runtime.errors import WorkerRuntimeError
from worker_runtime.filters import compile_filters
from worker_runtime.local.dead_letters.letters import batch_info, topic_info
from worker_runtime.local.stage.polling.shards import read_range

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker_runtime.filters import Filters
    from worker_runtime.local.dead_letters.letters import Letter
    from worker_runtime.local.stage.polling.feeds import Feed
    from worker_runtime.local.stage.polling.staged_records import StagedRecord
    from worker_runtime.local.stage.polling.topic_past import TopicPast


class NotSentBack(WorkerRuntimeError):
    """A dead letter that stays where it is, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the dead letters of one worker's source come from: a queue, a stream, or a topic."""

    worker_id: str
    queue_url: str | None = None
    feed: Feed | None = None
    past: TopicPast | None = None
    filters: Filters = field(default_factory=lambda: compile_filters((), data_key="dynamodb"))
    spill_bucket: str | None = None


class Opener:
    """Opens the letters of a queue whose ``origins`` are known."""

    def __init__(self, origins: Sequence[Origin], *, aws: Callable[[str], Any]) -> None:
        self._origins = origins
        self._aws = aws

    def origin(self, letter: Letter) -> Origin:
        """Find where a letter came from; raises NotSentBack where that may be several places, or none."""
        fitting = [each for each in self._origins if letter.worker in (None, each.worker_id)]
        if len(fitting) != 1:
            who = letter.worker or "a worker that it does not name"
            raise NotSentBack(f"it is of {who}; {len(fitting)} sources have these dead letters.")
        return fitting[0]

    def records(self, letter: Letter) -> list[Any]:
        """Return the records that a letter is about, as their worker had them; raises NotSentBack."""
        body = json.loads(letter.body) if letter.form != "original" else {}
        match letter.form:
            case "metadata":
                return [record.raw for record in self.read_again(body, self.origin(letter))]
            case "envelope":
                return [self.unpacked(body, self.origin(letter))]
            case "event":
                return [body["requestPayload"]]
        return []

    def unpacked(self, envelope: Mapping[str, Any], origin: Origin) -> Any:
        """Take the record out of our envelope: whole, compressed, or from the spill bucket."""
        if "record" in envelope:
            return envelope["record"]
        if "recordGzip" in envelope:
            return json.loads(gzip.decompress(b64decode(envelope["recordGzip"])))
        if origin.spill_bucket is None:
            raise NotSentBack(f"its record is at {envelope.get('recordAt')!r}, and no spill bucket is known.")
        stored = self._aws("s3").get_object(Bucket=origin.spill_bucket, Key=envelope["recordAt"])
        return json.loads(gzip.decompress(stored["Body"].read()))

    def read_again(self, metadata: Mapping[str, Any], origin: Origin) -> list[StagedRecord]:
        """Fetch the records that Lambda's metadata names while the stream, or topic, still has them."""
        if (offsets := topic_info(metadata)) is not None:
            return _read_topic_again(offsets, origin)
        if origin.feed is None:
            raise NotSentBack(f"{origin.worker_id} reads no stream.")
        info = batch_info(metadata)
        first, last = info["startSequenceNumber"], info["endSequenceNumber"]
        shard_id = origin.feed.located(info["shardId"])
        records = list(read_range(origin.feed, shard_id=shard_id, first=first, last=last))
        if not records or (records[0].id, records[-1].id) != (first, last):
            raise NotSentBack("its stream has forgotten the records, or some of them.")
        return records


def _read_topic_again(offsets: Mapping[str, Any], origin: Origin) -> list[StagedRecord]:
    if origin.past is None:
        raise NotSentBack(f"{origin.worker_id} reads no topic that is known; set KAFKA_BOOTSTRAP_SERVERS.")
    try:
        return origin.past.records(offsets)
    except LookupError as error:
        raise NotSentBack(f"{error}.") from error
