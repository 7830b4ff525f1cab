"""Sends dead letters back where they came from, each form in its way; against any endpoint.

Nothing leaves a dead-letter queue before it has been sent back, or its worker has acknowledged it.
"""

from __future__ import annotations

import gzip
import json
import logging
from base64 import b64decode
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from worker_runtime.errors import WorkerRuntimeError, text_of
from worker_runtime.filters import compile_filters
from worker_runtime.local.dead_letters.letters import batch_info, topic_info
from worker_runtime.local.dead_letters.resending import Original, original_in, original_of
from worker_runtime.local.dead_letters.walk import PATIENCE_S, Walk
from worker_runtime.local.stage.execution.answers import Reply
from worker_runtime.local.stage.polling.batches import AllDone
from worker_runtime.local.stage.polling.change_records import refreshed, restaged
from worker_runtime.local.stage.polling.event_form import RECORDS
from worker_runtime.local.stage.polling.shards import read_range
from worker_runtime.redaction import redact_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from worker_runtime.filters import Filters
    from worker_runtime.local.dead_letters.letters import Letter
    from worker_runtime.local.stage.polling.feeds import Feed
    from worker_runtime.local.stage.polling.staged_records import StagedRecord
    from worker_runtime.local.stage.polling.topic_past import TopicPast

    Invoke = Callable[[str, dict[str, Any]], Any]
    SentBack = Callable[[str, str, Sequence[str]], None]

_VISIBILITY_S = 300

_STREAMED = frozenset(("dynamodb", "kinesis"))
"""One of these is in each record of a stream; what has neither is an event, or one record of it."""

_OF_SEVERAL = ("aws:s3", "aws:sns")
"""Whose events list records, of which a letter holds one."""

_OF_KAFKA = frozenset(("topic", "partition", "offset"))
"""What each record of a Kafka topic has."""

_log = logging.getLogger(__name__)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Redriven:
    """How many letters were sent back, why others were not, and how many that waited were not met.

    ``rejected`` says which records of those sent back were rejected anew by a worker in this process.
    """

    sent: int
    kept: tuple[str, ...]
    rejected: tuple[str, ...] = ()
    missed: int = 0


