"""What waits in a queue, looked at and left there: each message is received once, and soon put back.

SQS shows a message to nobody without handing it out: each look spends one of the receives that a message
has before it is dead-lettered. So one look is all, unless somebody wants to follow the queue, and then no
message is made to spend its last one by a second look.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

from worker_runtime import clock as clocks
from worker_runtime.clients.sqs_limits import ENTRIES_A_CALL
from worker_runtime.errors import SettingsError
from worker_runtime.filters import compile_filters
from worker_runtime.local.stage.polling.delivering import by_payload, receives_of
from worker_runtime.local.stage.polling.staged_records import sqs_record

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from mypy_boto3_sqs import SQSClient

    from worker_runtime.clock import Clock
    from worker_runtime.local.recording.until import Until
    from worker_runtime.local.stage.polling.staged_records import StagedRecord
    from worker_runtime.sources.sqs import Sqs

LOOK_S: Final = 5.0
"""How long one look takes at most, and so how long a message is hidden."""

PAUSE_S: Final = 5.0
_HIDDEN_S: Final = 30  # where this process is killed in the middle of a look
_ONE = 1


class QueueTap:
    """One queue; ``source`` says how its worker takes batches, and which messages."""

    def __init__(self, sqs: SQSClient, url: str, *, source: Sqs | None, clock: Clock) -> None:
        """Look the queue up; SettingsError where a look would dead-letter its messages."""
        self._sqs = sqs
        self._url = url
        self._source = source
        self._clock = clock
        named = ["QueueArn", "RedrivePolicy"]
        found: Any = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=named)["Attributes"]  # type: ignore[arg-type]  # literals are wanted
        self._arn: str = found["QueueArn"]
        policy = json.loads(found.get("RedrivePolicy", "{}"))
        self._most = int(policy["maxReceiveCount"]) if policy else None
        if self._most == _ONE:
            cure = "record what its worker is handed on a stage."
            raise SettingsError(f"{url} dead-letters a message after one receive, and a look is one; {cure}")
        self._filters = compile_filters(() if source is None else source.filters, data_key="body")
        self._met: set[str] = set()
        self._left: list[int] = []
        self.last_spent = 0
        """Messages that spent their last receive here: the next one dead-letters them."""

    def batches(self, until: Until) -> Generator[list[StagedRecord], None, None]:
        """Look once, or again and again as long as ``until`` follows; an empty list is a pause."""
        while True:
            yield from self._look(until)
            if not until.follows or until.over() or not self._may_look_again():
                return
            next_at = time.monotonic() + PAUSE_S
            while time.monotonic() < next_at and not until.over():
                yield []
                clocks.sleep(0.1)

    def _may_look_again(self) -> bool:
        return self._most is None or min(self._left, default=self._most) > _ONE

    def _look(self, until: Until) -> Iterator[list[StagedRecord]]:
        """Receive until nothing new comes, and put all back, whatever happens."""
        receipts: dict[str, str] = {}
        size = ENTRIES_A_CALL if self._source is None else self._source.batch_size
        waiting: list[StagedRecord] = []
        ends_at = time.monotonic() + LOOK_S
        self._left = []
        try:
            while time.monotonic() < ends_at and not until.over(waiting):
                received = self._receive(min(ENTRIES_A_CALL, until.room(waiting)))
                new = [record for record in received if record.id not in receipts]
                receipts |= {record.id: record.raw["receiptHandle"] for record in received}
                if not new:
                    break
                waiting += self._wanted(new)
                while len(waiting) >= size:
                    yield from by_payload(waiting[:size])
                    del waiting[:size]
            yield from by_payload(waiting)
        finally:
            try:
                self._put_back(list(receipts.values()))
            except KeyboardInterrupt:
                self._put_back(list(receipts.values()))  # to hide them longer is no good end
                raise

    def _receive(self, most: int) -> list[StagedRecord]:
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=most,
            VisibilityTimeout=_HIDDEN_S,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        messages: Any = answer.get("Messages", [])
        windowed = self._source is not None and self._source.window_s > 0
        return [
            sqs_record(each, queue_arn=self._arn, clock=self._clock, windowed=windowed) for each in messages
        ]

    def _wanted(self, records: Sequence[StagedRecord]) -> list[StagedRecord]:
        """Return what was not met in an earlier look and a filter takes."""
        if self._most is not None:
            left = [self._most - receives_of(record) for record in records]
            self._left += left
            self.last_spent += sum(each <= 0 for each in left)
        new = [record for record in records if record.id not in self._met]
        self._met |= {record.id for record in new}
        return [record for record in new if self._filters.takes(record.raw)]

    def _put_back(self, receipts: list[str]) -> None:
        for start in range(0, len(receipts), ENTRIES_A_CALL):
            entries: Any = [
                {"Id": str(at), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                for at, receipt in enumerate(receipts[start : start + ENTRIES_A_CALL])
            ]
            self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
