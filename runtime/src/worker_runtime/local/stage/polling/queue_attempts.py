"""Tries a queue's batches at the worker: deletes what is done, leaves the rest to its visibility.

Between ``SqsPoller``, which gathers, and the worker; what a queue's poller holds is in the book meanwhile.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from worker_runtime.clients.sqs_limits import ENTRIES_A_CALL
from worker_runtime.local.stage.lineage.happenings import Deleted, GivenUp, Waiting
from worker_runtime.local.stage.polling.batches import AllDone, BatchFailed, SomeFailed
from worker_runtime.local.stage.polling.delivering import by_payload, receives_of
from worker_runtime.local.stage.polling.stage_time import machine_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mypy_boto3_sqs import SQSClient

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.polling.batch_places import BatchPlaces
    from worker_runtime.local.stage.polling.batches import Reading
    from worker_runtime.local.stage.polling.delivering import Delivery
    from worker_runtime.local.stage.polling.polled_queue import PolledQueue
    from worker_runtime.local.stage.polling.staged_records import StagedRecord
    from worker_runtime.local.stage.polling.visibility import VisibilityBook
    from worker_runtime.local.stage.threads.threads import Flag
    from worker_runtime.sources.sqs import Sqs

_THROTTLED_S = 1.0

_log = logging.getLogger(__name__)


class QueueAttempts:
    """The tries of one mapping; for many threads."""

    def __init__(  # noqa: PLR0913 - what is tried, for whom, and four parts of the stage
        self,
        source: Sqs,
        *,
        queue: PolledQueue,
        delivery: Delivery,
        sqs: SQSClient,
        book: VisibilityBook,
        places: BatchPlaces,
        clock: Clock,
        quit: Flag,  # noqa: A002 - what it is
        payload_bytes: int,
    ) -> None:
        self._source = source
        self._queue = queue
        self._delivery = delivery
        self._sqs = sqs
        self._book = book
        self._places = places
        self._clock = clock
        self._quit = quit
        self._payload_bytes = payload_bytes

    def hand_over(self, records: Sequence[StagedRecord]) -> None:
        """Invoke the worker, once for each part that fits into an event.

        Of a FIFO group nothing is handed over behind a message that stays in the queue.
        """
        while records:
            part = next(by_payload(records, most_bytes=self._payload_bytes))
            gone = self._hand_over_part(part)
            records = records[len(part) :]
            if self._source.ordered:
                stuck = {record.lane for record in part if record not in gone}
                self._leave([record for record in records if record.lane in stuck])
                records = [record for record in records if record.lane not in stuck]

    def delete(self, records: Sequence[StagedRecord]) -> list[StagedRecord]:
        """Delete messages and return those that are gone; others become visible again when they are due."""
        gone: list[StagedRecord] = []
        for start in range(0, len(records), ENTRIES_A_CALL):
            ten = records[start : start + ENTRIES_A_CALL]
            receipts = self._delete_ten(receipts_of(ten))
            deleted = [record for record in ten if record.raw["receiptHandle"] in receipts]
            self._delivery.note(Deleted(self._delivery.worker_id, deleted))
            gone += deleted
        return gone

    def _hand_over_part(self, part: list[StagedRecord]) -> list[StagedRecord]:
        """Invoke the worker and delete what is done; throttled, try until the visibility is over."""
        while not self._quit.is_set():
            delivered = self._delivery.hand_over(part, repeatable=not self._source.ordered)
            self._pace(delivered.reading)
            if delivered.reading is not None:
                done = _done(part, delivered.reading)
                gone = self.delete(done)
                self._leave([record for record in part if record not in done])
                return gone
            if self._clock.now() >= min(self._book.due_at(receipt) for receipt in receipts_of(part)):
                break
            self._quit.wait(machine_seconds(self._clock, _THROTTLED_S))
        return []

    def _pace(self, reading: Reading | None) -> None:
        """Let fewer batches be in flight after an error or a throttle, and more again when it goes well."""
        if reading is None or (isinstance(reading, BatchFailed) and reading.raised):
            self._places.slow_down()
        else:
            self._places.speed_up()

    def _leave(self, records: Sequence[StagedRecord]) -> None:
        """Note what becomes of messages that are not deleted: they come again, or have come too often."""
        worker_id, dead_letters = self._delivery.worker_id, self._source.dead_letters
        for record in records:
            if dead_letters is not None and receives_of(record) >= self._source.max_receives:
                self._delivery.note(GivenUp(worker_id, [record], "MaxReceives", to=dead_letters))
            else:
                due_at = self._book.due_at(record.raw["receiptHandle"])
                self._delivery.note(Waiting(worker_id, [record], due_at, "visibility"))

    def _delete_ten(self, receipts: Sequence[str]) -> set[str]:
        entries: Any = [{"Id": str(at), "ReceiptHandle": receipt} for at, receipt in enumerate(receipts)]
        kept, why = receipts, ""
        try:
            failed = self._sqs.delete_message_batch(QueueUrl=self._queue.url, Entries=entries).get(
                "Failed", []
            )
            kept = [receipts[int(each["Id"])] for each in failed]
            why = ", ".join(sorted({each["Code"] for each in failed}))
        except (BotoCoreError, ClientError) as error:
            why = str(error)
        gone = set(receipts) - set(kept)
        self._book.strike(gone)
        if kept:
            self._book.let_go(kept)
            _log.warning(
                "%s: %d messages are not deleted and come again: %s", self._queue.url, len(kept), why
            )
        return gone


def receipts_of(records: Iterable[StagedRecord]) -> list[str]:
    """Name what was received by its receipt handles."""
    return [record.raw["receiptHandle"] for record in records]


def _done(batch: Sequence[StagedRecord], reading: Reading) -> list[StagedRecord]:
    match reading:
        case AllDone():
            return list(batch)
        case SomeFailed(ids=ids):
            return [record for record in batch if record.id not in ids]
        case _:
            return []