class Redriver:
    """Sends back the letters of one dead-letter queue."""

    def __init__(  # noqa: PLR0913 - whose letters, the ways back, and who is told
        self,
        queue_url: str,
        *,
        origins: Sequence[Origin],
        aws: Callable[[str], Any],
        invoke: Invoke,
        patience_s: int = PATIENCE_S,
        sent_back: SentBack = lambda letter, worker_id, things: None,  # noqa: ARG005 - nobody keeps a journal
    ) -> None:
        """Prepare; ``invoke`` runs a worker (by id) on an event and returns its reply or raises.

        ``patience_s`` is how long a receive waits for letters. ``sent_back`` is told of each letter (by
        its message id) as what it went to its worker: the new message's id, the records'.
        """
        self._queue_url = queue_url
        self._origins = origins
        self._aws = aws
        self._invoke = invoke
        self._patience_s = patience_s
        self._sent_back = sent_back
        self._handed_over: set[str] = set()

    def redrive(self, *, refresh: bool = False, seen: int = 0) -> Redriven:
        """Send back what waits now; ``refresh`` takes changed items as they are in the table now.

        ``seen`` is how many somebody has seen there; the queue's own count may be of a moment ago.
        """
        kept: list[tuple[Letter, str]] = []
        sent = 0
        sqs = self._aws("sqs")
        with Walk(sqs, self._queue_url, visibility_s=_VISIBILITY_S, patience_s=self._patience_s) as walk:
            waiting, letters = max(walk.counted, seen), iter(walk)
            for letter in islice(letters, waiting):  # what comes back meanwhile is for the next time
                try:
                    self._keep_order(letter, [other for other, _ in kept])
                    self._send_back(letter, refresh=refresh)
                    walk.take_out(letter)
                except Exception as error:  # noqa: BLE001 - whatever a letter or its worker does keeps no other
                    kept.append((letter, _why(error)))
                    _log.warning("dead letter %s stays: %s", letter.record_id, _why(error))
                else:
                    sent += 1
            rejected = self._rejected_anew(letters)
        reasons = tuple(f"{letter.record_id}: {why}" for letter, why in kept)
        return Redriven(sent=sent, kept=reasons, rejected=rejected, missed=waiting - sent - len(kept))

    def _rejected_anew(self, letters: Iterable[Letter]) -> tuple[str, ...]:
        """Say of which records a worker has written a new letter, although it acknowledged them."""
        if not self._handed_over:
            return ()
        return tuple(
            ": ".join(filter(None, (letter.record_id, letter.code, redact_text(letter.error))))
            for letter in letters
            if letter.record_id in self._handed_over
        )

    def _keep_order(self, letter: Letter, kept: Iterable[Letter]) -> None:
        if letter.group is not None and any(letter.group == other.group for other in kept):
            raise NotSentBack("an earlier one of its group stays.")

    def _send_back(self, letter: Letter, *, refresh: bool) -> None:
        if letter.unreadable:
            raise NotSentBack(f"{letter.error}; look at it and delete it by hand.")
        origin = self._origin(letter)
        things = self._go_back(letter, origin, refresh=refresh)
        self._sent_back(letter.message_id, origin.worker_id, things)

    def _go_back(self, letter: Letter, origin: Origin, *, refresh: bool) -> Sequence[str]:
        """Send a letter back in the way of its form, and return as what."""
        if letter.form == "metadata":
            records = self._read_again(json.loads(letter.body), origin)
            return self._hand_over(origin, records, refresh=refresh)
        if letter.form == "original":
            return self._resend(origin, original_in(letter))
        if letter.form == "event":
            self._invoke(origin.worker_id, json.loads(letter.body)["requestPayload"])
            return [letter.record_id]
        record = self._unpack(json.loads(letter.body), origin)
        if record.get("eventSource") == "aws:sqs":
            return self._resend(origin, original_of(record))
        if not _STREAMED.isdisjoint(record):
            return self._hand_over(origin, [restaged(record)], refresh=refresh)
        self._handed_over.add(letter.record_id)
        self._take(origin, self._invoke(origin.worker_id, _event_of(record)))
        return [letter.record_id]

    def _origin(self, letter: Letter) -> Origin:
        fitting = [each for each in self._origins if letter.worker in (None, each.worker_id)]
        if len(fitting) != 1:
            who = letter.worker or "a worker that it does not name"
            raise NotSentBack(f"it is of {who}; {len(fitting)} sources have these dead letters.")
        return fitting[0]

    def _resend(self, origin: Origin, original: Original) -> Sequence[str]:
        if origin.queue_url is None:
            raise NotSentBack(f"{origin.worker_id} has no queue to send it to.")
        return [original.send(self._aws("sqs"), origin.queue_url)]

    def _hand_over(self, origin: Origin, records: Sequence[StagedRecord], *, refresh: bool) -> Sequence[str]:
        """Invoke the worker on records of a stream or topic; what no filter takes any more needs no work."""
        if refresh and origin.past is None:
            records = [refreshed(record, dynamodb=self._aws("dynamodb")) for record in records]
        records = [record for record in records if origin.filters.takes(record.raw)]
        if not records:
            return ()
        ids = [record.id for record in records]
        self._handed_over.update(ids)
        form = RECORDS if origin.past is None else origin.past.form
        reply = self._invoke(origin.worker_id, json.loads(form.event_of(records)))
        reading = form.read(Reply(json.dumps(reply).encode()), records)
        if not isinstance(reading, AllDone):
            raise NotSentBack(f"{origin.worker_id} did not take it: {reading}")
        return ids

    def _take(self, origin: Origin, reply: Any) -> None:
        """Raise NotSentBack where a reply lists what its worker did not take."""
        if isinstance(reply, dict) and reply.get("batchItemFailures"):
            raise NotSentBack(f"{origin.worker_id} did not take it, and listed it as failed.")

    def _unpack(self, envelope: Mapping[str, Any], origin: Origin) -> Any:
        """Take the record out of our envelope: whole, compressed, or from the spill bucket."""
        if "record" in envelope:
            return envelope["record"]
        if "recordGzip" in envelope:
            return json.loads(gzip.decompress(b64decode(envelope["recordGzip"])))
        if origin.spill_bucket is None:
            raise NotSentBack(f"its record is at {envelope.get('recordAt')!r}, and no spill bucket is known.")
        stored = self._aws("s3").get_object(Bucket=origin.spill_bucket, Key=envelope["recordAt"])
        return json.loads(gzip.decompress(stored["Body"].read()))

    def _read_again(self, metadata: Mapping[str, Any], origin: Origin) -> list[StagedRecord]:
        """Fetch the records that Lambda's metadata names while the stream, or topic, still has them."""
        if (offsets := topic_info(metadata)) is not None:
            return self._read_topic_again(offsets, origin)
        if origin.feed is None:
            raise NotSentBack(f"{origin.worker_id} reads no stream.")
        info = batch_info(metadata)
        first, last = info["startSequenceNumber"], info["endSequenceNumber"]
        shard_id = origin.feed.located(info["shardId"])
        records = list(read_range(origin.feed, shard_id=shard_id, first=first, last=last))
        if not records or (records[0].id, records[-1].id) != (first, last):
            raise NotSentBack("its stream has forgotten the records, or some of them.")
        return records

    def _read_topic_again(self, offsets: Mapping[str, Any], origin: Origin) -> list[StagedRecord]:
        if origin.past is None:
            raise NotSentBack(
                f"{origin.worker_id} reads no topic that is known; set KAFKA_BOOTSTRAP_SERVERS."
            )
        try:
            return origin.past.records(offsets)
        except LookupError as error:
            raise NotSentBack(f"{error}.") from error


def _event_of(record: dict[str, Any]) -> dict[str, Any]:
    """Return the event that brings one record: itself, or a batch of one."""
    if record.keys() >= _OF_KAFKA:
        partition = f"{record['topic']}-{record['partition']}"
        return {"eventSource": "SelfManagedKafka", "bootstrapServers": "", "records": {partition: [record]}}
    listed = record.get("eventSource", record.get("EventSource")) in _OF_SEVERAL
    return {"Records": [record]} if listed else record


def _why(error: Exception) -> str:
    """Say why a letter stays, without personal data; our own errors need no name in front."""
    name = "" if isinstance(error, WorkerRuntimeError) else f"{type(error).__name__}: "
    return name + redact_text(text_of(error))
