"""The form in which a source hands records to a worker, and in which its reply names them.

Between a poller and ``Delivery``: SQS and streams have a list of records, a topic has partitions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from worker_runtime.local.stage.polling.batches import read_answer
from worker_runtime.local.stage.polling.staged_records import event_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker_runtime.local.stage.execution.answers import Answer
    from worker_runtime.local.stage.polling.batches import Reading
    from worker_runtime.local.stage.polling.staged_records import StagedRecord


class EventForm(Protocol):
    """One mapping's form of events."""

    def event_of(self, records: Sequence[StagedRecord]) -> bytes:
        """Join records to the event of one invocation."""

    def read(self, answer: Answer, records: Sequence[StagedRecord]) -> Reading:
        """Tell which of the records Lambda takes for done after this answer."""


class RecordList:
    """``{"Records": [...]}``, and replies that name records by their ids."""

    def event_of(self, records: Sequence[StagedRecord]) -> bytes:
        """List the records."""
        return event_of(records)

    def read(self, answer: Answer, records: Sequence[StagedRecord]) -> Reading:
        """Read a reply as a mapping with ``ReportBatchItemFailures`` does."""
        return read_answer(answer, ids={record.id for record in records})


RECORDS: Final = RecordList()
