"""Takes what a topic, bucket or rule sent to a worker out of its relay and puts it into Lambda's queue.

A message stays in the relay, hidden, until its event is done or given up: a stage that is killed meanwhile
finds it there again.
"""

from __future__ import annotations

import logging
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from worker_runtime.clients.sqs_limits import ENTRIES_A_CALL, VISIBILITY_MAX_S
from worker_runtime.local.stage.lineage.happenings import Refused
from worker_runtime.local.stage.parts.part import Part
from worker_runtime.local.stage.polling.paces import BROKEN_S, POLL_S
from worker_runtime.local.stage.threads.real import REAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Self

    from mypy_boto3_sqs import SQSClient

    from worker_runtime.local.stage.lineage.happenings import Judge
    from worker_runtime.local.stage.polling.delivering import Delivery
    from worker_runtime.local.stage.polling.staged_records import StagedRecord
    from worker_runtime.local.stage.polling.visibility import VisibilityBook
    from worker_runtime.local.stage.threads.threads import Threads

IN_HAND: Final = 200
"""Events of one source on their way at once; others wait in the relay. Lambda has no such bound."""

_COUNTS: Final = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")

_log = logging.getLogger(__name__)


class Refusal(Protocol):
    """Records that the worker is not to hear of, and what refuses them."""

    @property
    def records(self) -> Sequence[StagedRecord]:
        """The records, as Lambda would have them."""

    @property
    def filters(self) -> Judge:
        """What says why."""


class Form(Protocol):
    """Makes the text of a message an event of Lambda's."""

    def event(self, text: str) -> Any | None:
        """Return the event; None where Lambda would be told nothing. Raises ValueError and LookupError."""

    def refusal(self, event: Any) -> Refusal | None:
        """Say whether the worker's filter refuses it."""


class Queue(Protocol):
    """Lambda's queue of a function's asynchronous invocations: ``AsyncEvents``."""

    def put(self, event: Any, *, then: Callable[[], None]) -> None:
        """See an event through, and call ``then`` when it is over."""

    def quit(self) -> None:
        """Try nothing more."""

    def join(self) -> None:
        """Wait for the end of what is in flight, after ``quit``."""


class EventRelay(Part):
    """Empties one relay for one worker."""

    def __init__(  # noqa: PLR0913 - a queue, what becomes of its messages, and three parts of the stage
        self,
        queue_url: str,
        *,
        form: Form,
        delivery: Delivery,
        events: Queue,
        sqs: SQSClient,
        book: VisibilityBook,
        threads: Threads = REAL,
    ) -> None:
        self._queue_url = queue_url
        self._form = form
        self._delivery = delivery
        self._events = events
        self._sqs = sqs
        self._book = book
        self._threads = threads
        self._quit = threads.flag()
        self._poller = threads.thread(self._poll, name=f"relay-{queue_url}")
        self._lock = Lock()
        self._in_hand = 0

    def start(self) -> Self:
        """Begin to poll."""
        self._poller.start()
        return self

    def quit(self) -> None:
        """Take nothing more and try nothing again; what is in flight goes on."""
        self._quit.set()
        self._events.quit()

    def stop(self) -> None:
        """Take nothing more and wait for the end of what is in flight."""
        self.quit()
        if self._poller.is_alive():
            self._poller.join()
        self._events.join()

    def busy(self) -> bool:
        """Whether an event waits in the relay, is in flight or waits for its next try."""
        counts = self._sqs.get_queue_attributes(QueueUrl=self._queue_url, AttributeNames=[*_COUNTS])
        return any(int(count) for count in counts["Attributes"].values())

    def _poll(self) -> None:
        shortest_s, longest_s = POLL_S
        pause_s = shortest_s
        while not self._threads.look_again(self._quit, within_s=pause_s):
            pause_s = shortest_s if self._take() else min(2 * pause_s, longest_s)

    def _take(self) -> bool:
        """Receive messages and see them on their way; whether there were any."""
        with self._lock:
            most = min(ENTRIES_A_CALL, IN_HAND - self._in_hand)
        messages = self._receive(most) if most > 0 else []
        for message in messages:
            self._see_on_its_way(message)
        return bool(messages)

    def _receive(self, most: int) -> list[Any]:
        try:
            received: Any = self._sqs.receive_message(
                QueueUrl=self._queue_url, MaxNumberOfMessages=most, VisibilityTimeout=VISIBILITY_MAX_S
            )
        except (BotoCoreError, ClientError) as error:
            _log.warning("%s cannot be received from: %s", self._queue_url, error)
            self._quit.wait(BROKEN_S)
            return []
        messages: list[Any] = received.get("Messages", [])
        receipts = [each["ReceiptHandle"] for each in messages]
        self._book.enter(self._queue_url, receipts, visibility_s=0)  # due as soon as it is let go
        return messages

    def _see_on_its_way(self, message: Mapping[str, Any]) -> None:
        receipt: str = message["ReceiptHandle"]
        event = self._event(message["Body"])
        with self._lock:
            self._in_hand += 1
        if event is None:
            self._over(receipt)
        else:
            self._events.put(event, then=partial(self._over, receipt))

    def _event(self, text: str) -> Any | None:
        """Shape a message; None where the worker is not to hear of it."""
        try:
            event = self._form.event(text)
            refusal = None if event is None else self._form.refusal(event)
        except (ValueError, LookupError, TypeError) as error:
            _log.warning("%s: a message that is no event is dropped: %r", self._queue_url, error)
            return None
        if refusal is None:
            return event
        self._delivery.note(Refused(self._delivery.worker_id, refusal.records, refusal.filters))
        return None

    def _over(self, receipt: str) -> None:
        """Delete a message; where that fails its event comes again, as events of Lambda's may."""
        entries: Any = [{"Id": "0", "ReceiptHandle": receipt}]
        try:
            answer: Any = self._sqs.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)
            kept = ", ".join(each["Code"] for each in answer.get("Failed", []))
        except (BotoCoreError, ClientError) as error:
            kept = str(error)
        if kept:
            _log.warning("%s: a message is not deleted and comes again: %s", self._queue_url, kept)
            self._book.let_go([receipt])
        else:
            self._book.strike([receipt])
        with self._lock:
            self._in_hand -= 1
