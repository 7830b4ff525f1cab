"""Lambda's poller of a queue: gathers messages, filters them, hands them over, deletes what is done."""

from __future__ import annotations

import logging
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from worker_runtime.clients.sqs_limits import ENTRIES_A_CALL, VISIBILITY_MAX_S
from worker_runtime.filters import compile_filters
from worker_runtime.local.stage.lineage.happenings import Received, Refused
from worker_runtime.local.stage.parts.part import Part
from worker_runtime.local.stage.polling.batch_places import CONCURRENT_BATCHES, BatchPlaces
from worker_runtime.local.stage.polling.paces import BROKEN_S, POLL_S
from worker_runtime.local.stage.polling.queue_attempts import QueueAttempts, receipts_of
from worker_runtime.local.stage.polling.stage_time import machine_seconds
from worker_runtime.local.stage.polling.staged_records import PAYLOAD_BYTES, StagedRecord, sqs_record
from worker_runtime.local.stage.threads.real import REAL

if TYPE_CHECKING:
    from typing import Self

    from mypy_boto3_sqs import SQSClient

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.polling.delivering import Delivery
    from worker_runtime.local.stage.polling.polled_queue import PolledQueue
    from worker_runtime.local.stage.polling.visibility import VisibilityBook
    from worker_runtime.local.stage.threads.threads import Thread, Threads
    from worker_runtime.sources.sqs import Sqs

_log = logging.getLogger(__name__)


class SqsPoller(Part):
    """Polls one queue for one worker; several batches are in flight at once.

    The order of a FIFO group is the queue's: it hands out nothing of a group of which a message is
    in flight, and a failed message stays in flight until its visibility is over. Of what it handed out
    together nothing goes past what failed: ``QueueAttempts``.
    """

    def __init__(  # noqa: PLR0913 - what is polled, for whom, and three parts of the stage
        self,
        source: Sqs,
        *,
        queue: PolledQueue,
        delivery: Delivery,
        sqs: SQSClient,
        book: VisibilityBook,
        clock: Clock,
        concurrent_batches: int = CONCURRENT_BATCHES,
        payload_bytes: int = PAYLOAD_BYTES,
        threads: Threads = REAL,
    ) -> None:
        self._source = source
        self._queue = queue
        self._delivery = delivery
        self._sqs = sqs
        self._book = book
        self._clock = clock
        self._filters = compile_filters(source.filters, data_key="body")
        self._threads = threads
        most = min(concurrent_batches, source.max_concurrency or concurrent_batches)
        self._places = BatchPlaces(most, clock=clock, threads=threads)
        self._quit = threads.flag()
        self._payload_bytes = payload_bytes
        self._attempts = QueueAttempts(
            source,
            queue=queue,
            delivery=delivery,
            sqs=sqs,
            book=book,
            places=self._places,
            clock=clock,
            quit=self._quit,
            payload_bytes=payload_bytes,
        )
        self._poller = threads.thread(self._poll, name=f"poll-{queue.url}")
        self._more_waits = False  # the last receive took as much as it may: there may be more
        self._lock = Lock()
        self._under_way: set[Thread] = set()

    def start(self) -> Self:
        """Begin to poll."""
        self._book.polls(self._queue.url)
        self._poller.start()
        return self

    def quit(self) -> None:
        """Receive nothing more; what is under way goes on."""
        self._quit.set()

    def stop(self) -> None:
        """Receive nothing more and wait for the end of what is under way."""
        self._quit.set()
        if self._poller.is_alive():
            self._poller.join()
        with self._lock:
            under_way = list(self._under_way)
        for thread in under_way:
            thread.join()

    def busy(self) -> bool:
        """Whether a message is in flight, hidden, delayed or waiting."""
        with self._lock:
            if self._under_way:
                return True
        counts = self._sqs.get_queue_attributes(
            QueueUrl=self._queue.url,
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            ],
        )["Attributes"]
        return any(int(count) for count in counts.values())

    def _poll(self) -> None:
        """Poll again and again, shortly: a long poll could not be ended by ``stop``."""
        shortest_s, longest_s = POLL_S
        pause_s = shortest_s
        while not self._quit.is_set():
            if not self._more_waits and self._threads.look_again(self._quit, within_s=pause_s):
                return
            if not self._places.take(timeout_s=longest_s, wanted=self._more_waits):
                continue
            if self._quit.is_set():  # while it waited for a place: a receive would be spent on nothing
                self._places.give_back()
                return
            records = self._gather()
            if records:
                self._start(records)
                pause_s = shortest_s
            else:
                self._places.give_back()
                pause_s = min(2 * pause_s, longest_s)

    def _gather(self) -> list[StagedRecord]:
        """Receive until the batch is full, its window is over or its payload is large enough.

        Where a receive fails, what was gathered before is the batch; else nobody would let go of it.
        """
        records = self._receive(most=self._source.batch_size) or []
        window_ends = self._clock.now() + self._source.window_s
        while (
            records
            and (most := self._source.batch_size - len(records)) > 0
            and sum(len(record.json) for record in records) < self._payload_bytes
            and (left_s := machine_seconds(self._clock, window_ends - self._clock.now())) > 0
            and not self._quit.is_set()
        ):
            more = self._receive(most=most)
            if more is None:
                break
            records += more
            if not more:
                self._threads.look_again(self._quit, within_s=POLL_S[0], left_s=left_s)
        return records

    def _receive(self, *, most: int) -> list[StagedRecord] | None:
        """Receive messages and drop (that is, delete) those that no filter takes; None where SQS fails."""
        most = min(most, ENTRIES_A_CALL)
        self._more_waits = False
        try:
            messages: list[Any] = self._sqs.receive_message(
                QueueUrl=self._queue.url,
                MaxNumberOfMessages=most,
                VisibilityTimeout=VISIBILITY_MAX_S,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            ).get("Messages", [])
        except (BotoCoreError, ClientError) as error:
            _log.warning("%s cannot be received from: %s", self._queue.url, error)
            self._quit.wait(BROKEN_S)
            return None
        self._more_waits = len(messages) == most
        windowed = self._source.window_s > 0
        records = [
            sqs_record(each, queue_arn=self._queue.arn, clock=self._clock, windowed=windowed)
            for each in messages
        ]
        if records:
            self._delivery.moved()
            self._delivery.note(Received(self._delivery.worker_id, records))
            self._book.enter(self._queue.url, receipts_of(records), visibility_s=self._queue.visibility_s)
        taken: list[StagedRecord] = []
        dropped: list[StagedRecord] = []
        for record in records:
            (taken if self._filters.takes(record.raw) else dropped).append(record)
        if dropped:
            self._delivery.note(Refused(self._delivery.worker_id, dropped, self._filters))
        self._attempts.delete(dropped)
        return taken

    def _start(self, records: list[StagedRecord]) -> None:
        if not self._source.ordered:
            records = self._delivery.mixed(records)
        thread = self._threads.thread(partial(self._run, records), name="batch")
        with self._lock:
            self._under_way.add(thread)
        thread.start()

    def _run(self, records: list[StagedRecord]) -> None:
        try:
            if (late_s := self._delivery.late_by_s(records)) > 0:
                self._quit.wait(machine_seconds(self._clock, late_s))
            self._attempts.hand_over(records)
        finally:
            self._book.let_go(receipts_of(records))
            self._delivery.moved()
            self._places.give_back()
            with self._lock:
                self._under_way.discard(self._threads.current())
