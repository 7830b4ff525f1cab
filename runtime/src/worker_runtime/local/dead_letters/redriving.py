"""Sends dead letters back where they came from, each form in its way; against any endpoint.

Nothing leaves a dead-letter queue before it has been sent back, or its worker has acknowledged it.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from worker_runtime.errors import WorkerRuntimeError, text_of
from worker_runtime.local.dead_letters.opening import NotSentBack, Opener
from worker_runtime.local.dead_letters.resending import Original, original_in, original_of
from worker_runtime.local.dead_letters.walk import PATIENCE_S, Walk
from worker_runtime.local.recording.masking import masked_text
from worker_runtime.local.stage.execution.answers import Reply
from worker_runtime.local.stage.polling.batches import AllDone
from worker_runtime.local.stage.polling.change_records import refreshed, restaged
from worker_runtime.local.stage.polling.event_form import RECORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from worker_runtime.local.dead_letters.letters import Letter
    from worker_runtime.local.dead_letters.opening import Origin
    from worker_runtime.local.stage.polling.staged_records import StagedRecord

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


class Went(Struct, frozen=True, rename="camel"):
    """A letter (its record's id) that went back to a worker, as a new message or as records, by their ids."""

    record_id: str
    worker: str
    things: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Redriven:
    """How many letters were sent back, why others were not, and how many that waited were not met.

    ``went`` names those that were sent back, ``rejected`` says which of their records were rejected anew
    by a worker in this process.
    """

    sent: int
    kept: tuple[str, ...]
    went: tuple[Went, ...] = ()
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
        self._opener = Opener(origins, aws=aws)
        self._aws = aws
        self._invoke = invoke
        self._patience_s = patience_s
        self._sent_back = sent_back
        self._handed_over: set[str] = set()
        self._went: list[Went] = []

    def redrive(self, *, refresh: bool = False, seen: int = 0, wanted: str | None = None) -> Redriven:
        """Send back what waits now; ``refresh`` takes changed items as they are in the table now.

        ``seen`` is how many somebody has seen there; the queue's own count may be of a moment ago.
        With ``wanted`` only letters go whose record's id, or own, begins like this.
        """
        kept: list[tuple[Letter, str]] = []
        passed: list[Letter] = []
        self._went = []
        sqs = self._aws("sqs")
        with Walk(sqs, self._queue_url, visibility_s=_VISIBILITY_S, patience_s=self._patience_s) as walk:
            waiting, letters = max(walk.counted, seen), iter(walk)
            for letter in islice(letters, waiting):  # what comes back meanwhile is for the next time
                if not letter.is_called(wanted):
                    passed.append(letter)
                    continue
                try:
                    self._keep_order(letter, [*passed, *(other for other, _ in kept)])
                    went = self._send_back(letter, refresh=refresh)
                    walk.take_out(letter)
                except Exception as error:  # noqa: BLE001 - whatever a letter or its worker does keeps no other
                    kept.append((letter, _why(error)))
                    _log.warning("dead letter %s stays: %s", letter.record_id, _why(error))
                else:
                    self._went.append(went)
            rejected = self._rejected_anew(letters)
        reasons = tuple(f"{letter.record_id}: {why}" for letter, why in kept)
        missed = waiting - len(self._went) - len(kept) - len(passed)
        return Redriven(
            sent=len(self._went), kept=reasons, went=tuple(self._went), rejected=rejected, missed=missed
        )

    def _rejected_anew(self, letters: Iterable[Letter]) -> tuple[str, ...]:
        """Say of which records a worker has written a new letter, although it acknowledged them."""
        if not self._handed_over:
            return ()
        return tuple(
            ": ".join(filter(None, (letter.record_id, letter.code, masked_text(letter.error))))
            for letter in letters
            if letter.record_id in self._handed_over
        )

    def _keep_order(self, letter: Letter, kept: Iterable[Letter]) -> None:
        if letter.group is not None and any(letter.group == other.group for other in kept):
            raise NotSentBack("an earlier one of its group stays.")

    def _send_back(self, letter: Letter, *, refresh: bool) -> Went:
        if letter.unreadable:
            raise NotSentBack(f"{letter.error}; look at it and delete it by hand.")
        origin = self._opener.origin(letter)
        things = self._go_back(letter, origin, refresh=refresh)
        self._sent_back(letter.message_id, origin.worker_id, things)
        return Went(letter.record_id, origin.worker_id, tuple(things))

    def _go_back(self, letter: Letter, origin: Origin, *, refresh: bool) -> Sequence[str]:
        """Send a letter back in the way of its form, and return as what."""
        if letter.form == "metadata":
            records = self._opener.read_again(json.loads(letter.body), origin)
            return self._hand_over(origin, records, refresh=refresh)
        if letter.form == "original":
            return self._resend(origin, original_in(letter))
        if letter.form == "event":
            self._invoke(origin.worker_id, json.loads(letter.body)["requestPayload"])
            return [letter.record_id]
        record = self._opener.unpacked(json.loads(letter.body), origin)
        if record.get("eventSource") == "aws:sqs":
            return self._resend(origin, original_of(record))
        if not _STREAMED.isdisjoint(record):
            return self._hand_over(origin, [restaged(record)], refresh=refresh)
        self._handed_over.add(letter.record_id)
        self._take(origin, self._invoke(origin.worker_id, _event_of(record)))
        return [letter.record_id]

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
    return name + masked_text(text_of(error))
