"""When received messages become visible again, on the stage's clock.

Pollers receive with the longest visibility that SQS has and enter each message here; the book makes
it visible when its own time, which workers may change, has passed. A message whose invocation is
still under way waits for its end: on a stage that runs faster a worker may need more of the stage's
time than it would of Lambda's, and must not meet its own message twice for that.

What the book says is remembered: a stage that goes on makes what was in hand visible at once, and the
rest when it is due.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct
from msgspec.structs import replace

from worker_runtime.clients.sqs_limits import ENTRIES_A_CALL, VISIBILITY_MAX_S
from worker_runtime.errors import WorkerRuntimeError
from worker_runtime.local.stage.keeping.memory import Forgetful
from worker_runtime.local.stage.parts.part import Part
from worker_runtime.local.stage.polling.paces import BROKEN_S
from worker_runtime.local.stage.polling.stage_time import machine_seconds
from worker_runtime.local.stage.threads.real import REAL

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Self

    from mypy_boto3_sqs import SQSClient

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.keeping.memory import Memory
    from worker_runtime.local.stage.threads.threads import Threads

HIDDEN: Final = "hidden"
"""The kind under which the book remembers messages, by their receipt handles."""

_log = logging.getLogger(__name__)


class ReceiptUnknown(WorkerRuntimeError):
    """No message that is in flight has this receipt handle."""


class VisibilityRefused(WorkerRuntimeError):
    """A visibility timeout that SQS does not take."""


class Hidden(Struct, frozen=True):
    """A received message: its queue, when it was received, when it is due, whether a worker has it."""

    queue_url: str
    received_at: float
    due_at: float
    in_hand: bool = True


class VisibilityBook(Part):
    """All messages that the pollers of a stage have received and not deleted; for many threads."""

    def __init__(
        self, sqs: SQSClient, *, clock: Clock, threads: Threads = REAL, memory: Memory | None = None
    ) -> None:
        """Prepare; with a ``memory`` messages stay hidden at the end, for the next book that has it."""
        self._sqs = sqs
        self._memory = Forgetful() if memory is None else memory
        self._leaves = memory is not None
        self._clock = clock
        self._hidden: dict[str, Hidden] = {}
        self._polled: set[str] = set()
        self._threads = threads
        self._changed = threads.condition()
        self._stopped = False
        self._keeper = threads.thread(self._keep, name="visibility")

    def start(self) -> Self:
        """Begin to make messages visible, those that are remembered among them."""
        now = self._clock.now()
        for receipt, value in self._memory.read(HIDDEN):
            kept = msgspec.json.decode(value, type=Hidden)
            due_at = now if kept.in_hand else kept.due_at
            self._hidden[receipt] = replace(kept, due_at=due_at, in_hand=False)
        self._keeper.start()
        return self

    def stop(self) -> None:
        """Make all messages visible, or leave them to the next book, and end."""
        with self._changed:
            self._stopped = True
            left = list(self._hidden.items())
            self._hidden.clear()
            self._changed.notify()
        if self._keeper.is_alive():
            self._keeper.join()
        if not self._leaves:
            self._reveal(left)

    def polls(self, queue_url: str) -> None:
        """Keep the book of this queue."""
        self._polled.add(queue_url)

    def keeps(self, queue_url: str) -> bool:
        """Whether the messages of this queue are in the book."""
        return queue_url in self._polled

    def enter(self, queue_url: str, receipts: Iterable[str], *, visibility_s: float) -> None:
        """Hide messages that were received just now for ``visibility_s`` seconds."""
        now = self._clock.now()
        with self._changed:
            self._write({receipt: Hidden(queue_url, now, now + visibility_s) for receipt in receipts})

    def change(self, receipt: str, *, timeout_s: int) -> None:
        """Hide a message for ``timeout_s`` seconds from now, as a worker asks.

        Raises ReceiptUnknown and VisibilityRefused as SQS would refuse it.
        """
        if not 0 <= timeout_s <= VISIBILITY_MAX_S:
            raise VisibilityRefused(
                f"Value {timeout_s} for parameter VisibilityTimeout is invalid. Reason:"
                f" VisibilityTimeout must be an integer between 0 and {VISIBILITY_MAX_S}."
            )
        due_at = self._clock.now() + timeout_s
        with self._changed:
            hidden = self._hidden.get(receipt)
            if hidden is None:
                raise ReceiptUnknown("The input receipt handle is invalid.")
            if due_at - hidden.received_at > VISIBILITY_MAX_S:
                raise VisibilityRefused(
                    f"Value {timeout_s} for parameter VisibilityTimeout is invalid. Reason: Total"
                    f" VisibilityTimeout for the message is beyond the limit [{VISIBILITY_MAX_S} seconds]."
                )
            self._write({receipt: replace(hidden, due_at=due_at)})
            self._changed.notify()

    def let_go(self, receipts: Iterable[str]) -> None:
        """Make messages visible when they are due: their invocation ended and they were not deleted."""
        with self._changed:
            kept = {receipt: self._hidden[receipt] for receipt in receipts if receipt in self._hidden}
            self._write({receipt: replace(each, in_hand=False) for receipt, each in kept.items()})
            self._changed.notify()

    def due_at(self, receipt: str) -> float:
        """Tell when a message is due, in the stage's epoch seconds; 0 where it is not hidden."""
        with self._changed:
            hidden = self._hidden.get(receipt)
            return 0.0 if hidden is None else hidden.due_at

    def strike(self, receipts: Collection[str]) -> None:
        """Forget messages that were deleted."""
        with self._changed:
            for receipt in receipts:
                self._hidden.pop(receipt, None)
            self._forget(receipts)

    def _keep(self) -> None:
        while True:
            with self._changed:
                if self._stopped:
                    return
                due = self._take_due()
                if not due:
                    self._changed.wait(self._next_wait_s())
                    continue
            self._reveal(due)

    def _take_due(self) -> list[tuple[str, Hidden]]:
        now = self._clock.now()
        due = [(receipt, each) for receipt, each in self._hidden.items() if _is_due(each, now)]
        for receipt, _ in due:
            del self._hidden[receipt]
        return due

    def _next_wait_s(self) -> float | None:
        waiting = [each.due_at for each in self._hidden.values() if not each.in_hand]
        if not waiting:
            return None
        return max(machine_seconds(self._clock, min(waiting) - self._clock.now()), 0.001)

    def _reveal(self, messages: list[tuple[str, Hidden]]) -> None:
        by_queue: dict[str, list[str]] = {}
        for receipt, each in messages:
            by_queue.setdefault(each.queue_url, []).append(receipt)
        for queue_url, receipts in by_queue.items():
            for start in range(0, len(receipts), ENTRIES_A_CALL):
                self._reveal_ten(queue_url, receipts[start : start + ENTRIES_A_CALL])
        self._threads.news()

    def _reveal_ten(self, queue_url: str, receipts: list[str]) -> None:
        entries: Any = [
            {"Id": str(at), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
            for at, receipt in enumerate(receipts)
        ]
        try:
            answer = self._sqs.change_message_visibility_batch(QueueUrl=queue_url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            self._hide_again(queue_url, receipts, why=error)
            return
        failed = [each for each in answer.get("Failed", ()) if not each["SenderFault"]]  # else it is gone
        if failed:
            self._hide_again(queue_url, [receipts[int(each["Id"])] for each in failed], why=failed[0]["Code"])
        again = {receipts[int(each["Id"])] for each in failed}
        self._forget([receipt for receipt in receipts if receipt not in again])

    def _hide_again(self, queue_url: str, receipts: list[str], *, why: object) -> None:
        """Keep messages for another try to make them visible."""
        if self._stopped:
            return
        _log.warning("%d messages of %s not made visible yet: %s", len(receipts), queue_url, why)
        due_at = self._clock.now() + BROKEN_S * self._clock.speed
        with self._changed:
            self._write({receipt: Hidden(queue_url, due_at, due_at, in_hand=False) for receipt in receipts})

    def _write(self, entries: Mapping[str, Hidden]) -> None:
        self._hidden.update(entries)
        with self._memory.together():
            for receipt, hidden in entries.items():
                self._memory.put(HIDDEN, receipt, msgspec.json.encode(hidden))

    def _forget(self, receipts: Collection[str]) -> None:
        with self._memory.together():
            for receipt in receipts:
                self._memory.drop(HIDDEN, receipt)


def _is_due(hidden: Hidden, now: float) -> bool:
    return not hidden.in_hand and hidden.due_at <= now
